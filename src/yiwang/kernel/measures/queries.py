"""Values and their rows, from one and the same query, so that they cannot disagree."""

import functools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db.models import Count, DateTimeField, F, IntegerField, Model, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth
from django.utils import timezone

from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import SYSTEM, Actor, Invalid
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
        return shown(self.measure, self.value)

    @property
    def fraction(self) -> str:
        return fraction(self.measure, self)


def shown(measure: Measure, value: Decimal | None) -> str:
    """A value as a report prints it, e.g. 95.92%, 18,551, —. A sum of whole numbers is one (行, 次, 件)."""
    if value is None:
        return "—"
    if measure.is_rate:
        return f"{value}%"
    return (
        f"{value:,.2f}"
        if measure.kind == "mean" or (measure.kind == "sum" and not _whole(measure))
        else f"{int(value):,}"
    )


@functools.cache
def _whole(measure: Measure) -> bool:
    """Whether what is summed are whole numbers, by the field's own kind."""
    model: Any = doors.resource(measure.resource).model
    *path, last = measure.field.split("__")
    for name in path:
        model = model._meta.get_field(name).related_model
    return measure.scale == 1 and isinstance(model._meta.get_field(last), IntegerField)


def fraction(measure: Measure, found: Figure | Row) -> str:
    """Numerator over denominator of a rate or mean; nothing for others."""
    if found.denominator is None:
        return ""
    above = f"{found.numerator:,.2f}" if measure.kind == "mean" else f"{found.numerator:,.0f}"
    return f"{above}/{found.denominator:,.0f}"


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


def _base(
    actor: Actor, measure: Measure, period: Period, filters: Mapping[str, Any], as_of: datetime | None
) -> QuerySet[Any]:
    rows = doors.rows(actor, measure.resource).order_by()
    within = {f"{measure.time_field}__gte": period.start_at, f"{measure.time_field}__lt": period.stop_at}
    rows = rows.filter(**within)
    if as_of is not None:
        rows = rows.filter(**{f"{measure.recorded_field}__lte": as_of})
    for name, value in filters.items():
        if name == MONTH:
            raise Invalid("按月筛选请改用期间。")
        dimension = _dimension(measure, name)
        try:
            rows = rows.filter(
                **({f"{dimension.path}__isnull": True} if value in (None, "None") else {dimension.path: value})
            )
        except (ValueError, TypeError, ValidationError) as problem:
            raise Invalid(f"“{dimension.label}”没有取值“{value}”。") from problem
    return rows


def _part(measure: Measure, part: Part) -> Q:
    if measure.kind == "share":
        # Above and below the line stand two fields of the same rows.
        return measure.numerator & Q(**{f"{measure.field}__isnull": False, f"{measure.over}__isnull": False})
    if part == "denominator":
        if measure.denominator is None:
            raise Invalid(f"指标“{measure.name}”不是比率，没有分母。")
        return measure.denominator
    if measure.denominator is not None:
        return measure.numerator & measure.denominator
    valued = measure.kind in ("mean", "distinct")
    return measure.numerator & Q(**{f"{measure.field}__isnull": False}) if valued else measure.numerator


def records(
    actor: Actor,
    code: str,
    period: Period,
    part: Part = "numerator",
    filters: Mapping[str, Any] | None = None,
    as_of: datetime | None = None,
) -> QuerySet[Any]:
    """Exactly the rows behind a figure, in the reader's scope."""
    measure = measure_of(code)
    found = _base(actor, measure, period, filters or {}, as_of).filter(_part(measure, part))
    # A condition over a to-many relation would list a row once for each match.
    return found.model._default_manager.filter(pk__in=found.values("pk")) if len(found.query.alias_map) > 1 else found


def _aggregates(measure: Measure) -> dict[str, Any]:
    numerator = _part(measure, "numerator")
    if measure.kind == "share":
        return {"n": Sum(measure.field, filter=numerator), "d": Sum(measure.over, filter=numerator)}
    if measure.is_rate:
        return {
            "n": Count("pk", filter=numerator, distinct=True),
            "d": Count("pk", filter=measure.denominator, distinct=True),
        }
    if measure.kind == "sum":
        return {"n": Sum(measure.field, filter=numerator)}
    if measure.kind == "mean":
        return {"n": Sum(measure.field, filter=numerator), "d": Count("pk", filter=numerator)}
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
        return (
            numerator,
            denominator,
            (numerator / denominator).quantize(HUNDREDTH, ROUND_HALF_UP) if denominator else None,
        )
    return numerator, None, numerator.quantize(HUNDREDTH, ROUND_HALF_UP) if measure.kind == "sum" else numerator


def _labels(model: type[Model], path: str) -> dict[Any, str]:
    field = model._meta.get_field(path.split("__")[0]) if path else None
    return dict(getattr(field, "flatchoices", None) or []) if field is not None and "__" not in path else {}


def _split(
    actor: Actor, measure: Measure, period: Period, by: str, filters: Mapping[str, Any], as_of: datetime | None
) -> list[Row]:
    dimension, rows = _dimension(measure, by), _base(actor, measure, period, filters, as_of)
    if by == MONTH:
        return _by_month(actor, measure, period, filters, as_of)
    labels = {**_labels(rows.model, dimension.path), **dimension.words}
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


