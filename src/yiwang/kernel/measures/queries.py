"""Values and their rows, from one and the same query, so that they cannot disagree."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal
from urllib.parse import urlencode

from django.db.models import Count, F, Model, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth
from django.utils import timezone

from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Invalid
from yiwang.kernel.measures.declarations import Dimension, Measure
from yiwang.kernel.measures.models import SealedFigure
from yiwang.kernel.measures.periods import SHANGHAI, Period, parse
from yiwang.kernel.measures.registry import measure_of

Part = Literal["numerator", "denominator"]
HUNDREDTH = Decimal("0.01")
MONTH = "month"


@dataclass(frozen=True)
class Row:
    """One part of a split figure."""

    key: Any
    label: str
    numerator: Decimal
    denominator: Decimal | None
    value: Decimal | None
    url: str


@dataclass(frozen=True)
class Figure:
    """A value with everything needed to question it. A rate without a denominator's worth of rows has no value."""

    measure: Measure
    period: Period
    filters: Mapping[str, Any]
    numerator: Decimal
    denominator: Decimal | None
    value: Decimal | None
    rows: tuple[Row, ...]
    as_of: datetime
    url: str

    @property
    def text(self) -> str:
        """The value as a report prints it, e.g. 95.92%, 18,551, —."""
        if self.value is None:
            return "—"
        if self.measure.is_rate:
            return f"{self.value}%"
        return f"{self.value:,.2f}" if self.measure.kind in ("sum", "mean") else f"{int(self.value):,}"

    @property
    def fraction(self) -> str:
        return f"{self.numerator:,.0f}/{self.denominator:,.0f}" if self.denominator is not None else ""


def percent(numerator: Decimal | int, denominator: Decimal | int) -> Decimal | None:
    """A share in percent to two places, half up; None when nothing stands below the line."""
    if not denominator:
        return None
    return (Decimal(numerator) * 100 / Decimal(denominator)).quantize(HUNDREDTH, ROUND_HALF_UP)


def url_of(measure: Measure, period: Period, filters: Mapping[str, Any], part: Part = "numerator") -> str:
    query = {"period": period.code, "part": part, **{f"d.{name}": value for name, value in filters.items()}}
    return f"/figures/{measure.code}/?{urlencode(query)}"


def _dimension(measure: Measure, name: str) -> Dimension:
    if name == MONTH:
        return Dimension("月份", MONTH)
    found = measure.dimensions.get(name)
    if found is None:
        known = "、".join([*measure.dimensions, MONTH])
        raise Invalid(f"指标“{measure.name}”没有维度 {name}。可用：{known}。")
    return found


def _base(actor: Actor, measure: Measure, period: Period, filters: Mapping[str, Any], as_of: datetime | None) -> QuerySet[Any]:
    rows = doors.rows(actor, measure.resource).order_by()
    within = {f"{measure.time_field}__gte": period.start_at, f"{measure.time_field}__lt": period.stop_at}
    rows = rows.filter(**within)
    if as_of is not None:
        rows = rows.filter(**{f"{measure.recorded_field}__lte": as_of})
    for name, value in filters.items():
        if name == MONTH:
            raise Invalid("按月筛选请改用期间。")
        path = _dimension(measure, name).path
        rows = rows.filter(**({f"{path}__isnull": True} if value in (None, "None") else {path: value}))
    return rows


def _part(measure: Measure, part: Part) -> Q:
    if part == "denominator":
        if measure.denominator is None:
            raise Invalid(f"指标“{measure.name}”不是比率，没有分母。")
        return measure.denominator
    return measure.numerator & measure.denominator if measure.denominator is not None else measure.numerator


def records(
    actor: Actor, code: str, period: Period, part: Part = "numerator", filters: Mapping[str, Any] | None = None,
    as_of: datetime | None = None,
) -> QuerySet[Any]:
    """Exactly the rows behind a figure, in the reader's scope."""
    measure = measure_of(code)
    return _base(actor, measure, period, filters or {}, as_of).filter(_part(measure, part))


def _aggregates(measure: Measure) -> dict[str, Any]:
    numerator = _part(measure, "numerator")
    if measure.is_rate:
        return {"n": Count("pk", filter=numerator, distinct=True), "d": Count("pk", filter=measure.denominator, distinct=True)}
    if measure.kind == "sum":
        return {"n": Sum(measure.field, filter=numerator)}
    if measure.kind == "mean":
        valued = numerator & Q(**{f"{measure.field}__isnull": False})
        return {"n": Sum(measure.field, filter=valued), "d": Count("pk", filter=valued)}
    if measure.kind == "distinct":
        return {"n": Count(measure.field, filter=numerator, distinct=True)}
    return {"n": Count("pk", filter=numerator, distinct=True)}


