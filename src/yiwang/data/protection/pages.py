"""发起识别、确认定级、个人信息请求的办理页与公众页。"""

import uuid
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.cache import never_cache

from yiwang.data.catalog import contract as catalog
from yiwang.data.protection import jobs, queries, services
from yiwang.data.protection.models import Finding, Notice, PersonRequest, Scan
from yiwang.data.protection.services import persons
from yiwang.data.protection.services.scans import Choice
from yiwang.data.protection.terms import Level, RequestKind, ScanState
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Invalid, Refused
from yiwang.kernel.people.limits import Limit
from yiwang.kernel.people.services import throttle
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import PUBLIC, needs, route
from yiwang.standards.sensitive import SensitiveKind

SHOWN = 100
SUBMISSIONS, LOOKUPS = Limit("pi-request", 10, 60), Limit("pi-track", 60, 10)


def start(request: HttpRequest) -> HttpResponse:
    """Choose a resource and start; the scan itself runs in the background."""
    actor = actor_of(request)
    if request.method == "POST":
        given = request.POST.get("resource", "")
        if not given.isdecimal() or len(given) > 12:
            raise Invalid("没有选中资源，没有发起识别。请从列表中选择。")
        made = jobs.start(actor, int(given))
        return HttpResponseRedirect(f"/protection/scans/{made.pk}/")
    words = request.GET.get("q", "").strip()[:60]
    found = [
        each
        for each in catalog.resources(actor)
        if words in f"{each.name} {each.organisation} {each.code}" and each.items
    ]
    ungraded = {each.id: sum(not item.graded for item in each.items) for each in found}
    found.sort(key=lambda each: (-ungraded[each.id], each.code))
    rows = [(each, ungraded[each.id]) for each in found[:SHOWN]]
    context = {"rows": rows, "words": words, "total": len(found), "more": len(found) > SHOWN}
    return page(request, "protection/start.html", context, title="识别敏感数据")


def scan(request: HttpRequest, pk: int) -> HttpResponse:
    """All findings of a scan in one form."""
    actor = actor_of(request)
    found: Scan = doors.row(actor, "protection.scan", pk)
    errors: dict[str, Any] = {}
    if request.method == "POST":
        try:
            if request.POST.get("do") == "all":
                services.accept_all(actor, pk)
            else:
                services.decide(actor, pk, _choices(request, found))
            return HttpResponseRedirect(request.path)
        except Invalid as problem:
            errors = problem.errors
            found.refresh_from_db()
    rows = [_row(request, each, errors) for each in found.findings.order_by("pk")]
    pending = sum(row["open"] for row in rows)
    context = {
        "scan": found, "rows": rows, "pending": pending, "kinds": SensitiveKind.choices, "levels": Level.choices, "failed": bool(errors),
        "general": errors.get("findings", []), "graded": len(rows) - pending,
        "may": found.state in (ScanState.PROPOSED, ScanState.DECIDED) and queries.may_decide(actor, pk),
    }  # fmt: skip
    return page(request, "protection/scan.html", context, title=str(found), status=422 if errors else 200)


def _choices(request: HttpRequest, found: Scan) -> dict[int, Choice]:
    """Only the lines that are ticked."""
    made = {}
    for each in found.findings.all():
        if request.POST.get(f"take-{each.pk}"):
            level = request.POST.get(f"level-{each.pk}", "")
            made[each.pk] = Choice(request.POST.get(f"kind-{each.pk}", ""), int(level) if level in ("1", "2", "3", "4") else 0,
                                   request.POST.get(f"reason-{each.pk}", ""))  # fmt: skip
    return made


def _row(request: HttpRequest, each: Finding, errors: dict[str, Any]) -> dict[str, Any]:
    is_open = each.decision == "pending"
    kind = request.POST.get(f"kind-{each.pk}", each.kind if is_open else each.decided_kind)
    level = request.POST.get(f"level-{each.pk}", str(each.level if is_open else each.decided_level))
    return {
        "finding": each, "open": is_open, "kind": kind, "level": level, "reason": request.POST.get(f"reason-{each.pk}", each.reason),
        "errors": [*errors.get(each.name, []), *errors.get(str(each.pk), [])],
        "rules": [f"{rule['level']} 级：{rule['basis']}" for rule in each.rules],
    }  # fmt: skip


class RequestForm(forms.Form):
    kind = forms.ChoiceField(label="请求事项", choices=RequestKind.choices)
    name = forms.CharField(label="姓名", max_length=60)
    id_number = forms.CharField(
        label="公民身份号码",
        max_length=18,
        help_text="加密保存，只用于核验身份、查找和删除您的信息；删除时告知接收过您数据的部门",
    )
    contact = forms.CharField(label="联系电话", max_length=20)
    statement = forms.CharField(label="请求内容", max_length=1000, widget=forms.Textarea(attrs={"rows": 4}),
                                help_text="哪个部门的什么信息、希望怎样处理；更正的写明正确内容")  # fmt: skip
    key = forms.CharField(widget=forms.HiddenInput, max_length=40)


