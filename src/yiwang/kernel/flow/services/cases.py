"""Open a case and act on it: the everyday half of the engine."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.flow import checks, numbers
from yiwang.kernel.flow.definitions import STAY, Action, Flow
from yiwang.kernel.flow.models import Case, Entry, Link
from yiwang.kernel.flow.publishing import current, flow_of
from yiwang.kernel.flow.seating import operator_of
from yiwang.kernel.flow.stages import enter, follow, refuse_double, settle
from yiwang.kernel.flow.terms import LinkKind, SeatKind, SeatState, Status
from yiwang.kernel.flow.work import Work, answered, attempt, commit, load, load_parent, request_of


@dataclass(frozen=True)
class Opening:
    """What one case is opened with."""

    title: str
    organisation_id: int
    data: dict[str, Any] | None = None
    happened_at: datetime | None = None
    stage: str = ""
    key: str = ""


DECIDING = (SeatKind.HANDLE, SeatKind.SIGN)


def open_case(
    actor: Actor, flow_code: str, title: str, *, organisation_id: int, data: dict[str, Any] | None = None,
    parent: int | None = None, happened_at: datetime | None = None, secrecy: int = 0, number: str = "",
    operator_id: int | None = None, stage: str = "", to: object = None, is_demo: bool = False, key: str = "",
) -> Case:  # fmt: skip
    """Open a case of the current version, at its first stage or at `stage`. `number` keeps an original number; `to`
    names the posts of a first stage whose seats are chosen."""

    def once() -> Entry:
        known = answered(actor, key, request_of("open", parent or 0, flow_code))
        if known is not None:
            return known
        # The moment is taken under the parent's lock, so that records stand in the order in which they were made.
        above = _above(actor, parent) if parent else None
        now, version = timezone.now(), current(flow_code)
        flow = flow_of(version.pk)
        item = Opening(title, organisation_id, data, happened_at, stage, key)
        case = draft(actor, version.pk, flow, item, now, operator_id)
        case.secrecy, case.is_demo = max(secrecy, above.case.secrecy if above else 0), is_demo
        if above is not None:
            case.parent_id, case.root_id = above.case.pk, above.case.root_id or above.case.pk
        case.number = number
        return _begin(Work(case, flow, actor, now, case.opened_at, {}, {}, {}), above, to, key, parent)

    return attempt(once).case


def draft(
    actor: Actor, version_id: int, flow: Flow, item: Opening, now: datetime, operator_id: int | None = None
) -> Case:
    """The unsaved, unnumbered case of an opening."""
    if not item.title.strip():
        raise Invalid("请填写标题。", errors={"title": ["请填写标题"]})
    at = (item.happened_at or now).astimezone(UTC)
    if at > now:
        raise Invalid("登记时间不能晚于现在。", errors={"happened_at": ["晚于现在"]})
    if item.stage and item.stage not in {each.code for each in flow.stages}:
        raise Invalid(f"流程“{flow.name}”没有环节“{item.stage}”。", errors={"stage": ["不存在"]})
    opener = actor.organisation_id
    return Case(
        flow=flow.code, version_id=version_id, title=item.title.strip()[:300], organisation_id=item.organisation_id,
        operator_id=operator_id or operator_of(flow, item.organisation_id, opener, now), data=_data(flow, item.data),
        opener_person_id=actor.person_id, opener_post_id=actor.primary_post_id, opener_organisation_id=opener,
        opened_at=at, stage=item.stage or flow.stages[0].code,
    )  # fmt: skip


def _data(flow: Flow, data: dict[str, Any] | None) -> dict[str, Any]:
    """Declared fields are checked; undeclared keys are the domain's own facts and kept as they are."""
    given = dict(data or {})
    declared = {item.name for item in flow.data}
    return {**given, **checks.fields(flow.data, {name: given[name] for name in given.keys() & declared})}


def _begin(work: Work, above: Work | None, to: object, key: str, parent: int | None) -> Entry:
    """Number, insert, enter the first stage; the parent keeps a link and an entry of its own."""
    case, flow = work.case, work.flow
    if not case.number:
        work.issued.append(numbers.draw(flow.number or flow.code, work.happened_at))
        case.number = work.issued[0][2]
    case.save(force_insert=True)
    work.events.append("open")
    enter(work, case.stage, to=("post", to))
    work.facts["number"] = case.number
    entry = commit(work, "open", key=key, request=request_of("open", parent or 0, flow.code))
    if above is not None:
        Link.objects.create(source_id=above.case.pk, target_id=case.pk, kind=LinkKind.CHILD)
        children = above.case.memory.get("children", {})
        above.remember("children", {**children, str(case.pk): "open"})
        above.facts["child"] = [case.pk, case.number]
        commit(above, "child_opened")
    entry.case = case
    return entry


