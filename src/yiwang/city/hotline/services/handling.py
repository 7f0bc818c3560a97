"""办理：引擎的每一步在同一事务里落到诉求上（答复、回访、时限结论）。"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from yiwang.city.command import contract as command
from yiwang.city.hotline import queries
from yiwang.city.hotline.models import Callback, Charge, Reply, Request
from yiwang.city.hotline.services.splitting import split
from yiwang.city.hotline.terms import Satisfaction
from yiwang.kernel.access.actors import ANONYMOUS, Actor, Invalid, Refused
from yiwang.kernel.clocks import queries as clocks
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.charges import charges
from yiwang.kernel.flow.kinds import Event
from yiwang.kernel.flow.models import Entry
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


def _said(event: Event) -> dict[str, Any]:
    """What this very act said; case data would also hold what an earlier round said."""
    facts: dict[str, Any] = event.entry.payload.get("facts", {})
    return dict(facts.get("data", {}))


def _instant(request: Request, event: Event) -> datetime:
    """The lawful instant, never before receipt."""
    return max(event.entry.happened_at, request.received_at)


def _answered(request: Request, event: Event) -> None:
    """Append the reply; one without substance (“已收悉”) is marked with the evidence for the reviewer and the figures."""
    text = str(_said(event).get("reply", "")).strip()
    evidence = is_empty_reply(text)
    Reply.objects.create(
        request=request,
        organisation_id=event.entry.organisation_id or request.organisation_id,
        author_id=event.entry.person_id,
        text=text,
        replied_at=_instant(request, event),
        round=event.case.round,
        empty_evidence={"kind": evidence.kind, "reason": evidence.reason} if evidence else None,
    )
    request.empty_reply = evidence is not None
    if event.entry.action != "answer":
        request.answered_at = _instant(request, event)


def _called(request: Request, event: Event) -> None:
    result, said = CALLED[event.entry.action], _said(event)
    Callback.objects.create(
        request=request,
        round=event.case.round,
        result=result,
        resolved=said.get("resolved"),
        comment=str(said.get("comment", ""))[:500],
        called_at=_instant(request, event),
        caller_id=event.entry.person_id,
    )
    request.satisfaction, request.resolved = result, said.get("resolved")


def _signed(request: Request, event: Event) -> None:
    request.signed_in_time = _both(request.signed_in_time, _kept_in_time(event.case.pk, "sign", event))


def _calling(request: Request, event: Event) -> None:
    """Handling ends where the callback begins; that instant decides whether it was in time."""
    request.answered_at = _instant(request, event)
    request.on_time = _both(request.on_time, _kept_in_time(event.case.pk, "handle", event))


def _closed(request: Request, event: Event) -> None:
    """Close the time account too: whose time each interval was, for good."""
    request.closed_at = event.case.closed_at
    reads = queries.reading(ANONYMOUS, request)
    Charge.objects.filter(request=request).delete()
    Charge.objects.bulk_create(
        Charge(request=request, party=each.party, organisation_id=each.organisation_id, stage=each.stage, cause=reads(each.cause)[:200],
               started_at=each.start, stopped_at=each.stop, seconds=round((each.stop - each.start).total_seconds()))
        for each in charges(event.case)
    )  # fmt: skip


def _withdrawn(request: Request, event: Event) -> None:
    """A withdrawn callback did not happen; the one of the round before still counts, and so does the answer."""
    if event.case.stage == "callback" and request.answered_at is None:
        last = Entry.objects.filter(case=event.case, kind="act", action__in=("approve", "answer_directly")).latest(
            "seq"
        )
        request.answered_at = max(last.happened_at, request.received_at)
    if event.case.stage == "dispatch" and not request.decline_count:
        request.dispatched_at = None
    if not _times(event, "done", "dissatisfied"):
        request.satisfaction, request.resolved = "", None


def _reopened(request: Request, event: Event) -> None:
    request.closed_at = None


def _dispatched(request: Request, event: Event) -> None:
    request.dispatched_at = request.dispatched_at or _instant(request, event)


def _recorded(request: Request, event: Event) -> None:
    """Nothing of its own; what the case itself says is taken over after every event."""


def _times(event: Event, shelf: str, code: str) -> int:
    return int(event.case.memory.get(shelf, {}).get(code, 0))


def _settle(request: Request, event: Event) -> None:
    """Take over what the engine counts: withdrawing an act also takes back what it meant."""
    case = event.case
    request.organisation_id = case.organisation_id
    request.rework_count = _times(event, "done", "dissatisfied") + _times(event, "ops", "reopen")
    request.decline_count = _times(event, "ops", "decline")
    if case.status != "closed" and case.stage != "callback":
        request.answered_at = None


REACTIONS: dict[str, Callable[[Request, Event], None]] = {
    "act:sign": _signed,
    "enter:callback": _calling,
    "close": _closed,
    "op:withdraw": _withdrawn,
    "op:reopen": _reopened,
    "op:split": split,
    "act:dispatch": _dispatched,
    **dict.fromkeys(("op:decline", "op:arbitrate", "op:jump", "op:send_back"), _recorded),
    **dict.fromkeys((f"act:{code}" for code in ANSWERS), _answered),
    **dict.fromkeys((f"act:{code}" for code in CALLED), _called),
}
FACTS = ["organisation", "dispatched_at", "answered_at", "closed_at", "satisfaction", "resolved", "empty_reply", "rework_count", "decline_count",
         "signed_in_time", "on_time", "version", "updated_at"]  # fmt: skip


def on_request(event: Event) -> None:
    """What an engine event means for the request, in the transaction of its entry."""
    reaction = REACTIONS.get(event.name)
    if reaction is None:
        return
    request = Request.objects.select_for_update().filter(case_id=event.case.pk).first()
    if request is None:
        return
    reaction(request, event)
    _settle(request, event)
    request.version += 1
    request.save(update_fields=FACTS)


@dataclass
class Dispatched:
    """Per request: dispatched to a unit, or refused with the reason. A refusal never stops the others."""

    done: list[tuple[Request, str]] = field(default_factory=list)
    refused: list[tuple[Request, str]] = field(default_factory=list)


def responsible_of(request: Request) -> dict[str, Any]:
    """Lead, co-handlers and limit by the matter's dictionary entry; the subdistrict leads where the matter says so."""
    matter = command.matter_in_force(request.matter_code, queries.received_on(request)) if request.matter_code else None
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


