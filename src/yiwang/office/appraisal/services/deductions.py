"""扣分：人工与系统，只增不改。"""

from datetime import date

from django.db import transaction
from django.utils import timezone

from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.ledger import services as ledger
from yiwang.kernel.measures.periods import month_of
from yiwang.office.appraisal.models import Deduction, DeductionRule, Period
from yiwang.office.appraisal.services.periods import locked_period, require_open
from yiwang.office.appraisal.terms import AppealResult, EntryKind


def _check(period: Period, organisation_id: int, evidence: str, subject: tuple[str, str], happened_on: date) -> None:
    if not evidence.strip():
        raise Invalid("扣分须写明事实与证据。", errors={"evidence": ["必填"]})
    if not subject[1].strip() or len(subject[1]) > 60 or len(subject[0]) > 40:
        raise Invalid("请填写对象编号（不超过 60 字），如工单编号。", errors={"subject": ["必填"]})
    if not period.units.filter(pk=organisation_id).exists():
        raise Invalid("该单位不是本月参评单位，不能扣分。", errors={"unit": ["不参评"]})
    if happened_on >= month_of(period.month).stop or happened_on > timezone.localdate():
        raise Invalid("发生日期不能晚于考核月，也不能晚于今天。", errors={"happened_on": ["日期不符"]})


@transaction.atomic
def deduct(
    actor: Actor, period: Period, *, organisation_id: int, rule_code: str, subject: tuple[str, str], evidence: str,
    happened_on: date,
) -> Deduction:  # fmt: skip
    """A person's deduction; the same rule on the same subject counts once. Frozen months refuse."""
    doors.row(actor, "appraisal.period", period.pk, "deduct")
    locked = locked_period(period.pk)
    require_open(locked)
    _check(locked, organisation_id, evidence, subject, happened_on)
    rule = locked.scheme_version.rules.filter(code=rule_code.strip()).first()
    if rule is None:
        known = "、".join(f"{item.code} {item.name}" for item in locked.scheme_version.rules.all())
        raise Invalid(f"{locked.scheme_version} 没有条款 {rule_code}。可用：{known}。", errors={"rule": ["无此条款"]})
    known_already = _same(locked, rule.code, organisation_id, subject)
    if known_already is not None and not _lapsed(known_already):
        raise Conflict(f"{subject[1]} 已于 {known_already.period} 按“{rule}”扣过分，不重复扣。")
    return _append(actor, locked, rule, EntryKind.MANUAL, organisation_id, subject, evidence, happened_on)


def deduct_automatically(
    actor: Actor, period: Period, *, organisation_id: int, rule_code: str, subject: tuple[str, str], evidence: str,
    happened_on: date,
) -> bool | None:  # fmt: skip
    """True appended, False deducted before in any month of the scheme (reversed ones too), None not to be judged."""
    rule = period.scheme_version.rules.filter(code=rule_code).first()
    if rule is None or not period.units.filter(pk=organisation_id).exists():
        return None
    if _same(period, rule_code, organisation_id, subject) is not None:
        return False
    _check(period, organisation_id, evidence, subject, happened_on)
    _append(actor, period, rule, EntryKind.AUTOMATIC, organisation_id, subject, evidence, happened_on)
    return True


def _same(period: Period, rule_code: str, organisation_id: int, subject: tuple[str, str]) -> Deduction | None:
    """One fact is deducted once in the life of a scheme, whatever the month; by number, whoever wrote it down."""
    found = Deduction.objects.filter(
        period__scheme_id=period.scheme_id, rule__code=rule_code, organisation_id=organisation_id, subject_id=subject[1]
    )
    return found.exclude(kind=EntryKind.REVERSAL).select_related("period__scheme").order_by("-pk").first()


def _lapsed(earlier: Deduction) -> bool:
    """Reversed because its fact was gone, not by a review: if the fact came back, a person may deduct once more."""
    return hasattr(earlier, "reversal") and not earlier.appeals.filter(result=AppealResult.UPHELD).exists()


def _append(
    actor: Actor, period: Period, rule: DeductionRule, kind: EntryKind, organisation_id: int, subject: tuple[str, str],
    evidence: str, happened_on: date,
) -> Deduction:  # fmt: skip
    deduction = Deduction.objects.create(
        period=period, rule=rule, kind=kind, points=rule.points, organisation_id=organisation_id, subject_kind=subject[0],
        subject_id=subject[1], evidence=evidence.strip(), happened_on=happened_on, created_by_id=actor.person_id,
    )  # fmt: skip
    ledger.record(
        actor, "appraisal.deduct", ("appraisal.deduction", deduction.pk),
        after={"rule": rule.code, "points": str(rule.points), "organisation": organisation_id, "subject": list(subject)},
        organisation_id=organisation_id,
    )  # fmt: skip
    return deduction


def reverse(actor: Actor, original: Deduction, reason: str) -> Deduction:
    """The reversing entry, with the reason as its evidence; the caller holds the lock of the period."""
    if hasattr(original, "reversal"):
        raise Refused("这笔扣分已冲回。", code="reversed")
    reversal = Deduction.objects.create(
        period_id=original.period_id, rule=original.rule, kind=EntryKind.REVERSAL, points=-original.points,
        organisation_id=original.organisation_id, subject_kind=original.subject_kind, subject_id=original.subject_id,
        evidence=reason, happened_on=timezone.localdate(), reverses=original,
        created_by_id=actor.person_id,
    )  # fmt: skip
    ledger.record(
        actor, "appraisal.reverse", ("appraisal.deduction", reversal.pk),
        after={"reverses": original.pk, "points": str(reversal.points)}, reason=reason,
        organisation_id=original.organisation_id,
    )  # fmt: skip
    return reversal
