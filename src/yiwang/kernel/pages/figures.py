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
from yiwang.kernel.measures.periods import Period, before, between, month_of, parse, year_of
from yiwang.kernel.measures.queries import MONTH, Figure, Part
from yiwang.kernel.measures.registry import all_measures, measure_of
from yiwang.kernel.pages.manifest import Domain
from yiwang.kernel.pages.menu import domains
from yiwang.kernel.registers import queries as registers
from yiwang.kernel.registers.pages import cells
from yiwang.kernel.registers.registry import of_model
from yiwang.kernel.ui import charts
from yiwang.kernel.ui.render import actor_of, fragment, page

SHOWN, BARS, TREND, HEADLINES = 50, 12, 12, 8
KINDS = {
    "count": "计数：符合条件的记录数", "rate": "合计率：分子÷分母", "monthly": "月均率：各月率的算术平均，每月同权",
    "sum": "合计", "mean": "平均：合计÷有值的记录数", "share": "合计之比：同一批记录两个数的合计相除，不是各条比率的平均", "distinct": "不同值的个数",
}  # fmt: skip


def grouped(found: Iterable[Measure], known: Iterable[Domain]) -> list[tuple[str, str, list[Measure]]]:
    """(code, name, measures) of each domain."""
    names = {domain.code: domain.name for domain in known}
    parts = groupby(found, lambda measure: measure.code.partition(".")[0])
    return [(code, names.get(code, code), list(group)) for code, group in parts]


def catalogue(known: Iterable[Domain]) -> str:
    """The list of measures as Markdown, for the documentation."""
    lines = ["# 指标清单", "", "由指标声明生成（`python -m yiwang.site document`），请勿手改。"]
    for _, name, group in grouped(all_measures(), known):
        lines += ["", f"## {name}", ""]
        lines += ["| 代码 | 名称 | 口径 | 算法 | 单位 | 维度 | 版本 | 依据 |", "|---|---|---|---|---|---|---|---|"]
        for each in group:
            split = "、".join([*(dimension.label for dimension in each.dimensions.values()), "月份"])
            cells = (
                f"`{each.code}`", each.name, each.definition, KINDS[each.kind], each.unit, split, each.version,
                each.basis or "—",
            )  # fmt: skip
            lines.append(f"| {' | '.join(str(cell).replace('|', '｜') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _seen(actor: Actor) -> list[Measure]:
    return [measure for measure in all_measures() if actor.can(measure.resource, "view")]


def _period(request: HttpRequest) -> tuple[Period, str]:
    """The period that is asked for, this month if none; and the sentence about one that is none."""
    now = month_of(timezone.localdate())
    try:
        return (parse(request.GET["period"].strip()) if request.GET.get("period") else now), ""
    except Invalid as error:
        return now, error.message


def figures(request: HttpRequest) -> HttpResponse:
    """The measures a reader may see. Their values follow domain by domain, for all at once are too many for one page."""
    period, problem = _period(request)
    context = {
        "groups": grouped(_seen(actor_of(request)), domains()), "kinds": KINDS, "period": period, "problem": problem,
        "earlier": before(period), "periods": [(each, each.code == period.code) for each in _usual(period)],
    }  # fmt: skip
    return page(request, "pages/figures.html", context, title="指标", status=422 if problem else 200)


def figures_of(request: HttpRequest, domain: str) -> HttpResponse:
    """The measures of a domain with their values in the period and in the one before."""
    actor, (period, _) = actor_of(request), _period(request)
    for code, name, group in grouped(_seen(actor), domains()):
        if code == domain:
            return fragment(request, "pages/figures_of.html", {
                "code": code, "name": name, "group": group, "kinds": KINDS, "period": period, "earlier": before(period),
                "values": _values(actor, group, period),
            })  # fmt: skip
    raise Refused("没有这一类指标，或您不能查看其中任何一个。", code="absent")


def headlines(request: HttpRequest) -> HttpResponse:
    """This month's figures of those that the domains put forward, of those a reader may see."""
    actor, period = actor_of(request), month_of(timezone.localdate())
    found = _values(actor, put_forward(actor), period).values()
    return fragment(request, "pages/headlines.html", {"found": found})


def put_forward(actor: Actor) -> list[Measure]:
    """Measures for the home page: what the domains put forward, as far as the reader may see it."""
    found = (measure_of(code) for domain in domains() for code in domain.headlines)
    return [measure for measure in found if actor.can(measure.resource, "view")][:HEADLINES]


def _values(actor: Actor, group: Iterable[Measure], period: Period) -> dict[str, tuple[Figure, Figure]]:
    """Code → the figure of the period and of the one before."""
    value, earlier = measures.value, before(period)
    return {each.code: (value(actor, each.code, period), value(actor, each.code, earlier)) for each in group}


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
    period, problem = _period(request)
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
        words = rows[0].label if rows else given
        made.append((_dimension(asked.measure, name), words, asked.address(filters=rest, by="")))
    return made


def _splits(asked: Asked) -> list[tuple[str, str, bool]]:
    names = [name for name in (*asked.measure.dimensions, MONTH) if name not in asked.filters]
    return [(_dimension(asked.measure, name), asked.address(by=name), name == asked.by) for name in names]


def _periods(asked: Asked) -> list[tuple[str, str, bool]]:
    usual = _usual(asked.period)
    return [(each.label, asked.address(period=each.code), each.code == asked.period.code) for each in usual]


def _usual(period: Period) -> list[Period]:
    """The neighbours of a period and the usual ones, years first."""
    now = month_of(timezone.localdate())
    years = {now.start.year, period.start.year, period.start.year - 1}
    found = [now, before(now), *map(year_of, years)]
    if len(period.months()) == 1:
        month = month_of(period.start)
        found += [before(month), month, month_of(period.stop)]
    return sorted(set(found), key=lambda each: (len(each.code) == 4, each.start))


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
    if not rows:
        return ""
    most = "" if len(rows) == len(found.rows) else f"（前{BARS}项）"
    title = f"{found.measure.name}，按{_dimension(found.measure, asked.by)}{most}"
    return charts.bar([(row.label, row.value, row.url) for row in rows], title=title, unit=found.measure.unit)


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
        heads, lines = [spec.name], [("", [("", str(record))]) for record in records]
    else:
        heads, plain = [each.label for each in register.bound_columns], registers.unmasked_of(actor, register, records)
        lines = [(register.url_of(record), cells(register.bound_columns, record, plain)) for record in records]
    previous = asked.address(page=sheet.previous_page_number()) if sheet.has_previous() else ""
    after = asked.address(page=sheet.next_page_number()) if sheet.has_next() else ""
    return {
        "sheet": sheet, "heads": heads, "lines": lines, "previous_url": previous, "next_url": after, "thing": spec.name,
    }  # fmt: skip
