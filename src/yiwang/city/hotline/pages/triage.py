"""派单台：建议分类、建议事项、成批派单；分类模型。"""

import csv
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from yiwang.city.hotline import queries
from yiwang.city.hotline.models import Request
from yiwang.city.hotline.services import handling, training, triage
from yiwang.kernel.access.actors import Conflict, Invalid
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.ui.posted import numbers, one_number
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import needs, route

ROWS = 50


@dataclass(frozen=True)
class Line:
    request: Request
    choices: list[dict[str, Any]]
    abstained: bool
    proposals: list[dict[str, Any]]


def _lines(found: list[Request]) -> list[Line]:
    lines = []
    for request in found:
        latest = request.triage_decisions.last()
        lines.append(
            Line(
                request=request,
                choices=latest.choices if latest else [],
                abstained=latest is not None and not latest.proposed,
                proposals=[] if request.matter_code else triage.proposals(request),
            )
        )
    return lines


def board(request: HttpRequest) -> HttpResponse:
    """Requests waiting for dispatch, oldest first; each with its proposals and the reason for them."""
    actor = actor_of(request)
    waiting = queries.waiting_for_dispatch(actor)
    wanted = request.GET.get("show", "")
    if wanted == "ready":
        waiting = waiting.exclude(matter_code="")
    elif wanted == "unsure":
        waiting = waiting.filter(category="")
    pages = Paginator(waiting, ROWS)
    sheet = pages.get_page(request.GET.get("page"))
    context = {
        "lines": _lines(list(sheet)),
        "sheet": sheet,
        "total": pages.count,
        "show": wanted,
        "key": uuid.uuid4().hex,
        "model": queries.active_model(),
    }
    return page(request, "hotline/triage.html", context, title="派单台")


def _back(request: HttpRequest) -> HttpResponseRedirect:
    where = {name: request.POST.get(name, "") for name in ("show", "page")}
    return HttpResponseRedirect(f"{reverse('hotline_triage')}?{urlencode(where)}")


@require_POST
def decide(request: HttpRequest) -> HttpResponse:
    triage.decide_category(actor_of(request), one_number(request, "request"), request.POST.get("category", ""))
    return _back(request)


@require_POST
def assign(request: HttpRequest) -> HttpResponse:
    triage.assign_matter(actor_of(request), one_number(request, "request"), request.POST.get("matter", ""))
    return _back(request)


@require_POST
def adopt(request: HttpRequest) -> HttpResponse:
    """Fix the first proposed matter of each ticked request, all or none: the officer has looked at them."""
    given = {each: request.POST.get(f"proposed-{each}", "") for each in numbers(request, "request")}
    triage.assign_matters(actor_of(request), {each: code for each, code in given.items() if code})
    return _back(request)


@require_POST
def dispatch(request: HttpRequest) -> HttpResponse:
    """Dispatch the ticked requests to the responsible organ of their matter, each on its own."""
    chosen = numbers(request, "request")
    if not chosen:
        raise Invalid("没有勾选诉求。请先勾选已定事项的诉求，再派单。")
    result = handling.dispatch_by_matter(actor_of(request), chosen, key=request.POST.get("key", "")[:40])
    context = {"result": result, "lines": [], "total": 0, "show": "", "key": uuid.uuid4().hex}
    return page(request, "hotline/triage.html", context, title="派单结果")


class TrainForm(forms.Form):
    file = forms.FileField(
        label="训练数据", help_text="CSV：text、label 两列，可有 group 列（近似重复同组）；UTF-8 或 GB18030"
    )


def models(request: HttpRequest) -> HttpResponse:
    """The classifier: versions with their cross-validated figures, training from a file or from decided requests as a job;
    the page reloads itself while one runs."""
    actor = actor_of(request)
    form = TrainForm(request.POST or None, request.FILES or None)
    if request.method == "POST":
        try:
            if request.POST.get("source") == "decided":
                training.start(actor)
                return HttpResponseRedirect(reverse("hotline_models"))
            if form.is_valid():
                training.start(actor, form.cleaned_data["file"].read())
                return HttpResponseRedirect(reverse("hotline_models"))
        except (Invalid, Conflict) as problem:
            form.add_error(None, problem.message)
        except (ValueError, csv.Error):
            form.add_error(None, "文件无法读取：须为 UTF-8 或 GB18030 编码的 CSV，group 列须为整数。")
    versions = queries.model_versions()[:20]
    job = queries.last_training()
    ended = job is None or job.state in (Job.State.DONE, Job.State.FAILED)
    context = {"form": form, "versions": versions, "log": queries.triage_log(actor)[:30], "job": job, "ended": ended}
    status = 422 if form.errors else 200
    answer = page(request, "hotline/models.html", context, title="分类模型", status=status)
    if not ended and request.method == "GET":
        answer["Refresh"] = "2"
    return answer


TRIAGE_URLS = (
    route("hotline/triage/", board, "hotline_triage", needs("hotline.request", "triage")),
    route("hotline/triage/category/", decide, "hotline_decide", needs("hotline.request", "triage")),
    route("hotline/triage/matter/", assign, "hotline_assign", needs("hotline.request", "triage")),
    route("hotline/triage/adopt/", adopt, "hotline_adopt", needs("hotline.request", "triage")),
    route("hotline/triage/dispatch/", dispatch, "hotline_dispatch", needs("hotline.request", "triage")),
    route("hotline/models/", models, "hotline_models", needs("hotline.triage_model", "view")),
)
