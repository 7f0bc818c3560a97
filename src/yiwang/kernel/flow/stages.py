"""Entering, deciding and leaving stages, on a case that is already locked."""

from collections.abc import Iterable
from typing import Any

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.flow.decide import Vote, base, decide
from yiwang.kernel.flow.definitions import END_PREFIX, ORIGIN, PREVIOUS, RETURNER, STAY, Action, Stage
from yiwang.kernel.flow.models import Seat
from yiwang.kernel.flow.seating import Place, again, dispatcher, places, staffed
from yiwang.kernel.flow.terms import FREE, SeatKind, SeatState, Status
from yiwang.kernel.flow.work import Work
from yiwang.kernel.people.queries import ANYBODY

NOBODY = "按规则未找到可办理的在岗人员，已转调度岗人工分派"


def leave(work: Work) -> None:
    """Void what is still open in the stage; 传阅 and 督办 seats stay."""
    work.void(seat for seat in work.live() if seat.kind not in FREE)
    work.events.append(f"leave:{work.case.stage}")
    for key in ("voted", "dispute", "extension"):
        work.forget(key)


def enter(
    work: Work, code: str, *, to: tuple[str, object] = ("", None), seats: list[Place] | None = None, back: bool = False
) -> None:
    """Open a stage-round. Coming back, or a stage seen in this round, is a new round."""
    case, stage = work.case, work.flow.stage(code)
    seen, path = list(case.memory.get("seen", [])), list(case.memory.get("path", []))
    if back or code in seen:
        case.round += 1
        seen = []
        work.remember("signers", [])
    path = path[: path.index(code)] if code in path else path
    case.stage = code
    work.remember("path", [*path, code])
    work.remember("seen", [*seen, code])
    work.events.append(f"enter:{code}")
    if stage.charge != "lead":
        work.forget("co_answered")
    found = seats or places(case, work.flow, stage, work.now, to)
    if not found and stage.on_nobody == "skip_with_entry":
        _skip(work, stage, "无人可派，按流程规定跳过")
        return
    _seat(work, stage, found or [dispatcher(case, work.flow, NOBODY)])
    if case.stage == code and any(gate.kind == "co_opinions" for item in stage.actions for gate in item.gates):
        heard = set(co_answered(work))
        seat_co_handlers(work, [unit for unit in case.data.get("co_handlers") or [] if unit not in heard])


def co_answered(work: Work) -> list[int]:
    """Units whose 协办 opinion still stands: given to this lead, and the case has not left the lead since.

    The lead's own reviewer sending its draft back (退回重写) is no question to the others; 回访不满意, a new
    dispatch or another lead is. Who is asked by `co_handle` answers again in any case.
    """
    known = work.case.memory.get("co_answered", {})
    units: list[int] = known.get("units", [])
    return units if known.get("lead") == work.case.organisation_id else []


def note_co_answer(work: Work, unit: int) -> None:
    units = sorted({*co_answered(work), unit})
    work.remember("co_answered", {"lead": work.case.organisation_id, "units": units})


def seat_co_handlers(work: Work, units: Iterable[int]) -> None:
    """协办 seats: one pool a unit, never the lead's own, never twice."""
    operation = work.flow.operation("co_handle")
    role = str(operation.settings.get("role", "")) if operation else ""
    present = {seat.organisation_id for seat in work.live() if seat.kind == SeatKind.CO}
    for unit in dict.fromkeys(units):
        if unit != work.case.organisation_id and unit not in present:
            work.open_seat(_co_place(work, unit, role or work.stage.assign.role), SeatKind.CO, counts=False)


def _co_place(work: Work, unit: int, role: str) -> Place:
    """The pool of the co-handling unit, or the dispatchers when nobody there could ever answer."""
    if staffed(work.now, units=[unit], role=role):
        return Place(unit, pool=role or ANYBODY)
    return dispatcher(work.case, work.flow, "协办单位无人在岗，已转调度岗")


def _seat(work: Work, stage: Stage, found: list[Place]) -> None:
    kind = SeatKind.SIGN if len(found) > 1 else SeatKind.HANDLE
    signers = work.case.memory.get("signers", [])
    previous = 0
    for index, place in enumerate(found):
        seat = work.open_seat(place, kind, lead=index == 0, after=previous if stage.decide.sequential else 0)
        if previous and stage.decide.sequential:
            seat.state = SeatState.WAITING
        if stage.same_person == "skip_earlier_signer" and place.person_id and place.person_id in signers:
            seat.task = "同人去重"
        previous = seat.ref
    skipped = [seat for seat in work.here() if seat.task == "同人去重" and seat.kind not in FREE]
    for seat in skipped:
        work.close_seat(seat, SeatState.DONE, "pass")
    if skipped:
        work.facts.setdefault("skipped", []).extend([stage.code, seat.person_id] for seat in skipped)
        if decide(stage.decide, votes(work)) == "pass":
            _skip(work, stage, "")


