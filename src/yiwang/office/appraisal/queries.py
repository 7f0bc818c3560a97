"""成绩与排名：由扣分记录和指标算出，任何时候重算结果相同。"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import QuerySet, Sum

from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.measures.periods import month_of
from yiwang.kernel.measures.queries import value
from yiwang.kernel.ui.sections import Fact, Section
from yiwang.office.appraisal.models import Appeal, Bulletin, Deduction, Period, SchemeVersion
from yiwang.office.appraisal.terms import VersionState

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

    @property
    def points(self) -> Decimal:
        """Points of this indicator; with too few cases the unit keeps full points rather than being judged on noise."""
        if not self.counted or self.denominator == 0:
            return self.weight
        share = Decimal(self.numerator) / Decimal(self.denominator)
        return (self.weight * share).quantize(CENT, ROUND_HALF_UP)


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
    published = SchemeVersion.objects.filter(scheme_id=scheme_id, state=VersionState.PUBLISHED, effective_from__lte=month)
    return published.order_by("-effective_from").first()


def deducted(period: Period) -> dict[int, Decimal]:
    rows = Deduction.objects.filter(period=period).values("organisation").annotate(total=Sum("points")).order_by()
    return {row["organisation"]: row["total"] for row in rows}


def _rates(period: Period) -> dict[int, list[Rate]]:
    version = period.scheme_version
    found: dict[int, list[Rate]] = {unit.pk: [] for unit in period.units.all()}
    for indicator in version.indicators.all():
        figure = value(SYSTEM, indicator.measure, month_of(period.month), by="organisation")
        parts = {row.key: row for row in figure.rows}
        for unit, rates in found.items():
            part = parts.get(unit)
            numerator, denominator = (int(part.numerator), int(part.denominator or 0)) if part else (0, 0)
            rates.append(
                Rate(indicator.measure, indicator.name, numerator, denominator, indicator.weight,
                     denominator >= version.minimum_cases)
            )  # fmt: skip
    return found


def standings(period: Period) -> list[Standing]:
    """Every unit of the period, best first; pure over rows, so a replay gives the same to the cent."""
    taken, rates = deducted(period), _rates(period)
    scores: dict[int, Decimal] = {}
    for unit, own in rates.items():
        gained = sum((rate.points for rate in own), Decimal(0)) if own else period.scheme_version.base
        scores[unit] = (gained - taken.get(unit, Decimal(0))).quantize(CENT)
    placed = ranks(scores)
    names = {unit.pk: str(unit) for unit in period.units.all()}
    found = [
        Standing(unit, names[unit], tuple(rates[unit]), taken.get(unit, Decimal(0)).quantize(CENT), scores[unit], placed[unit])
        for unit in scores
    ]
    return sorted(found, key=lambda each: (each.rank, each.organisation))


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
                 "weight": str(rate.weight), "points": str(rate.points), "counted": rate.counted}
                for rate in each.rates
            ],
        }
        for each in found
    ]  # fmt: skip


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
