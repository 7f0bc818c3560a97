"""考核的公开动词。"""

import json
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.crypto import sm3
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.kinds import Event
from yiwang.kernel.ledger import services as ledger
from yiwang.office.appraisal import queries
from yiwang.office.appraisal.models import (
    Appeal,
    Bulletin,
    Deduction,
    DeductionRule,
    Indicator,
    Period,
    Scheme,
    SchemeVersion,
)
from yiwang.office.appraisal.terms import EntryKind, PeriodState, VersionState


@transaction.atomic
def create_scheme(actor: Actor, *, code: str, name: str) -> Scheme:
    actor.require("appraisal.scheme", "add")
    if Scheme.objects.filter(code=code).exists():
        raise Invalid(f"办法代码 {code} 已存在。", errors={"code": ["重复"]})
    scheme = Scheme.objects.create(
        code=code, name=name, organisation_id=actor.home(), created_by_id=actor.person_id
    )
    ledger.record(actor, "appraisal.create_scheme", ("appraisal.scheme", scheme.pk), after={"code": code, "name": name})
    return scheme


@transaction.atomic
def publish_version(
    actor: Actor,
    scheme: Scheme,
    *,
    number: str,
    effective_from: date,
    rules: list[dict[str, Any]],
    indicators: list[dict[str, Any]] | None = None,
    minimum_cases: int = 5,
    base: Decimal = Decimal(100),
) -> SchemeVersion:
    """Publish a version from a month on. A month that already has a period keeps the version it was opened with."""
    actor.require("appraisal.scheme", "publish")
    if effective_from.day != 1:
        raise Invalid("施行月份须为当月 1 日。", errors={"effective_from": ["须为 1 日"]})
    weights = sum((Decimal(str(each["weight"])) for each in indicators or []), Decimal(0))
    if indicators and weights != base:
        raise Invalid(f"各指标权重之和为 {weights}，应等于基准分 {base}。", errors={"indicators": ["权重之和不符"]})
    version = SchemeVersion.objects.create(
        scheme=scheme,
        number=number,
        state=VersionState.PUBLISHED,
        effective_from=effective_from,
        base=base,
        minimum_cases=minimum_cases,
        digest=sm3(json.dumps([rules, indicators], ensure_ascii=False, sort_keys=True, default=str).encode()),
        organisation_id=scheme.organisation_id,
        created_by_id=actor.person_id,
    )
    DeductionRule.objects.bulk_create(DeductionRule(version=version, **each) for each in rules)
    Indicator.objects.bulk_create(
        Indicator(version=version, position=position, **each) for position, each in enumerate(indicators or [])
    )
    ledger.record(
        actor, "appraisal.publish_version", ("appraisal.scheme_version", version.pk),
        after={"number": number, "effective_from": effective_from.isoformat(), "digest": version.digest},
    )  # fmt: skip
    return version


@transaction.atomic
def open_period(actor: Actor, scheme: Scheme, month: date, unit_ids: list[int]) -> Period:
    """Open a month with the version then in force; opening again returns the same period."""
    actor.require("appraisal.period", "add")
    first = month.replace(day=1)
    existing = Period.objects.filter(scheme=scheme, month=first).first()
    if existing is not None:
        return existing
    version = queries.version_in_force(scheme.pk, first)
    if version is None:
        raise Invalid(f"{first:%Y年%m月} 没有施行中的“{scheme}”版本，不能开启考核月。请先发布办法。")
    period = Period.objects.create(
        scheme=scheme, scheme_version=version, month=first, organisation_id=scheme.organisation_id, created_by_id=actor.person_id
    )
    period.units.set(unit_ids)
    ledger.record(actor, "appraisal.open_period", ("appraisal.period", period.pk), after={"month": first.isoformat()})
    return period


@transaction.atomic
def deduct(
    actor: Actor,
    period: Period,
    *,
    organisation_id: int,
    rule_code: str,
    subject: tuple[str, str],
    evidence: str,
    happened_on: date,
    kind: EntryKind = EntryKind.MANUAL,
) -> Deduction:
    """Append a deduction; the same rule on the same subject counts once. Frozen months refuse."""
    actor.require("appraisal.deduction", "add")
    locked = Period.objects.select_for_update().get(pk=period.pk)
    if locked.state == PeriodState.FROZEN:
        raise Refused(f"{locked} 已冻结，不能再扣分。有遗漏的列入下月。", rule="冻结月份只受理复核", code="frozen")
    if not evidence.strip():
        raise Invalid("扣分须写明事实与证据。", errors={"evidence": ["必填"]})
    if not locked.units.filter(pk=organisation_id).exists():
        raise Invalid("该单位不是本月参评单位，不能扣分。")
    rule = DeductionRule.objects.filter(version=locked.scheme_version, code=rule_code).first()
    if rule is None:
        raise Invalid(f"{locked.scheme_version} 没有条款 {rule_code}。")
    known = Deduction.objects.filter(
        period=locked, rule=rule, organisation_id=organisation_id, subject_kind=subject[0], subject_id=subject[1]
    ).exclude(kind=EntryKind.REVERSAL)
    existing = known.first()
    if existing is not None:
        if kind == EntryKind.AUTOMATIC:
            return existing
        raise Conflict(f"{subject[1]} 已按“{rule}”扣过分，不重复扣。")
    deduction = Deduction.objects.create(
        period=locked, rule=rule, kind=kind, points=rule.points, organisation_id=organisation_id, subject_kind=subject[0],
        subject_id=subject[1], evidence=evidence, happened_on=happened_on, created_by_id=actor.person_id,
    )  # fmt: skip
    ledger.record(
        actor, "appraisal.deduct", ("appraisal.deduction", deduction.pk),
        after={"rule": rule.code, "points": str(rule.points), "organisation": organisation_id, "subject": list(subject)},
        organisation_id=organisation_id,
    )  # fmt: skip
    return deduction


