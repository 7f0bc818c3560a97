"""报告页：编制、查看、发布、更正、核验、下载。"""

from urllib.parse import quote

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from yiwang.cockpit.reports import queries, services
from yiwang.cockpit.reports.models import Report, Template
from yiwang.cockpit.reports.rendering import to_docx, to_pdf
from yiwang.cockpit.reports.services import digest_of
from yiwang.cockpit.reports.terms import State
from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import needs, route

DEMO_MARK = "演示数据，非真实统计"


class NewForm(forms.Form):
    template = forms.ModelChoiceField(label="模板", queryset=Template.objects.none())
    period = forms.CharField(label="期间", max_length=7, help_text="月报写 2026-03，年报写 2026")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        choice = self.fields["template"]
        if isinstance(choice, forms.ModelChoiceField):
            choice.queryset = Template.objects.filter(pk__in=queries.templates().values("pk"))


def overview(request: HttpRequest) -> HttpResponse:
    """All reports the reader may see, and the form for a new one."""
    actor = actor_of(request)
    last = timezone.localdate().replace(day=1)
    form = NewForm(request.POST or None, initial={"period": f"{last:%Y-%m}"})
    if request.method == "POST" and form.is_valid():
        try:
            made = services.draft(actor, form.cleaned_data["template"], form.cleaned_data["period"].strip())
        except Invalid as problem:
            form.add_error("period", problem.message)
        else:
            return HttpResponseRedirect(reverse("report", args=[made.pk]))
    context = {"form": form, "reports": queries.reports(actor)[:100], "may_add": actor.can("reports.report", "add")}
    return page(request, "reports/list.html", context, title="报告", status=422 if form.errors else 200)


def detail(request: HttpRequest, pk: int) -> HttpResponse:
    actor = actor_of(request)
    found = queries.report(actor, pk)
    if request.method == "POST":
        services.write_note(actor, found, request.POST.get("note", ""), version=int(request.POST.get("version", "0")))
        return HttpResponseRedirect(reverse("report", args=[pk]))
    context = {"report": found, "document": queries.document(actor, found), "draft": found.state == State.DRAFT,
               "may_issue": actor.can("reports.report", "issue"), "may_change": actor.can("reports.report", "change")}  # fmt: skip
    return page(request, "reports/detail.html", context, title=found.title)


@require_POST
def issue(request: HttpRequest, pk: int) -> HttpResponse:
    actor = actor_of(request)
    services.issue(actor, queries.report(actor, pk))
    return HttpResponseRedirect(reverse("report", args=[pk]))


@require_POST
def correct(request: HttpRequest, pk: int) -> HttpResponse:
    actor = actor_of(request)
    made = services.correct(actor, queries.report(actor, pk), request.POST.get("reason", ""))
    return HttpResponseRedirect(reverse("report", args=[made.pk]))


@require_GET
def check(request: HttpRequest, pk: int) -> HttpResponse:
    """Every sealed figure beside what its rows and the live query say today."""
    actor = actor_of(request)
    found = queries.report(actor, pk)
    intact = found.body is not None and digest_of(queries.document(actor, found)) == found.digest
    context = {"report": found, "lines": queries.checked(actor, found), "intact": intact}
    return page(request, "reports/check.html", context, title=f"核验：{found.title}")


def _attachment(found: Report, content: bytes, ending: str, media: str) -> HttpResponse:
    name = quote(f"{found.title}.{ending}")
    return HttpResponse(
        content, content_type=media, headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    )


@require_GET
def download(request: HttpRequest, pk: int, form: str) -> HttpResponse:
    """DOCX or PDF of what the page shows."""
    actor = actor_of(request)
    found = queries.report(actor, pk)
    document, origin = queries.document(actor, found), request.build_absolute_uri("/").rstrip("/")
    mark = "　".join(
        part for part in (DEMO_MARK if settings.DEMO_CITY else "", "草稿" if found.state == State.DRAFT else "") if part
    )
    if form == "docx":
        media = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        return _attachment(found, to_docx(document, origin=origin, mark=mark), "docx", media)
    return _attachment(found, to_pdf(document, origin=origin, mark=mark), "pdf", "application/pdf")


URLS = (
    route("reports/", overview, "reports", needs("reports.report")),
    route("reports/<int:pk>/", detail, "report", needs("reports.report")),
    route("reports/<int:pk>/issue/", issue, "report_issue", needs("reports.report", "issue")),
    route("reports/<int:pk>/correct/", correct, "report_correct", needs("reports.report", "issue")),
    route("reports/<int:pk>/check/", check, "report_check", needs("reports.report")),
    route("reports/<int:pk>/report.<slug:form>", download, "report_download", needs("reports.report", "export")),
)
