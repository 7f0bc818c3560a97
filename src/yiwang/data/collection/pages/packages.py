"""数据包页：到哪一步、读到什么、检查出什么，要人做的当场做。"""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from yiwang.data.catalog import contract as catalog
from yiwang.data.collection import queries, terms
from yiwang.data.collection.models import Package
from yiwang.data.collection.registers import PACKAGES
from yiwang.data.collection.services import intake
from yiwang.kernel.access.actors import SYSTEM, Actor, Invalid
from yiwang.kernel.ui.render import actor_of, fragment, page
from yiwang.kernel.ui.routes import needs, route

State = terms.State
HOW = {"exact": "同名", "synonym": "同义", "remembered": "以前确认过", "similar": "相近，请核对"}


def _context(actor: Actor, package: Package) -> dict[str, Any]:
    facts = catalog.resource(SYSTEM, package.resource_id)
    titles = {item.name: item.title for item in facts.items}
    returned = queries.returned(package)
    return {
        "package": package, "tone": terms.TONES.get(State(package.state), "info"), "moving": package.state in terms.MOVING,
        "job": queries.job_of(package), "steps": package.steps.select_related("person"),
        "columns": _columns(package, titles), "items": facts.items,
        "confirming": package.state == State.MAPPING and _may(actor, package, "confirm"),
        "lost": [(each["row"], titles.get(each["field"], each["field"])) for each in package.report.get("lost", [])[:20]],
        "profile": [{**each, "title": titles.get(each["field"], each["field"])} for each in package.profile],
        "actions": [
            action for action in PACKAGES.actions
            if (action.available is None or action.available(actor, package)) and _may(actor, package, action.permission)
        ],
        "return_url": reverse("file", args=[returned.pk]) if returned else "",
    }  # fmt: skip


def _may(actor: Actor, package: Package, verb: str) -> bool:
    return queries.packages(actor, verb).filter(pk=package.pk).exists()


def _columns(package: Package, titles: dict[str, str]) -> list[dict[str, Any]]:
    """The columns of the sheet with what they are taken for."""
    sample: list[list[str]] = package.looked.get("sample", [])
    return [
        {
            **each, "how_name": HOW.get(each["how"], "不读取"),
            "field": package.mapping.get(str(each["column"]), "") if package.mapping else each["field"],
            "item": titles.get(package.mapping.get(str(each["column"]), each["field"]), ""),
            "samples": [row[each["column"] - 1] for row in sample if each["column"] <= len(row)][:3],
        }
        for each in package.looked.get("columns", [])
    ]  # fmt: skip


def detail(request: HttpRequest, pk: int) -> HttpResponse:
    actor = actor_of(request)
    package = queries.package(actor, pk)
    context = {**_context(actor, package), "same": "same" in request.GET}
    return page(request, "collection/package.html", context, title=str(package))


def state(request: HttpRequest, pk: int) -> HttpResponse:
    """Polled while the worker is at it; the page is loaded again when it has come to rest."""
    actor = actor_of(request)
    package = queries.package(actor, pk)
    response = fragment(request, "collection/state.html", _context(actor, package))
    if package.state not in terms.MOVING:
        response["HX-Refresh"] = "true"
    return response


@require_POST
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    columns = {
        int(name.removeprefix("column-")): str(value)
        for name, value in request.POST.items()
        if name.startswith("column-") and name.removeprefix("column-").isdecimal() and len(name) < 16
    }
    intake.confirm_mapping(actor_of(request), pk, columns)
    return HttpResponseRedirect(reverse("collection_package", args=[pk]))


@require_POST
def act(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    actor = actor_of(request)
    action = PACKAGES.action(code)
    if action is None:
        raise Invalid("没有这个操作。")
    done = action.run(actor, queries.package(actor, pk), {"reason": request.POST.get("reason", "")[:500]})
    return HttpResponseRedirect(reverse("collection_package", args=[done.pk if isinstance(done, Package) else pk]))


PACKAGE_URLS = (
    route("collection/package/<int:pk>/", detail, "collection_package", needs(queries.PACKAGE)),
    route("collection/package/<int:pk>/state/", state, "collection_state", needs(queries.PACKAGE)),
    route("collection/package/<int:pk>/mapping/", confirm, "collection_mapping", needs(queries.PACKAGE, "confirm")),
    route("collection/package/<int:pk>/act/<slug:code>/", act, "collection_act", needs(queries.PACKAGE)),
)
