"""考核扣分：由工单事实得出，交考核记账；机器说不清责任的留给人。"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber

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


def _within(month: Period, field: str, **facts: object) -> QuerySet[Request]:
    span = {f"{field}__gte": month.start_at, f"{field}__lt": month.stop_at}
    rows = Request.objects.filter(**span, **facts).exclude(case__outcome__in=NOT_JUDGED)
    return rows.select_related("case").order_by("pk")


def _late_sign(month: Period) -> Iterator[Finding]:
    signed = Entry.objects.filter(
        case__flow="hotline.request", action="sign", happened_at__gte=month.start_at, happened_at__lt=month.stop_at
    ).order_by("case_id", "seq")
    found = dict(signed.values_list("case_id", "happened_at"))
    for request in Request.objects.filter(case_id__in=found, signed_in_time=False).exclude(
        case__outcome__in=NOT_JUDGED
    ).order_by("pk"):  # fmt: skip
        at = found[request.case_id]
        evidence = f"{request.number}：{_due(request, 'sign', at)}签收，实际 {_local(at)} 签收。"
        yield Finding(LATE_SIGN, request.number, request.organisation_id, at, evidence, _whose(request))


def _overdue(month: Period) -> Iterator[Finding]:
    for request in _within(month, "answered_at", on_time=False):
        at: datetime = request.answered_at  # type: ignore[assignment]
        evidence = f"{request.number}：{_due(request, 'handle', at)}办结，实际 {_local(at)} 答复。"
        yield Finding(OVERDUE, request.number, request.organisation_id, at, evidence, _whose(request))


def _dissatisfied(month: Period) -> Iterator[Finding]:
    rows = _within(month, "closed_at", satisfaction=Satisfaction.DISSATISFIED, excluded=False)
    claimed = set(rows.filter(exclusions__upheld=None, exclusions__isnull=False).values_list("pk", flat=True))
    for request in rows:
        at: datetime = request.closed_at  # type: ignore[assignment]
        evidence = f"{request.number}：{_local(at)} 回访结果为不满意，重办 {request.rework_count} 次。"
        doubt = "无理由诉求正在认定" if request.pk in claimed else ""
        yield Finding(DISSATISFIED, request.number, request.organisation_id, at, evidence, doubt)


def _empty_reply(month: Period) -> Iterator[Finding]:
    for request in _within(month, "answered_at", empty_reply=True).prefetch_related("replies"):
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
    """Deduct for the facts of a month by the rules in force there. Running it again adds only what is new."""
    result, rules = appraisal.Collected(), appraisal.rules_of(scheme, month)
    for finder in FINDERS:
        for found in finder(month_of(month)):
            if found.rule not in rules:
                result.passed += 1
            elif found.doubt:
                result.doubtful.append(f"{rules[found.rule]} {found.evidence}{found.doubt}。")
            else:
                _count(result, _deduct(actor, scheme, month, found))
    return result


def _deduct(actor: Actor, scheme: str, month: date, found: Finding) -> bool | None:
    return appraisal.deduct_automatically(
        actor, scheme, month, organisation_id=found.organisation_id, rule=found.rule,
        subject=("hotline.request", found.number), evidence=found.evidence,
        happened_on=found.happened_at.astimezone(CHINA).date(),
    )  # fmt: skip


def _count(result: appraisal.Collected, added: bool | None) -> None:
    if added is None:
        result.passed += 1
    elif added:
        result.added += 1
    else:
        result.known += 1
