"""What other domains may do with appraisal."""

from datetime import date

from yiwang.kernel.access.actors import Actor
from yiwang.office.appraisal.models import Period
from yiwang.office.appraisal.services import deductions
from yiwang.office.appraisal.services.periods import Collected, Source, collect, locked_period, register_source
from yiwang.office.appraisal.terms import PeriodState

__all__ = ["Collected", "Source", "collect_open", "deduct_automatically", "open_months", "register_source", "rules_of"]


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


def collect_open(actor: Actor) -> int:
    """Let every source deduct in every open month; returns how many deductions came."""
    found = Period.objects.filter(state=PeriodState.OPEN).order_by("month", "pk")
    return sum(each.added for period in found for each in collect(actor, period).values())
