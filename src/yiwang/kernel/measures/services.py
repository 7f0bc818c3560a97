"""Publishing definitions and sealing figures."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import transaction

from yiwang.kernel.access.actors import Actor, Conflict, Invalid
from yiwang.kernel.crypto import sm3
from yiwang.kernel.measures import queries
from yiwang.kernel.measures.declarations import Measure
from yiwang.kernel.measures.models import Definition, SealedFigure
from yiwang.kernel.measures.periods import Period
from yiwang.kernel.measures.registry import all_measures, measure_of


def digest_of(measure: Measure) -> str:
    """Of everything that changes what a figure means; the wording of the name does not."""
    facts = [measure.definition, measure.unit, measure.resource, measure.time_field, measure.kind, str(measure.numerator),
             str(measure.denominator), measure.field, measure.scale, *filter(None, [measure.over])]  # fmt: skip
    return sm3(json.dumps(facts, ensure_ascii=False).encode())


@transaction.atomic
def publish_definitions() -> int:
    """Record every declared definition; a changed one must carry a new version. Returns how many are new."""
    published = {(known.code, known.version): known for known in Definition.objects.all()}
    fresh = []
    for measure in all_measures():
        known, digest = published.get((measure.code, measure.version)), digest_of(measure)
        if known is None:
            fresh.append(Definition(code=measure.code, version=measure.version, name=measure.name, text=measure.definition,
                                    unit=measure.unit, digest=digest))  # fmt: skip
        elif known.digest != digest:
            raise Invalid(
                f"指标“{measure.name}”（{measure.code}）口径已变而版本仍为 {measure.version}，请提高版本号再发布。"
            )
    Definition.objects.bulk_create(fresh)
    return len(fresh)


def _plain(value: Decimal | None) -> str:
    """The same text before and after the database has padded the decimals."""
    return "" if value is None else f"{value:.4f}"


def seal_digest(figure: SealedFigure) -> str:
    facts = [figure.code, figure.version, figure.period, figure.filters, _plain(figure.value), _plain(figure.numerator),
             _plain(figure.denominator), figure.rows, figure.numerator_ids, figure.denominator_ids]  # fmt: skip
    return sm3(json.dumps(facts, ensure_ascii=False, sort_keys=True).encode())


@transaction.atomic
def seal(
    actor: Actor,
    seal_code: str,
    position: int,
    code: str,
    period: Period,
    *,
    by: str | None = None,
    filters: Mapping[str, Any] | None = None,
) -> SealedFigure:
    """Freeze a figure with the identities of its rows, so that it can be derived again whatever changes later."""
    measure = measure_of(code)
    figure = queries.value(actor, code, period, by=by, filters=filters)
    parts: dict[str, list[int]] = {"numerator": [], "denominator": []}
    parts["numerator"] = list(queries.records(actor, code, period, "numerator", filters).values_list("pk", flat=True))
    if measure.is_rate:
        parts["denominator"] = list(
            queries.records(actor, code, period, "denominator", filters).values_list("pk", flat=True)
        )
    for part, ids in parts.items():
        if measure.kind in ("count", "rate") and len(ids) != (getattr(figure, part) or 0):
            raise Conflict(f"封存“{measure.name}”时记录正在变化，没有封存。请重试。")
    sealed = SealedFigure(
        seal=seal_code, position=position, code=code, version=measure.version, period=period.code, filters=dict(filters or {}),
        value=figure.value, numerator=figure.numerator, denominator=figure.denominator,
        rows=queries.plain_rows(figure),
        numerator_ids=sorted(set(parts["numerator"])), denominator_ids=sorted(set(parts["denominator"])), as_of=figure.as_of,
    )  # fmt: skip
    sealed.digest = seal_digest(sealed)
    sealed.save(force_insert=True)
    return sealed
