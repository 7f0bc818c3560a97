"""What other domains may do with appraisal."""

from dataclasses import dataclass
from datetime import date

from yiwang.kernel.access.actors import Actor
from yiwang.office.appraisal.models import Deduction, Period
from yiwang.office.appraisal.services import deductions
from yiwang.office.appraisal.services.periods import Collected, Source, collect, locked_period, register_source
from yiwang.office.appraisal.terms import AppealResult, EntryKind, PeriodState

__all__ = [
    "Collected", "Deducted", "Source", "collect_open", "deduct_automatically", "deducted_automatically", "lapsed",
    "open_months", "register_source", "reverse_automatically", "rules_of",
]  # fmt: skip


@dataclass(frozen=True)
class Deducted:
    """An automatic deduction that still counts; `subject` is the id of what it was made for."""

    id: int
    rule: str
    subject: str
    organisation_id: int


def open_months(scheme: str) -> list[date]:
    """Months of a scheme that still take deductions, oldest first."""
    found = Period.objects.filter(scheme__code=scheme, state=PeriodState.OPEN)
    return list(found.order_by("month").values_list("month", flat=True))


def rules_of(scheme: str, month: date) -> dict[str, str]:
    """Rule codes in force in an open month, with their words; empty when the month isn't open."""
    period = Period.objects.filter(scheme__code=scheme, month=month.replace(day=1), state=PeriodState.OPEN).first()
    return dict(period.scheme_version.rules.values_list("code", "name")) if period else {}


def deduct_automatically(
    actor: Actor, scheme: str, month: date, *, organisation_id: int, rule: str, subject: tuple[str, str], evidence: str,
    happened_on: date,
) -> bool | None:  # fmt: skip
    """Append an automatic deduction, in the caller's transaction. False: deducted before; None: the month isn't open,
    the unit isn't judged or the rule isn't in force."""
    actor.require("appraisal.deduction", "add")
    known = Period.objects.filter(scheme__code=scheme, month=month.replace(day=1)).first()
    if known is None:
        return None
    period = locked_period(known.pk)
    if period.state != PeriodState.OPEN:
        return None
    return deductions.deduct_automatically(
        actor, period, organisation_id=organisation_id, rule_code=rule, subject=subject, evidence=evidence,
        happened_on=happened_on,
    )  # fmt: skip


def deducted_automatically(scheme: str, month: date, subject_kind: str) -> list[Deducted]:
    """What a source has deducted in a month and nobody has reversed, frozen months too."""
    found = Deduction.objects.filter(
        period__scheme__code=scheme, period__month=month.replace(day=1), kind=EntryKind.AUTOMATIC,
        subject_kind=subject_kind, reversal=None,
    ).order_by("pk")  # fmt: skip
    return [Deducted(*each) for each in found.values_list("pk", "rule__code", "subject_id", "organisation_id")]


def lapsed(scheme: str, subject_kind: str) -> set[tuple[str, str, int]]:
    """(rule, subject, unit) of automatic deductions reversed because their fact was gone and not made again by a person:
    should the fact be back, a person has to say so."""
    gone = Deduction.objects.filter(
        period__scheme__code=scheme, kind=EntryKind.AUTOMATIC, subject_kind=subject_kind, reversal__isnull=False
    ).exclude(appeals__result=AppealResult.UPHELD)  # fmt: skip
    names = ("rule__code", "subject_id", "organisation_id")
    again = Deduction.objects.filter(period__scheme__code=scheme, kind=EntryKind.MANUAL, reversal=None)
    return set(gone.values_list(*names)) - set(again.values_list(*names))


def reverse_automatically(actor: Actor, deduction_id: int, reason: str) -> bool:
    """Append the reversal of an automatic deduction whose fact is gone, in the caller's transaction; the reason stays
    with it. False: reversed before. A frozen bulletin keeps its figures until a corrected edition is issued."""
    actor.require("appraisal.deduction", "add")
    original = Deduction.objects.select_related("rule").get(pk=deduction_id, kind=EntryKind.AUTOMATIC)
    locked_period(original.period_id)
    if Deduction.objects.filter(reverses=original).exists():
        return False
    deductions.reverse(actor, original, reason)
    return True


def collect_open(actor: Actor) -> Collected:
    """Let every source deduct and reverse in every open month; returns the sums."""
    found = Period.objects.filter(state=PeriodState.OPEN).order_by("month", "pk")
    done = [each for period in found for each in collect(actor, period).values()]
    return Collected(added=sum(each.added for each in done), reversed=sum(each.reversed for each in done))