def _issue(actor: Actor, period: Period, reason: str) -> Bulletin:
    latest = queries.latest_bulletin(period)
    rows = queries.as_rows(queries.standings(period))
    return Bulletin.objects.create(
        period=period,
        edition=latest.edition + 1 if latest else 1,
        supersedes=latest,
        reason=reason,
        rows=rows,
        digest=sm3(json.dumps(rows, ensure_ascii=False, sort_keys=True).encode()),
        issued_by_id=actor.person_id,
    )


@transaction.atomic
def freeze_period(actor: Actor, period: Period) -> Bulletin:
    """Freeze the month and issue its bulletin."""
    actor.require("appraisal.period", "freeze")
    locked = Period.objects.select_for_update().get(pk=period.pk)
    if locked.state == PeriodState.FROZEN:
        raise Conflict(f"{locked} 已经冻结，通报已发布。")
    locked.state = PeriodState.FROZEN
    locked.version += 1
    locked.save(update_fields=["state", "version", "updated_at"])
    bulletin = _issue(actor, locked, "")
    ledger.record(actor, "appraisal.freeze_period", ("appraisal.period", locked.pk), after={"digest": bulletin.digest})
    return bulletin


@transaction.atomic
def correct_bulletin(actor: Actor, period: Period, reason: str) -> Bulletin:
    """A corrected edition supersedes the frozen one, which stays readable (a later exclusion, an upheld appeal)."""
    actor.require("appraisal.period", "freeze")
    locked = Period.objects.select_for_update().get(pk=period.pk)
    if locked.state != PeriodState.FROZEN:
        raise Refused(f"{locked} 尚未发布通报，无需更正。", code="not_frozen")
    if not reason.strip():
        raise Invalid("更正通报须写明原因。", errors={"reason": ["必填"]})
    bulletin = _issue(actor, locked, reason.strip())
    ledger.record(
        actor, "appraisal.correct_bulletin", ("appraisal.period", locked.pk),
        after={"edition": bulletin.edition, "reason": reason, "digest": bulletin.digest},
    )  # fmt: skip
    return bulletin


@transaction.atomic
def appeal(actor: Actor, deduction_id: int, *, statement: str, key: str = "") -> Appeal:
    """The deducted unit asks for a review, once per deduction unless the first was dismissed."""
    actor.require("appraisal.appeal", "add")
    deduction = doors.row(actor, "appraisal.deduction", deduction_id, "appeal")
    if deduction.kind == EntryKind.REVERSAL or hasattr(deduction, "reversal"):
        raise Refused("这笔扣分已冲回，无需复核。", code="reversed")
    if Appeal.objects.filter(deduction=deduction, upheld=None).exists():
        raise Conflict("这笔扣分正在复核中，请等待结果。")
    if not statement.strip():
        raise Invalid("请写明申请理由与材料。", errors={"statement": ["必填"]})
    case = flow.open_case(
        actor, "appraisal.appeal", f"{deduction.organisation}：{deduction.rule.name}（{deduction.subject_id}）",
        organisation_id=deduction.organisation_id, data={"deduction": deduction.pk}, key=key,
    )  # fmt: skip
    return Appeal.objects.create(
        case=case, deduction=deduction, statement=statement.strip(), organisation_id=deduction.organisation_id,
        created_by_id=actor.person_id,
    )  # fmt: skip


@transaction.atomic
def settle_appeal(actor: Actor, found: Appeal, *, upheld: bool, decided_at: Any = None) -> Deduction | None:
    """Write the result; an upheld appeal reverses the deduction and, after the freeze, issues a corrected bulletin."""
    locked = Appeal.objects.select_for_update().get(pk=found.pk)
    if locked.upheld is not None:
        return getattr(locked.deduction, "reversal", None)
    locked.upheld, locked.decided_at = upheld, decided_at or timezone.now()
    locked.save(update_fields=["upheld", "decided_at", "updated_at"])
    if not upheld:
        return None
    original = locked.deduction
    period = Period.objects.select_for_update().get(pk=original.period_id)
    reversal = Deduction.objects.create(
        period=period, rule=original.rule, kind=EntryKind.REVERSAL, points=-original.points,
        organisation_id=original.organisation_id, subject_kind=original.subject_kind, subject_id=original.subject_id,
        evidence=f"复核成立（{locked.case.number}），冲回。", happened_on=timezone.localdate(), reverses=original,
        created_by_id=actor.person_id,
    )  # fmt: skip
    if period.state == PeriodState.FROZEN:
        _issue(actor, period, f"{original.organisation}扣分复核成立（{locked.case.number}），重新计分排名")
    ledger.record(
        actor, "appraisal.reverse", ("appraisal.deduction", reversal.pk),
        after={"reverses": original.pk, "points": str(reversal.points)}, organisation_id=original.organisation_id,
    )  # fmt: skip
    return reversal


def on_appeal(event: Event) -> None:
    """The engine's close of an appeal writes its result in the same transaction; a withdrawn one changes nothing."""
    if event.name != "close":
        return
    found = Appeal.objects.filter(case_id=event.case.pk).first()
    if found is not None:
        settle_appeal(event.actor, found, upheld=event.case.outcome == "upheld", decided_at=event.entry.happened_at)
