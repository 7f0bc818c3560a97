"""Invariant 34 at the size of a district's year: five kinds of case, 23,124 of them; every sum is its records."""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from bench import scratch
from bench.report import Row, write
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.flow.models import Case
from yiwang.kernel.flow.services.cases import Opening
from yiwang.kernel.flow.services.opening import open_cases
from yiwang.kernel.flow.tests import flows
from yiwang.kernel.flow.tests.town import build
from yiwang.kernel.measures import periods, queries, registry
from yiwang.kernel.measures.declarations import Dimension, Measure

KINDS = {"hotline": 18_551, "upkeep": 3_759, "platform": 19, "website": 495, "supervision": 300}
UNITS, PART = ("water", "roads", "police"), 1_000
FIRST = datetime(2022, 1, 1, tzinfo=UTC)
MEASURE = Measure(
    "bench.cases", "案件数", "期间内登记的案件", 1, "件", "flow.case", "opened_at", recorded_field="opened_at",
    dimensions={"kind": Dimension("类型", "flow"), "organ": Dimension("主办单位", "organisation_id")},
)  # fmt: skip


def fill() -> dict[str, str]:
    """Open the year; the flow of each kind."""
    town, made = build(), {}
    for kind, count in KINDS.items():
        made[kind] = town.publish(replace(flows.plain(2), code=kind, name=kind)).code
        for start in range(0, count, PART):
            items = [
                Opening(f"{kind} {n}", town.unit(UNITS[n * n % 3]), happened_at=FIRST + timedelta(minutes=n * 7919 % 520_000))
                for n in range(start, min(start + PART, count))
            ]  # fmt: skip
            open_cases(town["operator"], made[kind], items)
    return made


def differences(made: dict[str, str]) -> tuple[int, int]:
    """(figures compared, figures that are not the count of their records or of their cases)."""
    year, compared, wrong = periods.year_of(2022), 0, 0

    def same(found: Decimal | int | None, *others: int) -> None:
        nonlocal compared, wrong
        compared, wrong = compared + 1, wrong + any(found != other for other in others)

    def rows(**filters: Any) -> int:
        return queries.records(SYSTEM, "bench.cases", year, filters=filters).count()

    total = queries.value(SYSTEM, "bench.cases", year, by="kind")
    same(total.value, rows(), Case.objects.count(), sum(KINDS.values()), int(sum(row.value or 0 for row in total.rows)))
    for kind, flow in made.items():
        figure = queries.value(SYSTEM, "bench.cases", year, filters={"kind": flow})
        same(figure.value, rows(kind=flow), KINDS[kind], Case.objects.filter(flow=flow).count())
    organs = queries.value(SYSTEM, "bench.cases", year, by="organ")
    same(total.value, int(sum(row.value or 0 for row in organs.rows)))
    for pk in Case.objects.order_by().values_list("organisation_id", flat=True).distinct():
        for flow in made.values():
            figure = queries.value(SYSTEM, "bench.cases", year, filters={"organ": pk, "kind": flow})
            same(figure.value, rows(organ=pk, kind=flow), Case.objects.filter(flow=flow, organisation=pk).count())
    months = [queries.value(SYSTEM, "bench.cases", month).value for month in year.months()]
    same(total.value, int(sum(each or 0 for each in months)))
    listed = queries.records(SYSTEM, "bench.cases", year).values_list("pk", flat=True)
    same(len(set(listed)), len(set(Case.objects.values_list("pk", flat=True))))
    return compared, wrong


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    started = time.monotonic()
    return run(), time.monotonic() - started


def main() -> bool:
    registry.register_measure(MEASURE)
    with scratch.database("annual"):
        made, opening = timed(fill)
        (compared, wrong), asking = timed(lambda: differences(made))
    total = sum(KINDS.values())
    rows = [
        Row("cases opened through the engine, five kinds", f"{total:,} in {opening:.0f} s"),
        Row("figures (whole, by kind, by organ, by both, by month) against their records and the cases",
            f"{compared}, {wrong} differ", "0 differ", wrong == 0),
        Row("asking them all", f"{asking:.1f} s"),
    ]  # fmt: skip
    return write("annual", rows)


if __name__ == "__main__":
    sys.exit(not main())