def _shape(measure: Measure, numbers: Mapping[str, Any]) -> tuple[Decimal, Decimal | None, Decimal | None]:
    """(numerator, denominator, value) of an aggregate row."""
    numerator = Decimal(numbers["n"] or 0)
    if measure.kind in ("sum", "mean"):
        numerator = numerator / measure.scale
    denominator = Decimal(numbers["d"] or 0) if "d" in numbers else None
    if measure.is_rate:
        return numerator, denominator, percent(numerator, denominator or 0)
    if measure.kind == "mean":
        return numerator, denominator, (numerator / denominator).quantize(HUNDREDTH, ROUND_HALF_UP) if denominator else None
    return numerator, None, numerator.quantize(HUNDREDTH, ROUND_HALF_UP) if measure.kind == "sum" else numerator


def _labels(model: type[Model], path: str) -> dict[Any, str]:
    field = model._meta.get_field(path.split("__")[0]) if path else None
    return dict(getattr(field, "flatchoices", None) or []) if field is not None and "__" not in path else {}


def _split(actor: Actor, measure: Measure, period: Period, by: str, filters: Mapping[str, Any], as_of: datetime | None) -> list[Row]:
    dimension, rows = _dimension(measure, by), _base(actor, measure, period, filters, as_of)
    if by == MONTH:
        return _by_month(actor, measure, period, filters, as_of)
    labels = _labels(rows.model, dimension.path)
    names = {"label": F(dimension.name)} if dimension.name else {}
    found = []
    for line in rows.values(key=F(dimension.path), **names).annotate(**_aggregates(measure)).order_by("key"):
        numerator, denominator, value = _shape(measure, line)
        if not numerator and not denominator:
            continue
        key = line["key"]
        label = str(line.get("label") or labels.get(key) or (key if key not in (None, "") else "未注明"))
        found.append(Row(key, label, numerator, denominator, value, url_of(measure, period, {**filters, by: key})))
    return found


def _by_month(actor: Actor, measure: Measure, period: Period, filters: Mapping[str, Any], as_of: datetime | None) -> list[Row]:
    rows = _base(actor, measure, period, filters, as_of).annotate(month_=TruncMonth(measure.time_field, tzinfo=SHANGHAI))
    numbers = {line["month_"].date(): line for line in rows.values("month_").annotate(**_aggregates(measure))}
    found = []
    for month in period.months():
        line = numbers.get(month.start.replace(day=1), {"n": 0, **({"d": 0} if measure.is_rate or measure.kind == "mean" else {})})
        numerator, denominator, value = _shape(measure, line)
        found.append(Row(month.code, month.label, numerator, denominator, value, url_of(measure, month, filters)))
    return found


def value(
    actor: Actor, code: str, period: Period, *, by: str | None = None, filters: Mapping[str, Any] | None = None,
    as_of: datetime | None = None,
) -> Figure:
    """The figure of a period in the reader's scope, optionally split by one dimension."""
    measure, given = measure_of(code), dict(filters or {})
    numbers = _base(actor, measure, period, given, as_of).aggregate(**_aggregates(measure))
    numerator, denominator, result = _shape(measure, numbers)
    if measure.kind == "monthly":
        shares = [row.value for row in _by_month(actor, measure, period, given, as_of) if row.value is not None]
        result = (sum(shares, Decimal(0)) / len(shares)).quantize(HUNDREDTH, ROUND_HALF_UP) if shares else None
    rows = tuple(_split(actor, measure, period, by, given, as_of)) if by else ()
    return Figure(
        measure, period, given, numerator, denominator, result, rows, as_of or timezone.now(), url_of(measure, period, given)
    )


@dataclass(frozen=True)
class Derived:
    """A sealed figure derived anew: from its sealed members, and live; `gone`/`come` are rows that differ."""

    from_members: Decimal | None
    live: Decimal | None
    gone: tuple[int, ...]
    come: tuple[int, ...]


def rederive(actor: Actor, sealed: SealedFigure) -> Derived:
    """What the sealed rows say today, beside what the query says today; a difference names its rows."""
    measure, period = measure_of(sealed.code), parse(sealed.period)
    live = value(actor, sealed.code, period, filters=sealed.filters)
    now = set(records(actor, sealed.code, period, "numerator", sealed.filters).values_list("pk", flat=True))
    members = set(sealed.numerator_ids)
    if measure.kind == "rate":
        again = percent(len(members), len(sealed.denominator_ids))
    elif measure.kind == "count":
        again = Decimal(len(members))
    elif measure.kind == "monthly":
        again = sealed.value
    else:
        rows = doors.resource(measure.resource).model._default_manager.filter(pk__in=members)
        again = _shape(measure, rows.aggregate(**_aggregates(measure)))[2]
    return Derived(again, live.value, tuple(sorted(members - now)), tuple(sorted(now - members)))
