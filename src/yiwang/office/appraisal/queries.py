"""成绩与排名：由扣分记录和指标算出，任何时候重算结果相同。"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import QuerySet, Sum

from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import SYSTEM, Actor, Invalid
from yiwang.kernel.crypto import sm3
from yiwang.kernel.measures.periods import month_of
from yiwang.kernel.measures.queries import value
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.ui.sections import Fact, Section
from yiwang.office.appraisal.models import Appeal, Bulletin, Deduction, Period, SchemeVersion
from yiwang.office.appraisal.terms import EntryKind, VersionState

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Rate:
    """A rate with its denominator; `counted` is False when too few cases stand behind it."""

    measure: str
    name: str
    numerator: int
    denominator: int
    weight: Decimal
    counted: bool
    better: str = "high"
    measure_version: int = 1

    @property
    def points(self) -> Decimal:
        """Points of this indicator; with too few cases the unit keeps full points rather than being judged on noise."""
        if not self.counted or self.denominator == 0:
            return self.weight
        good = self.denominator - self.numerator if self.better == "low" else self.numerator
        return (self.weight * Decimal(good) / Decimal(self.denominator)).quantize(CENT, ROUND_HALF_UP)


Rates = Mapping[int, tuple[Rate, ...]]


@dataclass(frozen=True)
class Standing:
    organisation_id: int
    organisation: str
    rates: tuple[Rate, ...]
    deducted: Decimal
    score: Decimal
    rank: int = 0


def ranks(scores: Mapping[int, Decimal]) -> dict[int, int]:
    """Equal scores share a rank and the next rank is skipped (相同分数排名不分先后)."""
    ordered = sorted(scores.values(), reverse=True)
    return {key: ordered.index(score) + 1 for key, score in scores.items()}


def version_in_force(scheme_id: int, month: date) -> SchemeVersion | None:
    published = SchemeVersion.objects.filter(
        scheme_id=scheme_id, state=VersionState.PUBLISHED, effective_from__lte=month
    )
    return published.order_by("-effective_from").first()


def deducted(period: Period, version: SchemeVersion | None = None) -> dict[int, Decimal]:
    """Points taken per unit: the sum of the entries. Under another version each entry weighs what its rule weighs there."""
    rows = Deduction.objects.filter(period=period)
    if version is None or version.pk == period.scheme_version_id:
        sums = rows.values("organisation").annotate(total=Sum("points")).order_by()
        return {row["organisation"]: row["total"] for row in sums}
    points = dict(version.rules.values_list("code", "points"))
    found: dict[int, Decimal] = {}
    for unit, code, kind in rows.values_list("organisation", "rule__code", "kind"):
        weight = points.get(code, Decimal(0))
        found[unit] = found.get(unit, Decimal(0)) + (-weight if kind == EntryKind.REVERSAL else weight)
    return found


def live_rates(period: Period, version: SchemeVersion) -> Rates:
    """The indicators of a version over the month, from today's facts."""
    found: dict[int, list[Rate]] = {unit: [] for unit in period.units.values_list("pk", flat=True)}
    for indicator in version.indicators.all():
        figure = value(SYSTEM, indicator.measure, month_of(period.month), by="organisation")
        parts = {row.key: row for row in figure.rows}
        for unit, rates in found.items():
            part = parts.get(unit)
            numerator, denominator = (int(part.numerator), int(part.denominator or 0)) if part else (0, 0)
            rates.append(
                Rate(indicator.measure, indicator.name, numerator, denominator, indicator.weight,
                     denominator >= version.minimum_cases, figure.measure.better or "high", figure.measure.version)
            )  # fmt: skip
    return {unit: tuple(rates) for unit, rates in found.items()}


def frozen_rates(bulletin: Bulletin) -> Rates:
    """The rates that a bulletin was issued on."""
    return {
        row["organisation_id"]: tuple(
            Rate(rate["measure"], rate["name"], rate["numerator"], rate["denominator"], Decimal(rate["weight"]),
                 rate["counted"], rate["better"], rate["measure_version"])
            for rate in row["rates"]
        )
        for row in bulletin.rows
    }  # fmt: skip


