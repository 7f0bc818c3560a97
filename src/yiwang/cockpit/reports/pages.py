"""报告页：编制、查看、发布、更正、核验、下载，模板修改。"""

from typing import Any
from urllib.parse import quote

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from yiwang.cockpit.reports import queries, services
from yiwang.cockpit.reports.document import Block, Document
from yiwang.cockpit.reports.models import Report, Template
from yiwang.cockpit.reports.rendering import mark_of, to_docx, to_pdf
from yiwang.cockpit.reports.terms import State
from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.measures.registry import all_measures
from yiwang.kernel.ui.charts import bar
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import needs, route

SHOWN = 200
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


class NewForm(forms.Form):
    template: "forms.ModelChoiceField[Template]" = forms.ModelChoiceField(
        label="模板", queryset=Template.objects.none(), empty_label="请选择"
    )
    period = forms.CharField(label="期间", max_length=7, help_text="月报写 2026-03，年报写 2026")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["template"]
        if isinstance(choice, forms.ModelChoiceField):
            choice.queryset = queries.current_templates()


def overview(request: HttpRequest) -> HttpResponse:
    """All reports the reader may see, and the form for a new one."""
    actor = actor_of(request)
    form = NewForm(request.POST or None, initial={"period": f"{timezone.localdate():%Y-%m}"})
    if request.method == "POST" and form.is_valid():
        try:
            made = services.draft(actor, form.cleaned_data["template"], form.cleaned_data["period"].strip())
        except Invalid as problem:
            form.add_error("period", problem.message)
        else:
            return HttpResponseRedirect(reverse("report", args=[made.pk]))
    context = {
        "form": form, "reports": queries.reports(actor)[:SHOWN], "may_add": actor.can("reports.report", "add"),
        "templates": queries.current_templates() if actor.can("reports.template", "change") else [],
    }  # fmt: skip
    return page(request, "reports/list.html", context, title="报告", status=422 if form.errors else 200)


def drawn(document: Document) -> list[tuple[Block, Any]]:
    """The blocks, with a drawing for those that ask for a chart."""
    return [(block, _drawing(block) if block["kind"] == "chart" else "") for block in document.blocks]


def _drawing(block: Block) -> Any:
    rows = [(line["label"], float(line["size"]), line["cells"][0]["url"]) for line in block["rows"]]
    return bar(rows, title=f"{block['head'][0]}，按{block['by']}") if rows else ""


def detail(request: HttpRequest, pk: int) -> HttpResponse:
    actor = actor_of(request)
    found = queries.report(actor, pk)
    draft = found.state == State.DRAFT
    problem, status, version = "", 200, request.POST.get("version", "")
    if request.method == "POST":
        try:
            services.write_note(
                actor, found, request.POST.get("note", ""), version=int(version[:9]) if version.isdecimal() else 0
            )
        except Invalid as error:
            problem, status = error.message, error.status
        else:
            return HttpResponseRedirect(reverse("report", args=[pk]))
    document = queries.document(actor, found)
    rights = {f"may_{verb}": queries.may(actor, found, verb) for verb in ("issue", "change", "export")}
    context = {
        "report": found, "document": document, "blocks": drawn(document), "draft": draft, "problem": problem,
        "note": request.POST.get("note", found.note), "corrected_by": queries.correction(actor, found), **rights,
    }  # fmt: skip
    return page(request, "reports/detail.html", context, title=found.title, status=status)


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
    found = queries.issued(actor, pk)
    lines = queries.checked(actor, found)
    intact = queries.digest_of(queries.document(actor, found)) == found.digest and all(sound for _, _, sound in lines)
    context = {"report": found, "lines": lines, "intact": intact}
    return page(request, "reports/check.html", context, title=f"核验：{found.title}")


@require_GET
def download(request: HttpRequest, pk: int, form: str) -> HttpResponse:
    """DOCX or PDF of what the page shows."""
    actor = actor_of(request)
    found = queries.report(actor, pk, "export")
    document, origin = queries.document(actor, found), request.build_absolute_uri("/").rstrip("/")
    mark = mark_of(demo=settings.DEMO_CITY, draft=found.state == State.DRAFT)
    if form == "docx":
        return _attachment(found, to_docx(document, origin=origin, mark=mark), "docx", DOCX)
    if form == "pdf":
        return _attachment(found, to_pdf(document, origin=origin, mark=mark), "pdf", "application/pdf")
    raise Http404


def _attachment(found: Report, content: bytes, ending: str, media: str) -> HttpResponse:
    name = quote(f"{found.title}.{ending}")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content, content_type=media, headers=headers)


def edit_template(request: HttpRequest, code: str) -> HttpResponse:
    """Change the text of a template; a try shows the report it would make, saving makes the next version."""
    actor = actor_of(request)
    found = queries.template(actor, code)
    text, problem, document = request.POST.get("text", found.text).replace("\r\n", "\n"), "", None
    if request.method == "POST":
        try:
            if "save" in request.POST:
                services.save_template(actor, code, text)
                return HttpResponseRedirect(reverse("report_template", args=[code]))
            document = queries.tried(actor, found, text)
        except Invalid as error:
            problem = error.message
    context = {
        "template": found, "text": text, "problem": problem, "document": document, "blocks": drawn(document) if document else [],
        "measures": [each for each in all_measures() if actor.can(each.resource, "view")], "editions": queries.editions(code),
    }  # fmt: skip
    return page(request, "reports/template.html", context, title=found.name, status=422 if problem else 200)


URLS = (
    route("reports/", overview, "reports", needs("reports.report")),
    route("reports/<int:pk>/", detail, "report", needs("reports.report")),
    route("reports/<int:pk>/issue/", issue, "report_issue", needs("reports.report", "issue")),
    route("reports/<int:pk>/correct/", correct, "report_correct", needs("reports.report", "issue")),
    route("reports/<int:pk>/check/", check, "report_check", needs("reports.report")),
    route("reports/<int:pk>/report.<slug:form>", download, "report_download", needs("reports.report", "export")),
    route("reports/templates/<str:code>/", edit_template, "report_template", needs("reports.template", "change")),
)
