"""考核扣分：由工单事实得出，交考核记账；机器说不清责任的留给人；事实已不存在的自动冲回。"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from yiwang.city.hotline import queries
from yiwang.city.hotline.models import Request
from yiwang.city.hotline.terms import Satisfaction
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.calendar.terms import CHINA
from yiwang.kernel.clocks import queries as clocks
from yiwang.kernel.flow.models import Entry
from yiwang.kernel.measures.periods import Period, month_of
from yiwang.office.appraisal import contract as appraisal

LATE_SIGN, OVERDUE, DISSATISFIED, EMPTY_REPLY, SECOND_RETURN = "12345-1", "12345-2", "12345-3", "12345-4", "12345-5"
RULES = {
    LATE_SIGN: "未按时签收",
    OVERDUE: "超期办理",
    DISSATISFIED: "回访不满意",
    EMPTY_REPLY: "答复无实质内容",
    SECOND_RETURN: "二次退单",
}
# Not the units' work: old cases written up afterwards, and what the desk answered itself.
NOT_JUDGED = ("history", "answered_at_desk", "merged", "refused", "cancelled", "terminated")
SUBJECT = "hotline.request"
CAME_BACK = "此前扣分因事实不存在已冲回，现事实又出现，核实后请人工扣分。"
# What makes a request a fact against its unit, whatever the month: a deduction stands as long as this is so.
FACTS = {
    LATE_SIGN: Q(signed_in_time=False),
    OVERDUE: Q(on_time=False),
    DISSATISFIED: Q(satisfaction=Satisfaction.DISSATISFIED, excluded=False),
    EMPTY_REPLY: Q(empty_reply=True),
    SECOND_RETURN: Q(),  # a return is an entry and entries stay
}


@dataclass(frozen=True)
class Finding:
    """One fact against one unit; `doubt` says why a person has to judge it."""

    rule: str
    number: str
    organisation_id: int
    happened_at: datetime
    evidence: str
    doubt: str = ""


def _local(at: datetime) -> str:
    return f"{at.astimezone(CHINA):%Y-%m-%d %H:%M}"


def _due(request: Request, code: str, at: datetime) -> str:
    states = [state for state in clocks.states(request.case_id, at) if state.code == code]
    return f"应于 {_local(states[-1].due_at)} 前" if states and states[-1].due_at else "超过时限"


def _whose(request: Request) -> str:
    """After a 退单 the time is shared: the first dispatch must never count as the second unit's delay."""
    return "工单退过单，迟延属于哪个单位须查计时账" if request.decline_count else ""


def _judged(rule: str) -> QuerySet[Request]:
    return Request.objects.filter(FACTS[rule]).exclude(case__outcome__in=NOT_JUDGED)


def _within(month: Period, field: str, rule: str) -> QuerySet[Request]:
    span = {f"{field}__gte": month.start_at, f"{field}__lt": month.stop_at}
    return _judged(rule).filter(**span).select_related("case").order_by("pk")


def _late_sign(month: Period) -> Iterator[Finding]:
    signed = Entry.objects.filter(
        case__flow="hotline.request", action="sign", happened_at__gte=month.start_at, happened_at__lt=month.stop_at
    ).order_by("case_id", "seq")
    found = dict(signed.values_list("case_id", "happened_at"))
    for request in _judged(LATE_SIGN).filter(case_id__in=found).order_by("pk"):
        at = found[request.case_id]
        evidence = f"{request.number}：{_due(request, 'sign', at)}签收，实际 {_local(at)} 签收。"
        yield Finding(LATE_SIGN, request.number, request.organisation_id, at, evidence, _whose(request))


def _overdue(month: Period) -> Iterator[Finding]:
    for request in _within(month, "answered_at", OVERDUE):
        at: datetime = request.answered_at  # type: ignore[assignment]
        evidence = f"{request.number}：{_due(request, 'handle', at)}办结，实际 {_local(at)} 答复。"
        yield Finding(OVERDUE, request.number, request.organisation_id, at, evidence, _whose(request))


def _dissatisfied(month: Period) -> Iterator[Finding]:
    rows = _within(month, "closed_at", DISSATISFIED)
    claimed = set(rows.filter(exclusions__upheld=None, exclusions__isnull=False).values_list("pk", flat=True))
    for request in rows:
        at: datetime = request.closed_at  # type: ignore[assignment]
        evidence = f"{request.number}：{_local(at)} 回访结果为不满意，重办 {request.rework_count} 次。"
        doubt = "无理由诉求正在认定" if request.pk in claimed else ""
        yield Finding(DISSATISFIED, request.number, request.organisation_id, at, evidence, doubt)


