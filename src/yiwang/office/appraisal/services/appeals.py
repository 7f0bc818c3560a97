"""复核：申请、回避、结果。"""

from django.db import transaction

from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.kinds import Event
from yiwang.kernel.ledger import services as ledger
from yiwang.kernel.people.models import Appointment
from yiwang.office.appraisal.models import Appeal, Deduction
from yiwang.office.appraisal.services.deductions import reverse
from yiwang.office.appraisal.services.periods import locked_period, reissue
from yiwang.office.appraisal.terms import AppealResult, EntryKind

REVIEWING = ("op:claim", "act:uphold", "act:dismiss")
RESULTS = {"upheld": AppealResult.UPHELD, "dismissed": AppealResult.DISMISSED}


@transaction.atomic
def appeal(actor: Actor, deduction_id: int, *, statement: str, key: str = "") -> Appeal:
    """The deducted unit asks for a review, once per deduction; a withdrawn application doesn't count."""
    actor.require("appraisal.appeal", "add")
    doors.row(actor, "appraisal.deduction", deduction_id, "appeal")
    deduction = (
        Deduction.objects.select_for_update(of=("self",)).select_related("rule", "organisation").get(pk=deduction_id)
    )
    if deduction.kind == EntryKind.REVERSAL or hasattr(deduction, "reversal"):
        raise Refused("这笔扣分已冲回，无需复核。", code="reversed")
    earlier = deduction.appeals.exclude(result=AppealResult.WITHDRAWN).first()
    if earlier is not None and earlier.result == AppealResult.PENDING:
        raise Conflict("这笔扣分正在复核中，请等待结果。")
    if earlier is not None:
        raise Refused("这笔扣分已经复核，结论是终局的，不能再次申请。", rule="每笔扣分复核一次", code="decided")
    if not statement.strip():
        raise Invalid("请写明申请理由与材料。", errors={"statement": ["必填"]})
    case = flow.open_case(
        actor, "appraisal.appeal", f"{deduction.organisation}：{deduction.rule.name}（{deduction.subject_id}）",
        organisation_id=deduction.organisation_id, data={"deduction": deduction.pk}, key=key,
    )  # fmt: skip
    found = Appeal.objects.create(
        case=case, deduction=deduction, statement=statement.strip(), organisation_id=deduction.organisation_id,
        created_by_id=actor.person_id,
    )  # fmt: skip
    ledger.record(
        actor, "appraisal.appeal", ("appraisal.appeal", found.pk), after={"deduction": deduction.pk, "case": case.number},
        organisation_id=deduction.organisation_id,
    )  # fmt: skip
    return found


def on_appeal(event: Event) -> None:
    """In the transaction of the engine's entry: who must stand aside is refused, the close writes the result."""
    if event.name not in (*REVIEWING, "close"):
        return
    found = Appeal.objects.select_for_update(of=("self",)).filter(case_id=event.case.pk).first()
    if found is None:
        return
    if event.name in REVIEWING:
        _require_impartial(event, found)
    else:
        _settle(event, found)


def _require_impartial(event: Event, found: Appeal) -> None:
    """自办自审、本单位审本单位 are refused, for the person acting and for whom that person stands in."""
    deduction = found.deduction
    people = {each for each in (event.actor.person_id, event.entry.acting_for_id) if each is not None}
    if people & {deduction.created_by_id, found.created_by_id}:
        raise Refused(
            "您是这笔扣分的记录人或本复核的申请人，应当回避。请由其他复核员办理。", rule="不得自办自审", code="recusal"
        )
    unit = deduction.organisation.path
    posts = Appointment.objects.filter(
        person_id__in=people, post__organisation__path__startswith=unit, valid_until=None
    )
    if event.actor.organisation_path.startswith(unit) or posts.exists():
        raise Refused("您任职于被扣分单位，应当回避。请由其他复核员办理。", rule="不得复核本单位的扣分", code="recusal")


def _settle(event: Event, found: Appeal) -> None:
    """An upheld appeal reverses the deduction and, after the freeze, re-ranks every unit in a corrected bulletin."""
    if found.result != AppealResult.PENDING:
        return
    found.result = RESULTS.get(event.case.outcome, AppealResult.WITHDRAWN)
    found.decided_at = event.entry.happened_at
    found.version += 1
    found.save(update_fields=["result", "decided_at", "version", "updated_at"])
    if found.result != AppealResult.UPHELD:
        return
    period = locked_period(found.deduction.period_id)
    deduction = Deduction.objects.select_related("organisation", "rule").get(pk=found.deduction_id)
    if hasattr(deduction, "reversal"):  # the fact went away while the review was running: reversed already
        return
    reverse(event.actor, deduction, f"复核成立（{event.case.number}），冲回。")
    reissue(event.actor, period, f"{deduction.organisation}扣分复核成立（{event.case.number}），重新计分排名")
