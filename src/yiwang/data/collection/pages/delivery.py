"""报送数据：选资源、下模板、传表。"""

from typing import Any
from urllib.parse import quote

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from yiwang.data.catalog import contract as catalog
from yiwang.data.collection import queries
from yiwang.data.collection.services import intake, sources
from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.tables.templates import make
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import needs, route

SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHOWN = 30
TYPES = {
    "text": "文本", "integer": "整数", "decimal": "数值", "date": "日期，如 2026-01-31", "timestamp": "日期时间", "boolean": "是／否",
}  # fmt: skip


class UploadForm(forms.Form):
    resource = forms.TypedChoiceField(label="信息资源", coerce=int, help_text="本单位已发布目录的资源")
    file = forms.FileField(
        label="数据表", help_text="xlsx、xls、ods 或 csv。标题行、合并单元格、合计行、表下附注不必删，平台会认出并说明。",
        widget=forms.ClearableFileInput(attrs={"accept": queries.ACCEPTED}),
    )  # fmt: skip
    batch = forms.CharField(
        label="批次", required=False, max_length=120, help_text="可不填；填了，同一批次只收一份内容"
    )

    def __init__(self, offered: list[catalog.ResourceFacts], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(facts.id, f"{facts.name}（{facts.organisation}）") for facts in offered]
        self.fields["resource"].choices = [("", "请选择"), *choices]  # type: ignore[attr-defined]


def _receive(actor: Actor, form: UploadForm) -> HttpResponse:
    file = form.cleaned_data["file"]
    source = sources.upload_source(actor, form.cleaned_data["resource"])
    package, fresh = intake.receive(actor, source, file.name, file, batch=form.cleaned_data["batch"].strip())
    return HttpResponseRedirect(reverse("collection_package", args=[package.pk]) + ("" if fresh else "?same=1"))


def upload(request: HttpRequest) -> HttpResponse:
    """The clerk's page: the heavy work happens later, in a job."""
    actor = actor_of(request)
    offered = queries.deliverable(actor)
    form = UploadForm(
        offered, request.POST or None, request.FILES or None, initial={"resource": request.GET.get("resource", "")}
    )
    if request.method == "POST" and form.is_valid():
        try:
            return _receive(actor, form)
        except Invalid as problem:
            form.add_error("file", problem.message)
        except Refused as refusal:
            form.add_error(None, refusal.message)
    chosen = next((facts for facts in offered if str(facts.id) == str(form["resource"].value() or "")), None)
    words = request.GET.get("q", "").strip()[:60]
    found = [facts for facts in offered if words in f"{facts.name} {facts.code} {facts.organisation}"]
    context = {
        "form": form, "chosen": chosen, "offered": offered, "recent": queries.recent(actor), "types": TYPES,
        "shown": found[:SHOWN], "found": len(found), "words": words,
        "several": len({facts.organisation_id for facts in offered}) > 1,
    }  # fmt: skip
    return page(request, "collection/upload.html", context, title="报送数据", status=422 if form.errors else 200)


def _remark(item: catalog.ItemFacts) -> str:
    must = "主键，必填" if item.is_key else "" if item.nullable else "必填"
    return "；".join(filter(None, (TYPES.get(item.data_type, ""), must)))


def template(request: HttpRequest, resource: int) -> HttpResponse:
    """The sheet to fill in, made from the current catalogue."""
    facts = catalog.resource(actor_of(request), resource)
    columns = [(item.title, _remark(item), item.is_key or not item.nullable) for item in facts.items]
    response = HttpResponse(make(facts.name, facts.code, facts.version, columns), content_type=SHEET)
    name = quote(f"{facts.name}-报送模板-第{facts.version}版.xlsx")
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
    return response


DELIVERY_URLS = (
    route("collection/upload/", upload, "collection_upload", needs(queries.DELIVERY, "add")),
    route("collection/template/<int:resource>/", template, "collection_template", needs(queries.DELIVERY, "add")),
)
