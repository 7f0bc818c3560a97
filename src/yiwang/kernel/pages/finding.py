"""Global search: cases by number or title, then every register the actor may read. Also the picker of cases."""

from collections.abc import Iterable

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.flow.models import Case
from yiwang.kernel.flow.queries import visible_cases
from yiwang.kernel.pages.boxes import stage_name
from yiwang.kernel.registers.queries import search_everywhere
from yiwang.kernel.search.indexing import containing
from yiwang.kernel.ui.pickers import Picker, register_picker
from yiwang.kernel.ui.render import actor_of, page

SHORTEST, LONGEST, SHOWN = 2, 50, 20


def cases_like(actor: Actor, text: str) -> QuerySet[Case]:
    """A union, so that number and title are each found by their index before the scope is asked."""
    titled = Case.objects.filter(containing(Case, ("title",), text)).order_by().values("pk")
    known = Case.objects.filter(number__startswith=text).order_by().values("pk").union(titled)
    return visible_cases(actor).filter(pk__in=known).select_related("organisation").order_by("-id")


def _offer(actor: Actor, text: str) -> Iterable[tuple[str, str]]:
    return [(str(case.pk), f"{case.number} {case.title}") for case in cases_like(actor, text)[:SHOWN]]


def _labels(values: list[str], actor: Actor | None) -> dict[str, str]:
    """Number and title of what the actor may see; of the rest nothing is told, and the service that acts refuses."""
    keys = [value for value in values if value.isascii() and value.isdigit() and len(value) < 19]
    seen = visible_cases(actor).filter(pk__in=map(int, keys)) if actor is not None and keys else []
    return {**{value: f"案件 #{value}" for value in keys}, **{str(case.pk): str(case) for case in seen}}


CASES = register_picker(Picker("case", _offer, _labels, "输入编号或标题"))


def search(request: HttpRequest) -> HttpResponse:
    actor, text = actor_of(request), request.GET.get("q", "").strip()[:LONGEST]
    context: dict[str, object] = {"search_text": text, "short": 0 < len(text) < SHORTEST}
    if len(text) >= SHORTEST:
        cases = list(cases_like(actor, text)[: SHOWN + 1])
        context["cases"] = [(case, stage_name(case)) for case in cases[:SHOWN]]
        context["more"] = len(cases) > SHOWN
        context["hits"] = search_everywhere(actor, text)
    return page(request, "pages/search.html", context, title="搜索")