def standings(period: Period, *, version: SchemeVersion | None = None, rates: Rates | None = None) -> list[Standing]:
    """Every unit of the period, best first, by the version pinned to it; another `version` makes it a what-if."""
    ruling = version or period.scheme_version
    taken = deducted(period, version)
    known = live_rates(period, ruling) if rates is None else rates
    scores: dict[int, Decimal] = {}
    for unit, own in known.items():
        gained = sum((rate.points for rate in own), Decimal(0)) if own else ruling.base
        scores[unit] = (gained - taken.get(unit, Decimal(0))).quantize(CENT)
    placed = ranks(scores)
    names = {unit.pk: str(unit) for unit in Organisation.objects.filter(pk__in=scores)}
    found = [
        Standing(unit, names[unit], own, taken.get(unit, Decimal(0)).quantize(CENT), scores[unit], placed[unit])
        for unit, own in known.items()
    ]
    return sorted(found, key=lambda each: (each.rank, each.organisation))


def compared(period: Period, version: SchemeVersion) -> list[dict[str, Any]]:
    """A what-if: the month by its own version and by another one of its scheme, unit by unit."""
    if version.scheme_id != period.scheme_id:
        raise Invalid(f"{version} 不是“{period.scheme}”的版本，不能试算。")
    pinned = {each.organisation_id: each for each in standings(period)}
    tried = standings(period, version=version)
    return [{"tried": each, "pinned": pinned[each.organisation_id]} for each in tried]


def as_rows(found: Iterable[Standing]) -> list[dict[str, Any]]:
    """JSON of standings for a bulletin; decimals as text so that nothing is rounded twice."""
    return [
        {
            "organisation_id": each.organisation_id,
            "organisation": each.organisation,
            "rank": each.rank,
            "score": str(each.score),
            "deducted": str(each.deducted),
            "rates": [
                {"measure": rate.measure, "name": rate.name, "numerator": rate.numerator, "denominator": rate.denominator,
                 "weight": str(rate.weight), "points": str(rate.points), "counted": rate.counted,
                 "better": rate.better, "measure_version": rate.measure_version}
                for rate in each.rates
            ],
        }
        for each in found
    ]  # fmt: skip


def digest_of(rows: list[dict[str, Any]]) -> str:
    return sm3(json.dumps(rows, ensure_ascii=False, sort_keys=True).encode())


def shown_rows(actor: Actor, period: Period) -> list[dict[str, Any]]:
    """The live standing of the units whose deductions the actor may see; others show in the bulletin only."""
    rows = as_rows(standings(period))
    units = replace(doors.resource("appraisal.deduction"), model=Organisation, organisation="", owner=None)
    condition = doors.scope_filter(actor, units, "view")
    seen = Organisation.objects.none() if condition is None else Organisation.objects.filter(condition)
    mine = set(seen.values_list("pk", flat=True))
    return [row for row in rows if row["organisation_id"] in mine]


def deductions(actor: Actor) -> QuerySet[Deduction]:
    return doors.rows(actor, "appraisal.deduction").select_related("organisation", "rule", "period")


def latest_bulletin(period: Period) -> Bulletin | None:
    return period.bulletins.order_by("-edition").first()


def sections(actor: Actor, found: Appeal) -> list[Section]:
    """What the case page shows of an appeal: the deduction in question and the unit's statement."""
    deduction = found.deduction
    facts = (
        Fact("被扣单位", str(deduction.organisation)), Fact("条款", str(deduction.rule)), Fact("扣分", str(deduction.points)),
        Fact("对象", deduction.subject_id), Fact("发生日期", f"{deduction.happened_on}"),
        Fact("事实与证据", deduction.evidence, wide=True), Fact("申请理由", found.statement, wide=True),
    )  # fmt: skip
    return [Section("扣分与申请", facts)]


def other_versions(period: Period) -> QuerySet[SchemeVersion]:
    """Versions of the same scheme that the period isn't pinned to, for a what-if."""
    return SchemeVersion.objects.filter(scheme_id=period.scheme_id).exclude(pk=period.scheme_version_id)
