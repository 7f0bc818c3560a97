"""Whose time is it? Intervals by party that partition the life of a case exactly."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from django.utils import timezone

from yiwang.kernel.flow.models import Case, Entry


@dataclass(frozen=True)
class Interval:
    """party: lead, operator, opener or nobody; a suspension charges nobody and names its cause."""

    start: datetime
    stop: datetime
    party: str
    organisation_id: int | None
    stage: str
    cause: str


def charges(case: Case, now: datetime | None = None) -> list[Interval]:
    """From opening to closing, or to now."""
    return charges_of([case], now)[case.pk]


def charges_of(cases: Iterable[Case], now: datetime | None = None) -> dict[int, list[Interval]]:
    """The same for many cases in one query: the entries that changed who is charged."""
    every = {case.pk: case for case in cases}
    rows = Entry.objects.filter(case_id__in=every, payload__case__memory__contains={"+": {"charge": {}}})
    marks: dict[int, list[dict[str, str]]] = defaultdict(list)
    found = rows.order_by("case_id", "seq").values_list("case_id", "payload__case__memory__+__charge")
    for case_id, mark in found:
        marks[case_id].append(mark)
    return {pk: _intervals(case, marks[pk], now or timezone.now()) for pk, case in every.items()}


def _intervals(case: Case, marks: list[dict[str, str]], now: datetime) -> list[Interval]:
    """A closed stretch between a closing and a reopening is nobody's."""
    starts = [datetime.fromisoformat(mark["since"]) for mark in marks]
    end = case.closed_at or max([now, *starts])
    spans = pairwise([*starts, end])
    return [
        Interval(start, stop, mark.get("party", "nobody"), _number(mark.get("organisation")), mark["stage"],
                 mark.get("cause", "") if "party" in mark else "已办结")
        for (start, stop), mark in zip(spans, marks, strict=True)
        if stop > start
    ]  # fmt: skip


def _number(value: str | int | None) -> int | None:
    return None if value is None else int(value)
