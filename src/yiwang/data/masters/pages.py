"""主记录检索与查看、待裁定匹配、列级血缘与影响面。"""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.cache import never_cache

from yiwang.data.masters import queries
from yiwang.data.masters.services import deciding, looking
from yiwang.data.masters.services.grouping import search_mac
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Invalid
from yiwang.kernel.ui.posted import numbers
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import needs, route


@never_cache
def search(request: HttpRequest) -> HttpResponse:
    """By name or number. Posted, so that personal data stays out of addresses and their logs."""
    actor, words = actor_of(request), request.POST.get("words", "").strip()[:80]
    libraries = queries.entity_libraries(actor)
    found: list[Any] = []
    if words:
        names = [search_mac(each.pk, "name", words) for each in libraries]
        numbers = [search_mac(each.pk, "number", words) for each in libraries]
        found = list(queries.found(actor, names, numbers, words))
    mapped, objects = queries.coverage(actor)
    context = {
        "words": words,
        "found": found,
        "libraries": libraries,
        "most": queries.MOST_FOUND,
        "mapped": mapped,
        "objects": objects,
    }
    return page(request, "masters/search.html", context, title="人口与法人主记录")


@never_cache
def golden(request: HttpRequest, pk: int) -> HttpResponse:
    """One record with its sources; masked unless a purpose was just given."""
    actor = actor_of(request)
    found = doors.row(actor, "masters.golden", pk)
    revealed: looking.Revealed | None = None
    problem = ""
    if request.method == "POST":
        try:
            done = _act(request, actor, pk)
        except Invalid as refusal:
            done, problem = None, refusal.message
        if isinstance(done, HttpResponse):
            return done
        revealed = done
    members = list(found.members.order_by("pk"))
    may_decide = found.retired_at is None and actor.can("masters.golden", "decide")
    context = {
        "golden": found, "members": members, "lines": queries.field_lines(found, members, revealed), "revealed": revealed,
        "may_reveal": actor.can("masters.golden", "reveal"), "may_decide": may_decide, "problem": problem,
        "decisions": queries.decisions(found), "may_undo": actor.can("masters.decision", "undo"),
        "conflicts": list(doors.rows(actor, "masters.conflict").filter(golden=found).exclude(state="gone")),
    }  # fmt: skip
    return page(request, "masters/golden.html", context, title=str(found), status=422 if problem else 200)


def _act(request: HttpRequest, actor: Actor, pk: int) -> looking.Revealed | HttpResponse:
    verb, reason = request.POST.get("do", ""), request.POST.get("reason", "")
    if verb == "split":
        deciding.split(actor, pk, numbers(request, "members"), reason=reason)
    elif verb == "merge":
        deciding.merge(actor, pk, request.POST.get("other", "").strip(), reason=reason)
    else:
        return looking.reveal(actor, pk, purpose=request.POST.get("purpose", ""))
    return HttpResponseRedirect(reverse("masters_golden", args=[pk]))


def review(request: HttpRequest, pk: int) -> HttpResponse:
    """Two records side by side; the reviewer's word goes on to the next pair."""
    actor = actor_of(request)
    found = doors.row(actor, "masters.candidate", pk)
    problem = ""
    if request.method == "POST":
        try:
            deciding.settle(actor, pk, same=request.POST.get("do") == "same", reason=request.POST.get("reason", ""))
            following = (
                doors.rows(actor, "masters.candidate", "settle")
                .filter(state="open")
                .order_by("-probability", "pk")
                .first()
            )
            target = reverse("masters_review", args=[following.pk]) if following else "/r/masters.candidate/"
            return HttpResponseRedirect(target)
        except Invalid as refusal:
            problem = refusal.message
    pair, lines = queries.evidence(found)
    context = {"candidate": found, "pair": pair, "lines": lines, "problem": problem, "probability": f"{found.probability:.1%}",
               "may": found.state == "open" and actor.can("masters.candidate", "settle")}  # fmt: skip
    return page(request, "masters/review.html", context, title="裁定匹配", status=422 if problem else 200)


def lineage(request: HttpRequest) -> HttpResponse:
    """Where a column comes from, what is made of it, and who depends on it."""
    actor, name, column = actor_of(request), request.GET.get("table", ""), request.GET.get("column", "")
    table, graph = queries.lineage(actor, name[:100], column[:120])
    title = next(each["title"] for each in table.columns if each["name"] == column)
    context = {
        "table": table,
        "column": column,
        "column_title": title,
        "graph": graph,
        "dependants": queries.blast(actor, graph.places),
    }
    return page(request, "masters/lineage.html", context, title=f"{table.title}·{title} 的血缘")


URLS = (
    route("masters/search/", search, "masters_search", needs("masters.golden")),
    route("masters/golden/<int:pk>/", golden, "masters_golden", needs("masters.golden")),
    route("masters/review/<int:pk>/", review, "masters_review", needs("masters.candidate")),
    route("masters/lineage/", lineage, "masters_lineage", needs("lake.edge")),
)