def _skip(work: Work, stage: Stage, why: str) -> None:
    """Pass a stage without a person, visibly, by its first unconditional passing action."""
    action = next((item for item in stage.actions if item.verdict == "pass" and not item.where), None)
    if action is None or action.to in (STAY, stage.code) or len(work.facts.get("passed", [])) >= len(work.flow.stages):
        _open_dispatcher(work)
        return
    work.facts.setdefault("passed", []).append([stage.code, why or "本轮已由同一人签署"])
    follow(work, action)


def _open_dispatcher(work: Work) -> None:
    work.open_seat(dispatcher(work.case, work.flow, NOBODY), SeatKind.HANDLE, lead=True)


def votes(work: Work) -> list[Vote]:
    return [
        Vote(seat.verdict if seat.state == SeatState.DONE else "", seat.weight, seat.lead, seat.mandatory)
        for seat in work.here()
        if seat.counts
    ]


def settle(work: Work, to: tuple[str, object] = ("", None)) -> None:
    """See whether the stage is decided; if so follow the deciding action, once."""
    stage = work.stage
    result = decide(stage.decide, votes(work))
    if result == "open":
        if base(stage.decide, votes(work)) != "open":
            rest = [seat for seat in work.here() if seat.counts and not seat.mandatory and seat in work.live()]
            work.void(rest)
        return
    code = work.case.memory.get("voted", {}).get(result, "")
    action = next((item for item in stage.actions if item.code == code), None)
    if action is None:
        raise Invalid(f"环节“{stage.name}”已有结论，但没有对应动作，操作未执行。请联系流程管理员。")
    follow(work, action, to)


def handlers(work: Work) -> list[list[Any]]:
    """Who decided this stage, as posts and pools, for a later return."""
    done = [seat for seat in work.here() if seat.counts and seat.state == SeatState.DONE]
    return [[seat.organisation_id, seat.post_id, "", seat.weight] for seat in done if seat.post_id]


def follow(work: Work, action: Action, to: tuple[str, object] = ("", None)) -> None:
    """Go where a decided action leads."""
    case = work.case
    held = handlers(work)
    if held:
        work.remember("handlers", {**case.memory.get("handlers", {}), case.stage: held})
    if action.to.startswith(END_PREFIX):
        close(work, action.to.removeprefix(END_PREFIX))
        return
    returner = case.memory.get("returner")
    direct = returner is not None and (action.to == RETURNER or (action.verdict == "pass" and returner["direct"]))
    target = action.to
    seats: list[Place] | None = None
    if direct and returner is not None:
        target, seats = returner["stage"], again(returner["seats"], work.now) or None
        work.forget("returner")
    else:
        target = _target(work, target)
        if target in case.memory.get("path", []):
            seats = again(case.memory.get("handlers", {}).get(target, []), work.now) or None
    back = target in case.memory.get("path", [])
    leave(work)
    enter(work, target, to=to, seats=None if to[1] else seats, back=back)


def _target(work: Work, word: str) -> str:
    path: list[str] = work.case.memory["path"]
    if word in (PREVIOUS, RETURNER):
        if len(path) < 2:
            raise Invalid("本环节是第一个环节，没有上一环节可退。")
        return path[-2]
    return path[0] if word == ORIGIN else work.case.stage if word == STAY else word


def close(work: Work, outcome: str) -> None:
    """Close: no seat stays open; unread copies stay readable."""
    case = work.case
    for seat in work.live():
        if seat.kind == SeatKind.COPY:
            work.close_seat(seat, SeatState.DONE)
    work.void(seat for seat in work.live())
    work.events += [f"leave:{case.stage}", "close"]
    for key in ("voted", "dispute", "extension", "returner", "suspension"):
        work.forget(key)
    case.status, case.outcome, case.closed_at = Status.CLOSED, outcome, work.instant()
    work.owed.append(("closed", {"outcome": outcome}))


def refuse_double(work: Work, seat: Seat) -> None:
    """自办自审: nobody signs twice in a round, whichever way the seat came to them."""
    from_now = {work.actor.person_id, work.acting_for} - {None}
    if work.stage.same_person == "allow" or not seat.counts or work.actor.system:
        return
    if from_now & set(work.case.memory.get("signers", [])):
        raise Invalid(
            f"您在本轮已签署过，按“{work.stage.name}”环节的规定同一人不得再次签署。请转办给其他人员。",
            rule="自办自审限制",
        )