def _month(model: type[Model], measure: Measure) -> TruncMonth:
    """The month of a row; a plain date has no time zone."""
    field: Any = model
    for name in measure.time_field.split("__"):
        field = (field.related_model if hasattr(field, "related_model") else field)._meta.get_field(name)
    return (
        TruncMonth(measure.time_field, tzinfo=SHANGHAI)
        if isinstance(field, DateTimeField)
        else TruncMonth(measure.time_field)
    )


def _by_month(
    actor: Actor, measure: Measure, period: Period, filters: Mapping[str, Any], as_of: datetime | None
) -> list[Row]:
    rows = _base(actor, measure, period, filters, as_of)
    lines = rows.annotate(month_=_month(rows.model, measure)).values("month_").annotate(**_aggregates(measure))
    numbers = {f"{line['month_']:%Y-%m}": line for line in lines}
    found = []
    for month in period.months():
        line = numbers.get(
            f"{month.start:%Y-%m}", {"n": 0, **({"d": 0} if measure.is_rate or measure.kind == "mean" else {})}
        )
        numerator, denominator, value = _shape(measure, line)
        found.append(Row(month.code, month.label, numerator, denominator, value, url_of(measure, month, filters)))
    return found


def _mean(shares: Iterable[Decimal | None]) -> Decimal | None:
    known = [share for share in shares if share is not None]
    return (sum(known, Decimal(0)) / len(known)).quantize(HUNDREDTH, ROUND_HALF_UP) if known else None


def value(
    actor: Actor, code: str, period: Period, *, by: str | None = None, filters: Mapping[str, Any] | None = None,
    as_of: datetime | None = None,
) -> Figure:  # fmt: skip
    """The figure of a period in the reader's scope, optionally split by one dimension."""
    measure, given = measure_of(code), dict(filters or {})
    numbers = _base(actor, measure, period, given, as_of).aggregate(**_aggregates(measure))
    numerator, denominator, result = _shape(measure, numbers)
    if measure.kind == "monthly":
        result = _mean([row.value for row in _by_month(actor, measure, period, given, as_of)])
    rows = tuple(_split(actor, measure, period, by, given, as_of)) if by else ()
    return Figure(
        measure, period, given, numerator, denominator, result, rows, as_of or timezone.now(), url_of(measure, period, given)
    )  # fmt: skip


def plain_rows(figure: Figure) -> list[dict[str, Any]]:
    """The parts of a split figure as the seal keeps them."""
    return [
        {"key": row.key if isinstance(row.key, int | str | None) else str(row.key), "label": row.label,
         "numerator": str(row.numerator), "denominator": str(row.denominator), "value": str(row.value)}
        for row in figure.rows
    ]  # fmt: skip


@dataclass(frozen=True)
class Derived:
    """A sealed figure derived anew: from its sealed members, and live; `gone`/`come` are rows that differ."""

    from_members: Decimal | None
    live: Decimal | None
    gone: tuple[int, ...]
    come: tuple[int, ...]


def _again(sealed: SealedFigure, measure: Measure) -> Decimal | None:
    """The value from the sealed rows alone. Sums read what these rows hold today; all else is counting."""
    rows = doors.resource(measure.resource).model._default_manager
    if measure.kind == "count":
        return Decimal(len(sealed.numerator_ids))
    if measure.kind == "rate":
        return percent(len(sealed.numerator_ids), len(sealed.denominator_ids))
    if measure.kind == "monthly":
        months = _month(rows.model, measure)
        counts = [
            Counter(
                f"{month:%Y-%m}" for month in rows.filter(pk__in=ids).annotate(m_=months).values_list("m_", flat=True)
            )
            for ids in (sealed.numerator_ids, sealed.denominator_ids)
        ]
        return _mean([percent(counts[0][month], below) for month, below in counts[1].items()])
    members = rows.filter(pk__in=sealed.numerator_ids)
    if measure.kind == "share":
        sums = members.aggregate(n=Sum(measure.field), d=Sum(measure.over))
        return percent(sums["n"] or 0, sums["d"] or 0)
    if measure.kind == "distinct":
        return Decimal(members.order_by().values(measure.field).distinct().count())
    total = Decimal(members.aggregate(n=Sum(measure.field))["n"] or 0) / measure.scale
    if measure.kind == "mean":
        return (total / len(sealed.numerator_ids)).quantize(HUNDREDTH, ROUND_HALF_UP) if sealed.numerator_ids else None
    return total.quantize(HUNDREDTH, ROUND_HALF_UP)


def rederive(actor: Actor, sealed: SealedFigure) -> Derived:
    """What the sealed rows say today, beside what the query says today to this reader.

    A row is gone only if nobody would count it now; that a reader's scope is narrower than the issuer's is no change.
    """
    measure, period = measure_of(sealed.code), parse(sealed.period)
    live = value(actor, sealed.code, period, filters=sealed.filters)
    members = set(sealed.numerator_ids)

    def now(who: Actor) -> set[int]:
        return set(records(who, sealed.code, period, "numerator", sealed.filters).values_list("pk", flat=True))

    gone, come = members - now(SYSTEM), now(actor) - members
    return Derived(_again(sealed, measure), live.value, tuple(sorted(gone)), tuple(sorted(come)))
