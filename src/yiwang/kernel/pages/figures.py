"""Figure pages: the measures a reader may see, and behind each value exactly its rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.access.doors import resource
from yiwang.kernel.measures import queries as measures
from yiwang.kernel.measures.declarations import Measure
from yiwang.kernel.measures.periods import Period, between, month_of, parse, year_of
from yiwang.kernel.measures.queries import MONTH, Figure, Part
from yiwang.kernel.measures.registry import all_measures, measure_of
from yiwang.kernel.pages.manifest import Domain
from yiwang.kernel.pages.menu import domains
from yiwang.kernel.registers import queries as registers
from yiwang.kernel.registers.registry import of_model
from yiwang.kernel.ui import charts
from yiwang.kernel.ui.render import actor_of, page

SHOWN, BARS, TREND = 50, 12, 12
KINDS = {
    "count": "计数：符合条件的记录数", "rate": "合计率：分子÷分母", "monthly": "月均率：各月率的算术平均，每月同权",
    "sum": "合计", "mean": "平均：合计÷有值的记录数", "share": "合计之比：同一批记录两个数的合计相除，不是各条比率的平均", "distinct": "不同值的个数",
}  # fmt: skip


def grouped(found: Iterable[Measure], known: Iterable[Domain]) -> list[tuple[str, list[Measure]]]:
    """Measures under the name of their domain."""
    names = {domain.code: domain.name for domain in known}
    parts = groupby(found, lambda measure: measure.code.partition(".")[0])
    return [(names.get(code, code), list(group)) for code, group in parts]


def catalogue(known: Iterable[Domain]) -> str:
    """The list of measures as Markdown, for the documentation."""
    lines = ["# 指标清单", "", "由指标声明生成（`python -m yiwang.site document`），请勿手改。"]
    for name, group in grouped(all_measures(), known):
        lines += [
            "",
            f"## {name}",
            "",
            "| 代码 | 名称 | 口径 | 算法 | 单位 | 维度 | 版本 | 依据 |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for each in group:
            split = "、".join([*(dimension.label for dimension in each.dimensions.values()), "月份"])
            cells = (
                f"`{each.code}`",
                each.name,
                each.definition,
                KINDS[each.kind],
                each.unit,
                split,
                each.version,
                each.basis or "—",
            )
            lines.append(f"| {' | '.join(str(cell).replace('|', '｜') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def figures(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    seen = [measure for measure in all_measures() if actor.can(measure.resource, "view")]
    context = {"groups": grouped(seen, domains()), "kinds": KINDS, "period": month_of(timezone.localdate()).code}
    return page(request, "pages/figures.html", context, title="指标")


@dataclass(frozen=True)
class Asked:
    """What the address asks of a measure; `address` changes one thing and keeps the rest."""

    measure: Measure
    period: Period
    part: Part
    by: str
    filters: dict[str, str]

    def address(self, **change: Any) -> str:
        filters = change.pop("filters", self.filters)
        query = {"period": self.period.code, "part": self.part, "by": self.by, **change}
        query |= {f"d.{name}": value for name, value in filters.items()}
        return f"/figures/{self.measure.code}/?{urlencode({k: v for k, v in query.items() if v != '' or k.startswith('d.')})}"


def _asked(request: HttpRequest, measure: Measure) -> tuple[Asked, str]:
    """The wish, and the sentence about what in it could not be used."""
    problem, period = "", month_of(timezone.localdate())
    try:
        period = parse(request.GET["period"].strip()) if request.GET.get("period") else period
    except Invalid as error:
        problem = error.message
    filters = {name: request.GET[f"d.{name}"] for name in measure.dimensions if f"d.{name}" in request.GET}
    part: Part = "denominator" if request.GET.get("part") == "denominator" and measure.is_rate else "numerator"
    free = [name for name in measure.dimensions if name not in filters]
    by = request.GET.get("by", "")
    if by not in (*free, MONTH):
        by = MONTH if len(period.months()) > 1 or not free else "organisation" if "organisation" in free else free[0]
    return Asked(measure, period, part, by, filters), problem


def figure(request: HttpRequest, code: str) -> HttpResponse:
    actor = actor_of(request)
    try:
        measure = measure_of(code)
    except Invalid as error:
        raise Refused(error.message, code="absent") from error
    actor.require(measure.resource, "view")
    asked, problem = _asked(request, measure)
    found = measures.value(actor, code, asked.period, by=asked.by, filters=asked.filters)
    context = {
        "measure": measure, "kind": KINDS[measure.kind], "asked": asked, "problem": problem, "found": found,
        "below": asked.address(part="denominator"), "above": asked.address(part="numerator"),
        "applied": _applied(actor, asked), "splits": _splits(asked), "periods": _periods(asked),
        "label": _dimension(measure, asked.by), "rows": _ordered(found, asked.by),
        "chart": _chart(found, asked), "trend": _trend(actor, asked), **_records(request, actor, asked),
    }  # fmt: skip
    return page(request, "pages/figure.html", context, title=measure.name, status=422 if problem else 200)


def _dimension(measure: Measure, name: str) -> str:
    return "月份" if name == MONTH else measure.dimensions[name].label


def _applied(actor: Actor, asked: Asked) -> list[tuple[str, str, str]]:
    """(dimension, value in words, address without it)."""
    made = []
    for name, given in asked.filters.items():
        rows = measures.value(actor, asked.measure.code, asked.period, by=name, filters=asked.filters).rows
        rest = {each: value for each, value in asked.filters.items() if each != name}
        made.append(
            (_dimension(asked.measure, name), rows[0].label if rows else given, asked.address(filters=rest, by=""))
        )
    return made


def _splits(asked: Asked) -> list[tuple[str, str, bool]]:
    names = [name for name in (*asked.measure.dimensions, MONTH) if name not in asked.filters]
    return [(_dimension(asked.measure, name), asked.address(by=name), name == asked.by) for name in names]


def _periods(asked: Asked) -> list[tuple[str, str, bool]]:
    """The neighbours of the period and the usual ones."""
    now, first = month_of(timezone.localdate()), asked.period.start
    months = [now, month_of(now.start - timedelta(days=1)), year_of(first.year), year_of(first.year - 1)]
    if len(asked.period.months()) == 1:
        months += [month_of(first - timedelta(days=1)), month_of(first), month_of(asked.period.stop)]
    offered = {
        period.code: period.label for period in sorted(months, key=lambda period: (len(period.code) == 4, period.start))
    }
    return [(label, asked.address(period=code), code == asked.period.code) for code, label in offered.items()]


def _ordered(found: Figure, by: str) -> list[tuple[str, str, str, str, str]]:
    """(label, value, fraction, share of the whole, address) of each part; the biggest first, months in order."""
    rows = list(found.rows) if by == MONTH else sorted(found.rows, key=lambda row: -row.numerator)
    whole = found.measure.kind in ("count", "sum") and found.numerator
    return [
        (row.label, measures.shown(found.measure, row.value), measures.fraction(found.measure, row),
         f"{measures.percent(row.numerator, found.numerator)}%" if whole else "", row.url)
        for row in rows
    ]  # fmt: skip


def _chart(found: Figure, asked: Asked) -> Any:
    rows = list(found.rows) if asked.by == MONTH else sorted(found.rows, key=lambda row: -row.numerator)[:BARS]
    title = f"{found.measure.name}，按{_dimension(found.measure, asked.by)}" + (
        "" if len(rows) == len(found.rows) else f"（前{BARS}项）"
    )
    return (
        charts.bar([(row.label, row.value, row.url) for row in rows], title=title, unit=found.measure.unit)
        if rows
        else ""
    )


def _trend(actor: Actor, asked: Asked) -> Any:
    """The twelve months that end with the period, or with this month."""
    last = min(
        asked.period.stop, max(month_of(timezone.localdate()).stop, asked.period.start + timedelta(days=1))
    ) - timedelta(days=1)
    first = last.replace(year=last.year - 1, day=1)
    span = between(month_of(first + timedelta(days=31)).start, last)
    rows = measures.value(actor, asked.measure.code, span, by=MONTH, filters=asked.filters).rows
    labels = [f"{month.start:%y-%m}" for month in span.months()]
    return charts.line(labels, [(asked.measure.name, [row.value for row in rows])], title=f"近{TREND}个月{asked.measure.name}",
                       unit=asked.measure.unit)  # fmt: skip


def _records(request: HttpRequest, actor: Actor, asked: Asked) -> dict[str, Any]:
    """One page of the rows, with the columns of their register; masked as there."""
    spec = resource(asked.measure.resource)
    found = measures.records(actor, asked.measure.code, asked.period, asked.part, asked.filters)
    register = of_model(spec.model)
    if register is not None:
        found = registers.fetching(register, found, register.bound_columns)
    sheet = Paginator(found.order_by(f"-{asked.measure.time_field}", "-pk"), SHOWN).get_page(request.GET.get("page"))
    records = list(sheet)
    if register is None:
        heads, lines = [spec.name], [("", [str(record)]) for record in records]
    else:
        plain = registers.unmasked_of(actor, register, records)
        heads = [bound.label for bound in register.bound_columns]
        lines = [(register.url_of(record), [registers.shown(bound, record, plain) for bound in register.bound_columns])
                 for record in records]  # fmt: skip
    before = asked.address(page=sheet.previous_page_number()) if sheet.has_previous() else ""
    after = asked.address(page=sheet.next_page_number()) if sheet.has_next() else ""
    return {
        "sheet": sheet,
        "heads": heads,
        "lines": lines,
        "previous_url": before,
        "next_url": after,
        "thing": spec.name,
    }