def _submitted(request: HttpRequest, public: bool) -> tuple[RequestForm, Any]:
    form = RequestForm(request.POST or None, initial={"key": uuid.uuid4().hex})
    if request.method == "POST" and form.is_valid():
        given = dict(form.cleaned_data)
        try:
            actor = persons.DESK if public else actor_of(request)
            return form, persons.submit(actor, **{**given, "key": f"pi:{given['key']}"})
        except Invalid as problem:
            for field, sentences in (problem.errors or {"": [problem.message]}).items():
                form.add_error(field if field in form.fields else None, sentences)
    return form, None


def intake(request: HttpRequest) -> HttpResponse:
    """At the counter, by an officer."""
    form, made = _submitted(request, public=False)
    if made is not None:
        return HttpResponseRedirect(reverse("case", args=[made.case_id]))
    context = {"form": form, "base": "ui/shell.html"}
    return page(
        request, "protection/request.html", context, title="登记个人信息请求", status=422 if form.errors else 200
    )


def _allow(limit: Limit, request: HttpRequest) -> None:
    if throttle.reserve(limit, actor_of(request).address) is not None:
        raise Invalid("操作过于频繁，请一小时后再试，或到数管局窗口办理。", rule="防止滥用")


@never_cache
def handle(request: HttpRequest, pk: int) -> HttpResponse:
    """Where the request stands, what was found, the proofs; seeing the person is an act of its own and recorded."""
    actor = actor_of(request)
    found: PersonRequest = doors.row(actor, "protection.request", pk)
    act, seen = request.POST.get("do", ""), None
    if act == "reveal":
        seen = persons.person(actor, pk)
    elif act in ("find", "erase"):
        jobs.start_person(actor, pk, act == "erase")
        return HttpResponseRedirect(f"{request.path}?started=1")
    context = {
        "request_of": found, "sections": queries.sections(actor, found), "person": seen, "started": request.GET.get("started") == "1",
        "may": queries.may_handle(actor, pk) and found.answered_at is None, "reveal": "查看请求人",
        "may_find": found.verified, "unverified": not found.verified,
        "may_erase": found.kind in (RequestKind.DELETE, RequestKind.WITHDRAW) and found.verified and found.holdings.exists(),
        "case_url": reverse("case", args=[found.case_id]),
    }  # fmt: skip
    return page(request, "protection/handle.html", context, title=str(found))


@never_cache
def notice(request: HttpRequest, pk: int) -> HttpResponse:
    """What a department has to delete; whom it is about is shown on demand and recorded."""
    actor = actor_of(request)
    found: Notice = doors.row(actor, "protection.notice", pk)
    may = doors.rows(actor, "protection.notice", "handle").filter(pk=pk).exists()
    context = {
        "request_of": found, "sections": queries.notice_sections(actor, found), "may": may and found.answered_at is None,
        "person": persons.person_to_delete(actor, pk) if request.POST.get("do") == "reveal" else None,
        "reveal": "查看要删除的人", "case_url": reverse("case", args=[found.case_id]),
    }  # fmt: skip
    return page(request, "protection/handle.html", context, title=str(found))


@never_cache
def public_request(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        _allow(SUBMISSIONS, request)
    form, made = _submitted(request, public=True)
    if made is not None:
        return HttpResponseRedirect(f"{reverse('person_track')}?code={made.tracking_code}&new=1")
    context = {"form": form, "base": "ui/public.html"}
    return page(
        request, "protection/request.html", context, title="个人信息权利请求", status=422 if form.errors else 200
    )


@never_cache
def track(request: HttpRequest) -> HttpResponse:
    """By code: stage and answer; nothing of the person."""
    code, status = request.GET.get("code", "").strip()[:20], 200
    context: dict[str, Any] = {
        "base": "ui/public.html",
        "track": True,
        "code": code.upper(),
        "is_new": request.GET.get("new") == "1",
    }
    if code:
        _allow(LOOKUPS, request)
        try:
            context["found"] = queries.tracked(code)
        except Refused as problem:
            context["problem"], status = problem.message, 404
    return page(request, "protection/request.html", context, title="查询请求", status=status)


URLS = (
    route("protection/scans/start/", start, "scan_start", needs("protection.scan", "add")),
    route("protection/scans/<int:pk>/", scan, "scan", needs("protection.scan")),
    route("protection/requests/new/", intake, "person_intake", needs("protection.request", "add")),
    route("protection/requests/<int:pk>/", handle, "person_handle", needs("protection.request")),
    route("protection/notices/<int:pk>/", notice, "deletion_notice", needs("protection.notice")),
    route("public/personal-information/", public_request, "person_request", PUBLIC),
    route("public/personal-information/track/", track, "person_track", PUBLIC),
)
