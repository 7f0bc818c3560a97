"""What other domains may do with appraisal."""

from datetime import date

from yiwang.kernel.access.actors import Actor
from yiwang.office.appraisal import services
from yiwang.office.appraisal.models import Period
from yiwang.office.appraisal.terms import EntryKind, PeriodState


def open_months(scheme: str) -> list[date]:
    """Months of a scheme that still take deductions, oldest first."""
    found = Period.objects.filter(scheme__code=scheme, state=PeriodState.OPEN)
    return list(found.order_by("month").values_list("month", flat=True))


def deduct_automatically(
    actor: Actor, scheme: str, month: date, *, organisation_id: int, rule: str, subject: tuple[str, str], evidence: str,
    happened_on: date,
) -> bool:
    """Append an automatic deduction; False when the month isn't open, the unit isn't judged or the rule isn't in force."""
    period = Period.objects.filter(scheme__code=scheme, month=month.replace(day=1), state=PeriodState.OPEN).first()
    if period is None or not period.units.filter(pk=organisation_id).exists():
        return False
    if not period.scheme_version.rules.filter(code=rule).exists():
        return False
    services.deduct(
        actor, period, organisation_id=organisation_id, rule_code=rule, subject=subject, evidence=evidence,
        happened_on=happened_on, kind=EntryKind.AUTOMATIC,
    )  # fmt: skip
    return True


def periods_frozen_with(scheme: str, month: date) -> bool:
    return Period.objects.filter(scheme__code=scheme, month=month.replace(day=1), state=PeriodState.FROZEN).exists()