def _empty_reply(month: Period) -> Iterator[Finding]:
    for request in _within(month, "answered_at", EMPTY_REPLY).prefetch_related("replies"):
        at: datetime = request.answered_at  # type: ignore[assignment]
        last = list(request.replies.all())[-1:]
        reason = (last[0].empty_evidence or {}).get("reason", "") if last else ""
        evidence = f"{request.number}：{_local(at)} 的答复没有实质内容。{reason}"
        yield Finding(EMPTY_REPLY, request.number, request.organisation_id, at, evidence)


def _second_return(month: Period) -> Iterator[Finding]:
    """The second and later returns of a case count against the unit that returned it."""
    turns = Entry.objects.filter(case__flow="hotline.request", kind="decline").annotate(
        turn=Window(RowNumber(), partition_by=[F("case_id")], order_by=[F("seq").asc()])
    )
    late = turns.filter(turn__gt=1, happened_at__gte=month.start_at, happened_at__lt=month.stop_at)
    late = late.exclude(case__outcome__in=NOT_JUDGED)
    for entry in late.select_related("case").order_by("pk"):
        if entry.organisation_id is None:
            continue
        evidence = f"{entry.case.number}：{_local(entry.happened_at)} 第二次退单。"
        yield Finding(SECOND_RETURN, entry.case.number, entry.organisation_id, entry.happened_at, evidence)


FINDERS: tuple[Callable[[Period], Iterator[Finding]], ...] = (
    _late_sign, _overdue, _dissatisfied, _empty_reply, _second_return,
)  # fmt: skip


@transaction.atomic
def deduct_month(actor: Actor, scheme: str, month: date) -> appraisal.Collected:
    """Deduct for the facts of a month by the rules in force there, and reverse what has lost its fact. Running it again
    adds only what is new."""
    result, rules = appraisal.Collected(), appraisal.rules_of(scheme, month)
    lapsed = appraisal.lapsed(scheme, SUBJECT)
    for finder in FINDERS:
        for found in finder(month_of(month)):
            if found.rule not in rules:
                result.passed += 1
            elif found.doubt:
                result.doubtful.append(f"{rules[found.rule]} {found.evidence}{found.doubt}。")
            elif (found.rule, found.number, found.organisation_id) in lapsed:
                result.doubtful.append(f"{rules[found.rule]} {found.evidence}{CAME_BACK}")
            else:
                _count(result, _deduct(actor, scheme, month, found))
    result.reversed = reverse_vanished(actor, scheme, month)
    return result


@transaction.atomic
def reverse_vanished(actor: Actor, scheme: str, month: date) -> int:
    """Reverse the automatic deductions of a month whose fact is no more, each with the reason; returns how many."""
    taken = appraisal.deducted_automatically(scheme, month, SUBJECT)
    known = Request.objects.filter(number__in={each.subject for each in taken}).select_related("case")
    requests = {request.number: request for request in known}
    standing = {
        (rule, number)
        for rule in {each.rule for each in taken} & FACTS.keys()
        for number in _judged(rule).filter(number__in=requests).values_list("number", flat=True)
    }
    gone = [each for each in taken if each.rule in FACTS and not _stands(each, requests.get(each.subject), standing)]
    return sum(appraisal.reverse_automatically(actor, each.id, _why(each, requests.get(each.subject))) for each in gone)


def _stands(taken: appraisal.Deducted, request: Request | None, standing: set[tuple[str, str]]) -> bool:
    """A return is a deed of the unit that made it, wherever the case went afterwards."""
    mine = request is not None and (taken.rule == SECOND_RETURN or request.organisation_id == taken.organisation_id)
    return mine and (taken.rule, taken.subject) in standing


def _why(taken: appraisal.Deducted, request: Request | None) -> str:
    if request is None:
        cause = "工单已不存在"
    elif request.case.outcome in NOT_JUDGED:
        cause = f"工单已{queries.stage_name(request.case)}，不计承办单位"
    elif request.excluded and taken.rule == DISSATISFIED:
        cause = "已认定为无理由诉求"
    elif request.organisation_id != taken.organisation_id and taken.rule != SECOND_RETURN:
        cause = f"工单改由{request.organisation}主办"
    else:
        cause = "工单记录已变更，事实不再成立"
    return f"{taken.subject}：{cause}，原按“{RULES[taken.rule]}”所扣分值由系统冲回。"


def _deduct(actor: Actor, scheme: str, month: date, found: Finding) -> bool | None:
    return appraisal.deduct_automatically(
        actor, scheme, month, organisation_id=found.organisation_id, rule=found.rule,
        subject=(SUBJECT, found.number), evidence=found.evidence,
        happened_on=found.happened_at.astimezone(CHINA).date(),
    )  # fmt: skip


def _count(result: appraisal.Collected, added: bool | None) -> None:
    if added is None:
        result.passed += 1
    elif added:
        result.added += 1
    else:
        result.known += 1
