"""The five boxes of the inbox: one row shape, filters, keyset pages."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Value
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from yiwang.kernel.access.actors import Refused
from yiwang.kernel.bulk.statements import Compiled
from yiwang.kernel.flow.models import Case, FlowVersion, Seat
from yiwang.kernel.flow.publishing import flow_of
from yiwang.kernel.flow.queries import Reach, boxed, reach_of, waiting
from yiwang.kernel.flow.terms import SeatKind
from yiwang.kernel.messages.queries import unread_of
from yiwang.kernel.search.indexing import containing
from yiwang.kernel.ui.render import actor_of

Parts = Sequence[QuerySet[Any]]
PAGE = 30
COLOURS = ("red", "yellow", "green")
SOON = timedelta(days=1)


@dataclass(frozen=True)
class Box:
    code: str
    name: str
    icon: str
    empty: str


CASE_COLUMNS = (
    "number",
    "title",
    "status",
    "stage",
    "version_id",
    "opened_at",
    "organisation__name",
    "organisation__short_name",
)
SEAT_COLUMNS = ("kind", "due", "pool", "post_id", "fault", "opened_at", "closed_at")

BOXES = (
    Box("todo", "待办", "inbox", "没有待办事项。"),
    Box("done", "已办", "check", "还没有办理过事项。"),
    Box("started", "我发起", "send", "还没有发起过事项。"),
    Box("watched", "督办", "eye", "没有督办事项。"),
    Box("copied", "抄送", "copy", "没有抄送给您的事项。"),
)


def box_of(code: str) -> Box:
    found = next((box for box in BOXES if box.code == code), None)
    if found is None:
        raise Refused("没有这个工作箱。", code="absent")
    return found


@dataclass(frozen=True)
class Row:
    """A line of any box."""

    case: Case
    stage: str
    flow: str
    seat: Seat | None
    due: datetime | None
    colour: str
    at: datetime

    @property
    def kind(self) -> str:
        seat = self.seat
        return "" if seat is None or seat.kind == SeatKind.HANDLE else str(seat.get_kind_display())


@dataclass(frozen=True)
class Filters:
    flow: str = ""
    stage: str = ""
    colour: str = ""
    text: str = ""
    after: str = ""


def colour_of(due: datetime | None, now: datetime) -> str:
    if due is None:
        return ""
    return "red" if due < now else "yellow" if due < now + SOON else "green"


def stage_name(case: Case) -> str:
    flow = flow_of(case.version_id)
    return next((stage.name for stage in flow.stages if stage.code == case.stage), case.stage)


def box_rows(request: HttpRequest, code: str) -> Parts:
    """A box of the actor in parts that share no row; its conditions (posts, pools, delegations) are read once."""
    known: dict[str, Parts] = request.__dict__.setdefault("_boxes", {})
    if code not in known:
        known[code] = boxed(actor_of(request), code, timezone.now(), reach_in(request))
    return known[code]


def reach_in(request: HttpRequest) -> Reach:
    """Of the actor, read once a request."""
    found: Reach | None = request.__dict__.get("_reach")
    if found is None:
        found = request.__dict__["_reach"] = reach_of(actor_of(request), timezone.now())
    return found


def _counted(rows: QuerySet[Any], **what: Any) -> QuerySet[Any]:
    found: QuerySet[Any] = rows.order_by().annotate(_=Value(0)).values("_").annotate(**what).values(*what)
    return found


def _summed(parts: Parts) -> Counter[str]:
    """The figures of all parts added up, in one query."""
    found: Counter[str] = Counter()
    for line in parts[0].union(*parts[1:], all=True) if parts else ():
        found.update(line)
    return found


def counts(request: HttpRequest, now: datetime | None = None) -> Counter[str]:
    """Waiting seats and unread messages, in one query, for the menu, the bell and the pages.

    now: count apart, in the same reading, how many seats are late (red), nearly due (yellow) and in time (green).
    """
    known: Counter[str] | None = request.__dict__.get("_counts")
    if known is None or (now is not None and "red" not in known):
        reach = reach_in(request)
        # Without a seat there is nothing to colour, and the statement has no place for the instants.
        when = {"now": now, "soon": now + SOON} if now and not reach.empty else {}
        known = Counter(dict.fromkeys(COLOURS, 0) if now else {})
        for line in _counting(reach, bool(when))(**when):
            known.update(dict(zip(("todo", "unread", *COLOURS), line, strict=False)))
        request.__dict__["_counts"] = known
    return known


@lru_cache(maxsize=1000)
def _counting(reach: Reach, by_colour: bool) -> Compiled:
    """The figures of the shell for one reach, a line for each part and one for messages.

    Every page asks it, so its text is kept. Nothing is shared that could differ: the reach holds all it depends on.
    """

    def make(**when: datetime) -> QuerySet[Any]:
        apart = {each: Count("pk", filter=_late(each, **when)) for each in COLOURS} if when else {}
        parts = [_counted(part, todo=Count("pk"), unread=Value(0), **apart) for part in waiting(reach)]
        none = dict.fromkeys(apart, Value(0))
        notes = _counted(unread_of(reach.person_id), todo=Value(0), unread=Count("pk"), **none)
        return notes.union(*parts, all=True)

    return Compiled(make, **({"now": datetime, "soon": datetime} if by_colour else {}))


def others(request: HttpRequest, codes: Sequence[str]) -> Counter[str]:
    """How much lies in other boxes, in one query."""
    return _summed([
        _counted(part, **{each: Count("pk") if each == code else Value(0) for each in codes})
        for code in codes for part in box_rows(request, code)
    ])  # fmt: skip


def flows_in_force() -> list[FlowVersion]:
    return list(FlowVersion.objects.filter(valid_until=None).order_by("name"))


def _case_path(rows: QuerySet[Any]) -> str:
    return "" if rows.model is Case else "case__"


def _late(colour: str, now: datetime, soon: datetime) -> Q:
    return {"red": Q(due__lt=now), "yellow": Q(due__gte=now, due__lt=soon), "green": Q(due__gte=soon)}.get(colour, Q())


def narrow(rows: QuerySet[Any], filters: Filters, now: datetime) -> QuerySet[Any]:
    path = _case_path(rows)
    if filters.flow:
        rows = rows.filter(**{f"{path}flow": filters.flow})
    if filters.stage:
        rows = rows.filter(**{f"{path}stage": filters.stage})
    if filters.text:
        # Not a LIKE: the planner takes any for rare and would read every case instead of the box in order.
        said = containing(Case, (f"{path}title",), filters.text, narrow=False)
        rows = rows.filter(Q(**{f"{path}number__startswith": filters.text}) | said)
    return rows.filter(_late(filters.colour, now, now + SOON)) if path else rows


def _after(rows: QuerySet[Any], mark: str, by_due: bool) -> QuerySet[Any]:
    """Rows behind the mark of the last page: `<due or nothing>~<id>`."""
    due_text, _, id_text = mark.rpartition("~")
    if not (id_text.isascii() and id_text.isdigit()) or len(id_text) > 18:
        return rows
    if not by_due:
        return rows.filter(pk__lt=int(id_text))
    try:
        due = parse_datetime(due_text) if due_text else None
    except ValueError:
        return rows
    if due is None and due_text:
        return rows
    if due is None:
        return rows.filter(due=None, pk__gt=int(id_text))
    return rows.filter(Q(due__gt=due) | Q(due=due, pk__gt=int(id_text)) | Q(due=None))


def _mark(last: Any, by_due: bool) -> str:
    due = getattr(last, "due", None) if by_due else None
    return f"{due.astimezone(UTC).isoformat().replace('+00:00', 'Z') if due else ''}~{last.pk}"


def _order(by_due: bool) -> tuple[Any, ...]:
    return (F("due").asc(nulls_last=True), "id") if by_due else ("-id",)


def _first(parts: Parts, by_due: bool, filters: Filters, now: datetime, size: int) -> QuerySet[Any]:
    """The first of each part by index and without joins, to take the first of these: never a sort of thousands."""
    first = [
        _after(narrow(part, filters, now), filters.after, by_due).order_by(*_order(by_due)).values("pk")[: size + 1]
        for part in parts
    ]
    return first[0].union(*first[1:], all=True) if len(first) > 1 else first[0]


@lru_cache(maxsize=1000)
def _first_waiting(reach: Reach, size: int) -> Compiled:
    """Kept like `_counting`: building it took as long as answering it."""
    return Compiled(lambda: _first(waiting(reach), True, Filters(), timezone.now(), size))


def page_of(
    parts: Parts, box: Box, filters: Filters, size: int = PAGE, reach: Reach | None = None
) -> tuple[list[Row], str]:
    """A page of rows and the mark of the next page; empty when this is the last. `reach`: whose 待办 the parts are."""
    if not parts:
        return [], ""
    now, by_due, model = timezone.now(), box.code == "todo", parts[0].model
    path = "" if model is Case else "case__"
    chosen: Any
    if reach is not None and by_due and filters == Filters():
        chosen = _first_waiting(reach, size).within()
    else:
        chosen = _first(parts, by_due, filters, now, size)
    rows = model.objects.filter(pk__in=chosen).select_related(f"{path}organisation")
    # A case also carries the data of its form and the engine's facts: large, and on no line.
    names = [*(f"{path}{name}" for name in CASE_COLUMNS), *(SEAT_COLUMNS if path else ())]
    some = list(rows.only(*names).order_by(*_order(by_due))[: size + 1])
    following = _mark(some[size - 1], by_due) if len(some) > size else ""
    return [_row(each, now) for each in some[:size]], following


def _row(found: Any, now: datetime) -> Row:
    case, seat = (found, None) if isinstance(found, Case) else (found.case, found)
    due = seat.due if seat is not None else None
    name = flow_of(case.version_id).name
    at = (seat.closed_at or seat.opened_at) if seat is not None else case.opened_at
    return Row(case, stage_name(case), name, seat, due, colour_of(due, now), at)
