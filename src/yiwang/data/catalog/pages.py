"""检索、资源页、编制、版本比较、模板导出。"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from yiwang.data.catalog import queries, services
from yiwang.data.catalog.queries.exchange import workbook
from yiwang.data.catalog.queries.search import search
from yiwang.data.catalog.services import content as contents
from yiwang.data.catalog.terms import DESCRIPTION_FIELDS, ITEM_FIELDS, Content, Description, ItemSpec
from yiwang.kernel.access.actors import Invalid, Refused
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.ui.forms import FlowForm, flow_form
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import needs, route

NEW = "+"


def search_page(request: HttpRequest) -> HttpResponse:
    given = request.GET.dict()
    number = given.get("page", "1")
    found = search(
        actor_of(request), given.get("q", ""), given, int(number) if number.isdecimal() and len(number) < 5 else 1
    )
    kept = {name: value for name, value in given.items() if name != "page" and value}
    facets = []
    for name, label, choices in found.facets:
        others = urlencode({each: value for each, value in kept.items() if each != name})
        facets.append((label, f"?{others}", [(choice, f"?{others}&{name}={choice.value}") for choice in choices]))
    context = {
        "found": found,
        "text": given.get("q", "")[:100],
        "kept": kept,
        "facets": facets,
        "query": urlencode(kept),
    }
    return page(request, "catalog/search.html", context, title="目录检索")


def resource_page(request: HttpRequest, pk: int) -> HttpResponse:
    shown = queries.shown(actor_of(request), pk)
    return page(request, "catalog/resource.html", {"panel": shown}, title=shown["resource"].name)


def version_page(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """All a version says, and what it changes."""
    found, before = queries.edition(actor_of(request), pk, number)
    described = [(label, queries.said(name, found.content["description"].get(name, "")))
                 for name, label in ((item.name, item.label) for item in DESCRIPTION_FIELDS)]  # fmt: skip
    items = [
        [queries.said(item.name, line.get(item.name, "")) for item in ITEM_FIELDS] for line in found.content["items"]
    ]
    context = {
        "edition": found, "before": before, "described": described, "items": items, "heads": [item.label for item in ITEM_FIELDS],
        "changes": queries.differences(before.content if before else None, found.content),
    }  # fmt: skip
    return page(request, "catalog/version.html", context, title=f"{found.resource} 第 {found.number} 版")


def _form(
    request: HttpRequest, title: str, fields: Sequence[Field], initial: dict[str, Any], save: Callable[[dict[str, Any]], str],
    hidden: str = "", remove: str = "",
) -> HttpResponse:  # fmt: skip
    """A form of declared fields; `save` returns where to go next, its refusals stand at the fields."""
    made = flow_form(fields, opinion=False)
    form: FlowForm = made(request.POST) if request.method == "POST" else made(initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            return HttpResponseRedirect(
                save({name: value for name, value in form.cleaned_data.items() if value is not None})
            )
        except Invalid as problem:
            _refuse(form, problem)
        except Refused as problem:
            form.add_error(None, problem.message)
    context = {"form": form, "hidden": hidden, "remove": remove}
    return page(request, "catalog/form.html", context, title=title, status=422 if form.errors else 200)


def _refuse(form: FlowForm, problem: Invalid) -> None:
    for name, said in (problem.errors or {"": [problem.message]}).items():
        field = name.rpartition(".")[2]
        form.add_error(field if field in form.fields else None, said if field in form.fields else [problem.message])


def new_page(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)

    def save(entered: dict[str, Any]) -> str:
        category = entered.get("category") or services.category_of_department(actor, actor.home()).code
        made = services.register(actor, Content(contents.description_of(entered, category)))
        return reverse("catalog_item", args=[made.pk, NEW])

    return _form(request, "登记资源", DESCRIPTION_FIELDS, contents.entered(Description("", "", "")), save)


def _draft(request: HttpRequest, pk: int) -> tuple[Content, str]:
    """The content to edit, with the digest it has now or had when the form was opened."""
    found = queries.latest(actor_of(request), pk)
    return contents.of_json(found.content), request.POST.get("seen", "") or found.digest


def edit_page(request: HttpRequest, pk: int) -> HttpResponse:
    content, seen = _draft(request, pk)

    def save(entered: dict[str, Any]) -> str:
        described = contents.description_of(entered, content.description.category)
        services.save_draft(actor_of(request), pk, replace(content, description=described), seen=seen)
        return reverse("catalog_resource", args=[pk])

    fields = tuple(item for item in DESCRIPTION_FIELDS if item.name != "category")
    return _form(request, "修改目录", fields, contents.entered(content.description), save, hidden=seen)


def item_page(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """One item of the draft; the name `+` is a new one."""
    content, seen = _draft(request, pk)
    there = {item.name: item for item in content.items}
    if name != NEW and name not in there:
        raise Refused(f"草稿里没有信息项 {name}，可能已被删除。请返回资源页查看。", code="absent")
    if request.method == "POST" and "remove" in request.POST:
        left = tuple(item for item in content.items if item.name != name)
        services.save_draft(actor_of(request), pk, replace(content, items=left), seen=seen)
        return HttpResponseRedirect(reverse("catalog_resource", args=[pk]))

    def save(entered: dict[str, Any]) -> str:
        made = contents.item_of(entered)
        items = (
            (*content.items, made)
            if name == NEW
            else tuple(made if item.name == name else item for item in content.items)
        )
        services.save_draft(actor_of(request), pk, replace(content, items=items), seen=seen)
        return (
            reverse("catalog_item", args=[pk, NEW])
            if "more" in request.POST
            else reverse("catalog_resource", args=[pk])
        )

    title = "新增信息项" if name == NEW else f"修改信息项 {there[name].title}"
    initial = contents.entered(there.get(name) or ItemSpec("", "", share_type="", open_type="withheld"))
    return _form(request, title, ITEM_FIELDS, initial, save, hidden=seen, remove="" if name == NEW else name)


def export(request: HttpRequest) -> FileResponse:
    """The guide's template with two sheets, filled with the resources the reader may export."""
    name = f"政务信息资源目录{timezone.localdate():%Y%m%d}.xlsx"
    return FileResponse(workbook(actor_of(request)), as_attachment=True, filename=name)


URLS = (
    route("catalog/", search_page, "catalog_search", needs("catalog.entry")),
    route("catalog/new/", new_page, "catalog_new", needs("catalog.resource", "add")),
    route("catalog/export/", export, "catalog_export", needs("catalog.resource", "export")),
    route("catalog/<int:pk>/", resource_page, "catalog_resource", needs("catalog.entry")),
    route("catalog/<int:pk>/edit/", edit_page, "catalog_edit", needs("catalog.resource", "change")),
    route("catalog/<int:pk>/items/<str:name>/", item_page, "catalog_item", needs("catalog.resource", "change")),
    route("catalog/<int:pk>/versions/<int:number>/", version_page, "catalog_version", needs("catalog.entry")),
)