def _above(actor: Actor, parent_id: int) -> Work:
    work = load_parent(actor, parent_id)
    checks.need_open(work)
    if not actor.system and not any(work.holds(seat) for seat in work.live()):
        checks.allowed(work, "open_child")
    return work


def act(
    actor: Actor, case_id: int, action: str, *, seat_id: int | None = None, opinion: str = "",
    data: dict[str, Any] | None = None, files: Iterable[int] = (), happened_at: datetime | None = None, key: str = "",
    batch: bool = False,
) -> Entry:  # fmt: skip
    """Take an action of the current stage from a seat; the last deciding seat moves the case, once."""
    attached = list(files)

    def once() -> Entry:
        work = load(actor, case_id, happened_at)
        known = answered(actor, key, request_of("act", case_id, action))
        if known is not None:
            return known
        if batch:
            checks.allowed(work, "batch")
        perform(work, action, seat_id=seat_id, opinion=opinion, data=dict(data or {}), files=attached)
        return commit(work, "act", action=action, opinion=opinion, key=key)

    return attempt(once)


def perform(
    work: Work, code: str, *, seat_id: int | None, opinion: str, data: dict[str, Any], files: list[int]
) -> None:
    """An action on a locked case, without writing it."""
    if not (work.actor.system and work.case.status == Status.SUSPENDED):
        checks.need_open(work, seat_id)
    if "dispute" in work.case.memory:
        raise Conflict("该案件正在退单裁定中，暂不能办理。请等待裁定。", rule="退单裁定")
    action = _action(work, code)
    if work.actor.system and seat_id is None:
        work.case.status = Status.OPEN
        _check(work, action, opinion, data, files)
        _apply(work, action)
        work.void(seat for seat in work.live() if seat.counts and seat.stage == work.case.stage)
        follow(work, action, _to(action, data, work))
        return
    seat = checks.own_seat(work, seat_id, DECIDING, counts=True)
    if action.verdict != "note":
        refuse_double(work, seat)
    _check(work, action, opinion, data, files)
    checks.take(work, seat)
    _apply(work, action)
    if action.verdict == "note":
        if action.to != STAY:
            work.void(item for item in work.live() if item.counts and item is not seat)
            work.close_seat(seat, SeatState.DONE, "note")
            follow(work, action, _to(action, data, work))
        return
    work.close_seat(seat, SeatState.DONE, action.verdict)
    signers = {*work.case.memory.get("signers", []), work.actor.person_id, work.acting_for} - {None}
    work.remember("signers", sorted(signers))
    work.remember("voted", {**work.case.memory.get("voted", {}), action.verdict: action.code})
    settle(work, _to(action, data, work))


def _action(work: Work, code: str) -> Action:
    action = next((item for item in work.stage.actions if item.code == code), None)
    if action is None:
        raise Conflict(f"当前环节“{work.stage.name}”没有该动作，案件可能已被他人办理。请刷新后重试。")
    if action.once and work.count("done", code):
        raise Refused(f"“{action.name}”只能使用一次，本案件已用过。", rule=action.basis or "仅限一次")
    if not checks.holds_where(work.case.data, action.where):
        raise Refused(f"案件不符合“{action.name}”的适用条件。", rule=action.basis or "适用条件")
    return action


def _check(work: Work, action: Action, opinion: str, data: dict[str, Any], files: list[int]) -> None:
    if action.needs_opinion and not opinion.strip() and not work.actor.system:
        raise Invalid(f"“{action.name}”须填写意见。", errors={"opinion": ["请填写意见"]})
    given = checks.fields(action.fields, data)
    data.clear()
    data.update(given)
    kept = {name: value for name, value in given.items() if name not in ("to", "lead")}
    work.case.data.update(kept)
    if given:
        work.facts["data"] = given
    if files:
        work.facts["files"] = files
    if "lead" in given:
        work.case.organisation_id = given["lead"]
    checks.gates(work, action, files)


def _to(action: Action, data: dict[str, Any], work: Work) -> tuple[str, object]:
    """Whom the act named for the next stage; the first named organisation leads."""
    asked = next((item for item in action.fields if item.name == "to"), None)
    if asked is None or "to" not in data:
        return "", None
    named = data["to"] if isinstance(data["to"], list) else [data["to"]]
    kind = "post" if asked.kind in ("post", "posts") else "organisation"
    if kind == "organisation" and named:
        work.case.organisation_id = named[0]
    return kind, named


def _apply(work: Work, action: Action) -> None:
    work.tally("done", action.code)
    work.events.append(f"act:{action.code}")
    if action.number:
        drawn = numbers.draw(action.number, work.happened_at)
        work.issued.append(drawn)
        issued = {**work.case.memory.get("numbers", {}), action.code: drawn[2]}
        work.remember("numbers", issued)
        work.facts["number"] = drawn[2]
