"""办理：引擎的每一步在同一事务里落到诉求上（答复、回访、时限结论）。"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from yiwang.city.command import contract as command
from yiwang.city.hotline import queries
from yiwang.city.hotline.models import Callback, Charge, Reply, Request
from yiwang.city.hotline.terms import Satisfaction
from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.clocks import queries as clocks
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.charges import charges
from yiwang.kernel.flow.kinds import Event
from yiwang.kernel.search.nonanswers import is_empty_reply

CALLED = {
    "satisfied": Satisfaction.SATISFIED,
    "basically": Satisfaction.BASICALLY,
    "dissatisfied": Satisfaction.DISSATISFIED,
    "dissatisfied_final": Satisfaction.DISSATISFIED,
    "unrated": Satisfaction.UNRATED,
    "unreached": Satisfaction.UNREACHED,
}
ANSWERS = ("answer", "answer_now", "answer_directly", "record_history")


def _kept_in_time(case_id: int, code: str, event: Event) -> bool | None:
    """Whether the latest clock of that code was within its time when it stopped; None if it never ran."""
    states = [state for state in clocks.states(case_id, event.entry.happened_at) if state.code == code]
    return not states[-1].late if states else None


def _both(earlier: bool | None, now: bool | None) -> bool | None:
    """In time means every round was in time."""
    return now if earlier is None else earlier if now is None else earlier and now


def _answered(request: Request, event: Event) -> None:
    """Append the reply; one without substance (“已收悉”) is marked with the evidence for the reviewer and the figures."""
    text = str(event.case.data.get("reply", "")).strip()
    evidence = is_empty_reply(text)
    Reply.objects.create(
        request=request,
        organisation_id=event.entry.organisation_id or request.organisation_id,
        author_id=event.entry.person_id,
        text=text,
        replied_at=event.entry.happened_at,
        round=event.case.round,
        empty_evidence={"kind": evidence.kind, "reason": evidence.reason} if evidence else None,
    )
    request.empty_reply = evidence is not None
    if event.entry.action != "answer":
        request.answered_at = event.entry.happened_at


def _called(request: Request, event: Event) -> None:
    result, data = CALLED[event.entry.action], event.case.data
    Callback.objects.create(
        request=request,
        round=event.case.round,
        result=result,
        resolved=data.get("resolved"),
        comment=str(data.get("comment", ""))[:500],
        called_at=event.entry.happened_at,
        caller_id=event.entry.person_id,
    )
    request.satisfaction, request.resolved = result, data.get("resolved")
    if event.entry.action == "dissatisfied":
        request.rework_count += 1
        request.answered_at = None


def _dispatched(request: Request, event: Event) -> None:
    request.organisation_id = event.case.organisation_id


def _signed(request: Request, event: Event) -> None:
    request.signed_in_time = _both(request.signed_in_time, _kept_in_time(event.case.pk, "sign", event))


def _declined(request: Request, event: Event) -> None:
    request.decline_count += 1


def _calling(request: Request, event: Event) -> None:
    """Handling ends where the callback begins; that instant decides whether it was in time."""
    request.answered_at = event.entry.happened_at
    request.on_time = _both(request.on_time, _kept_in_time(event.case.pk, "handle", event))


def _closed(request: Request, event: Event) -> None:
    """Close the time account too: whose time each interval was, for good."""
    request.closed_at = event.entry.happened_at
    Charge.objects.filter(request=request).delete()
    Charge.objects.bulk_create(
        Charge(request=request, party=each.party, organisation_id=each.organisation_id, stage=each.stage, cause=each.cause,
               started_at=each.start, stopped_at=each.stop, seconds=round((each.stop - each.start).total_seconds()))
        for each in charges(event.case)
    )  # fmt: skip


def _reopened(request: Request, event: Event) -> None:
    request.closed_at, request.answered_at = None, None
    request.rework_count += 1


REACTIONS: dict[str, Callable[[Request, Event], None]] = {
    "act:dispatch": _dispatched,
    "leave:sign": _signed,
    "op:decline": _declined,
    "op:arbitrate": _dispatched,
    "op:jump": _dispatched,
    "enter:callback": _calling,
    "close": _closed,
    "op:reopen": _reopened,
    **dict.fromkeys((f"act:{code}" for code in ANSWERS), _answered),
    **dict.fromkeys((f"act:{code}" for code in CALLED), _called),
}
FACTS = ["organisation", "answered_at", "closed_at", "satisfaction", "resolved", "empty_reply", "rework_count", "decline_count",
         "signed_in_time", "on_time", "version", "updated_at"]  # fmt: skip


def on_request(event: Event) -> None:
    """What an engine event means for the request, in the transaction of its entry."""
    reaction = REACTIONS.get(event.name)
    if reaction is None:
        return
    request = Request.objects.filter(case_id=event.case.pk).first()
    if request is None:
        return
    reaction(request, event)
    request.version += 1
    request.save(update_fields=FACTS)


@dataclass
class Dispatched:
    """Per request: dispatched to a unit, or refused with the reason. A refusal never stops the others."""

    done: list[tuple[Request, str]] = field(default_factory=list)
    refused: list[tuple[Request, str]] = field(default_factory=list)


def responsible_of(request: Request) -> dict[str, Any]:
    """Lead, co-handlers and limit by the matter's dictionary entry; the subdistrict leads where the matter says so."""
    matter = command.matter_in_force(request.matter_code, request.received_at.date()) if request.matter_code else None
    if matter is None:
        raise Invalid(f"{request.number} 还没有定事项，不能按词典派单。请先选择事项。")
    lead, co_handlers = matter.responsible_id, list(matter.joint_ids)
    local = queries.organisation_of_district(request.district) if matter.by_region else None
    if local is not None:
        lead, co_handlers = local, [matter.responsible_id, *co_handlers]
    return {
        "lead": lead,
        "co_handlers": [each for each in dict.fromkeys(co_handlers) if each != lead],
        "limit": matter.limit,
        "limit_unit": matter.unit,
    }


def dispatch_by_matter(actor: Actor, request_ids: Sequence[int], *, key: str = "") -> Dispatched:
    """Dispatch each request by its matter, one transaction each; what can't be dispatched says why."""
    result = Dispatched()
    for request in queries.requests(actor, "triage").filter(pk__in=request_ids).select_related("case").order_by("pk"):
        try:
            with transaction.atomic():
                data = responsible_of(request)
                flow.act(
                    actor, request.case_id, "dispatch", data=data,
                    opinion=f"按事项词典 {request.edition}：{request.matter_name}", key=f"{key}:{request.pk}" if key else "",
                )  # fmt: skip
        except Refused as refusal:
            result.refused.append((request, refusal.message))
        else:
            request.refresh_from_db()
            result.done.append((request, str(request.organisation)))
    return result