def suggested(actor: Actor, request: Request, action: str) -> dict[str, Any]:
    """What the dispatch form opens with: the fixed matter's organs and limit. The dispatcher may change them."""
    if action != "dispatch" or command.matter_in_force(request.matter_code, queries.received_on(request)) is None:
        return {}
    return responsible_of(request)


def dispatch_one(actor: Actor, request: Request, *, key: str = "") -> None:
    """Dispatch to the organ of the request's matter, in the caller's transaction."""
    said = f"按事项词典 {request.edition}：{request.matter_name}"
    flow.act(actor, request.case_id, "dispatch", data=responsible_of(request), opinion=said, key=key)


def dispatch_by_matter(actor: Actor, request_ids: Sequence[int], *, key: str = "") -> Dispatched:
    """Dispatch each request by its matter, one transaction each; what can't be dispatched says why."""
    result = Dispatched()
    found = list(queries.requests(actor, "triage").filter(pk__in=request_ids).select_related("case").order_by("pk"))
    if len(found) != len(set(request_ids)):
        raise Invalid("勾选的诉求中有的不存在或不在您的数据范围内，均未派单。请刷新后重新勾选。")
    for request in found:
        try:
            with transaction.atomic():
                dispatch_one(actor, request, key=f"{key}:{request.pk}" if key else "")
        except Refused as refusal:
            result.refused.append((request, refusal.message))
        else:
            request.refresh_from_db()
            result.done.append((request, str(request.organisation)))
    return result
