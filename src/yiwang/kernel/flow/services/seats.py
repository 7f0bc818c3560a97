"""What happens to seats: claim, release, transfer, delegate, add, remove, copy, read, answer."""

from collections.abc import Iterable
from typing import Any, Literal

from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.flow import checks
from yiwang.kernel.flow.decide import base
from yiwang.kernel.flow.definitions import Operation
from yiwang.kernel.flow.models import Entry, Seat
from yiwang.kernel.flow.seating import Place, staffed
from yiwang.kernel.flow.services.cases import DECIDING
from yiwang.kernel.flow.stages import note_co_answer, seat_co_handlers, settle, votes
from yiwang.kernel.flow.terms import SeatKind, SeatState
from yiwang.kernel.flow.work import Work, run

ADVISORY = (SeatKind.CO, SeatKind.CONSULT, SeatKind.WATCH)
MOVABLE = (SeatKind.HANDLE, SeatKind.SIGN, SeatKind.CO)


def claim(actor: Actor, case_id: int, *, seat_id: int, key: str = "") -> Entry:
    """认领: take a seat of the pool; the second one is told who was first."""

    def step(work: Work) -> None:
        checks.need_open(work, seat_id)
        seat = checks.own_seat(work, seat_id, list(SeatKind))
        if seat.post_id is not None or work.actor.person_id is None:
            raise Conflict("该席位不在公共池中，无需认领。请刷新后查看。")
        checks.take(work, seat)

    return run(actor, case_id, "claim", step, key=key)


def release(actor: Actor, case_id: int, *, seat_id: int, opinion: str = "", key: str = "") -> Entry:
    """退回公共池: only what was claimed from a pool."""

    def step(work: Work) -> None:
        checks.need_open(work, seat_id)
        seat = checks.own_seat(work, seat_id, list(SeatKind))
        if not seat.pool or seat.post_id is None:
            raise Refused("该席位不是从公共池认领的，不能退回公共池。可使用转办。")
        seat.post_id = seat.person_id = seat.on_behalf_of_id = None

    return run(actor, case_id, "release", step, key=key, opinion=opinion)


def _targets(
    work: Work, posts: Iterable[int], operation: Operation | None, away_from: int | None = None
) -> list[Place]:
    wanted = list(dict.fromkeys(posts))
    found = staffed(work.now, posts=wanted)
    missing = set(wanted) - {place.post_id for place in found}
    if missing or not found:
        raise Invalid("所选岗位不存在或无人在岗，操作未执行。请另选岗位。", errors={"to": ["无人在岗"]})
    if away_from in wanted:
        raise Invalid("不能选择自己所在的岗位。请另选岗位。", errors={"to": ["不能是本岗位"]})
    if operation and operation.settings.get("same") == "organisation":
        home = work.seat.organisation_id if work.seat else work.case.organisation_id
        if any(place.organisation_id != home for place in found):
            raise Refused("按流程规定只能选择本单位的岗位。请另选岗位。", rule=operation.basis or "流程定义")
    return found


def move(work: Work, seat: Seat, place: Place) -> Seat:
    """The seat moves: a new one in its exact position; who waited behind the old waits behind the new."""
    new = work.open_seat(
        place, SeatKind(seat.kind), counts=seat.counts, mandatory=seat.mandatory, lead=seat.lead, task=seat.task,
        origin=seat.origin or seat.ref, after=seat.after, state=seat.state,
    )  # fmt: skip
    new.weight = seat.weight
    for other in work.seats.values():
        if other.after == seat.ref and other is not new:
            other.after = new.ref
        if other.origin == seat.ref and other.kind == SeatKind.CONSULT:
            other.origin = new.ref
    work.close_seat(seat, SeatState.VOID)
    return new


def transfer(
    actor: Actor, case_id: int, *, to: int, seat_id: int | None = None, opinion: str = "", key: str = ""
) -> Entry:
    """转办: the seat moves to another post and I am out."""

    def step(work: Work) -> None:
        checks.need_open(work, seat_id)
        operation = checks.allowed(work, "transfer")
        seat = checks.own_seat(work, seat_id, MOVABLE)
        [place] = _targets(work, [to], operation, seat.post_id)
        move(work, seat, place)

    return run(actor, case_id, "transfer", step, key=key, opinion=opinion)


def assign(actor: Actor, case_id: int, *, to: int, seat_id: int, opinion: str = "", key: str = "") -> Entry:
    """改派: the dispatchers put a seat that nobody could be found for on a post."""

    def step(work: Work) -> None:
        checks.need_open(work, seat_id)
        seat = checks.own_seat(work, seat_id, MOVABLE)
        if not seat.fault:
            raise Refused("该席位分派正常，不需要改派。可使用转办。")
        [place] = _targets(work, [to], None)
        move(work, seat, place)

    return run(actor, case_id, "assign", step, key=key, opinion=opinion)


def _chain(work: Work, seat: Seat) -> list[Seat]:
    """The seat and those it was delegated from, up to the first."""
    line = [seat]
    while line[-1].kind == SeatKind.CONSULT and line[-1].origin in work.seats:
        line.append(work.seats[line[-1].origin])
    return line


def delegate(
    actor: Actor, case_id: int, *, to: int, seat_id: int | None = None, opinion: str = "", key: str = ""
) -> Entry:
    """委派: another post gives an opinion, then the seat is mine again."""

    def step(work: Work) -> None:
        checks.need_open(work, seat_id)
        operation = checks.allowed(work, "delegate")
        seat = checks.own_seat(work, seat_id, (*MOVABLE, SeatKind.CONSULT))
        line = _chain(work, seat)
        depth = operation.settings.get("depth", 3)
        if isinstance(depth, int) and len(line) > depth:
            raise Refused(f"委派最多 {depth} 层，不能再委派。请直接办理。", rule="委派层数")
        [place] = _targets(work, [to], operation, seat.post_id)
        if place.post_id in {item.post_id for item in line}:
            raise Refused("不能委派给委派链上已有的岗位。请另选岗位。", rule="委派不得循环")
        checks.take(work, seat)
        asked = work.open_seat(place, SeatKind.CONSULT, counts=False, origin=seat.ref, task="委派")
        seat.state, seat.after = SeatState.WAITING, asked.ref

    return run(actor, case_id, "delegate", step, key=key, opinion=opinion)


def recall(actor: Actor, case_id: int, *, seat_id: int, opinion: str = "", key: str = "") -> Entry:
    """收回委派: the delegated seats become void and mine opens again."""

    def step(work: Work) -> None:
        checks.need_open(work)
        mine = next((s for s in work.seats.values() if s.pk == seat_id), None)
        if mine is None or not work.holds(mine):
            raise Refused("没有找到您委派出去的席位。请刷新后重试。", code="absent")
        given = [s for s in work.live() if s.kind == SeatKind.CONSULT and mine in _chain(work, s)[1:]]
        if mine.state != SeatState.WAITING or not given:
            raise Conflict("该席位没有尚在进行的委派，无需收回。请刷新后查看。")
        work.seat, work.acting_for = mine, work.principal(mine)
        work.void(given)

    return run(actor, case_id, "recall", step, key=key, opinion=opinion)


def answer(
    actor: Actor, case_id: int, *, opinion: str, seat_id: int | None = None, files: Iterable[int] = (), key: str = ""
) -> Entry:
    """Give the opinion asked from a 协办, 委派 or 督办 seat; it never counts as a vote."""
    attached = list(files)

    def step(work: Work) -> None:
        checks.need_open(work, seat_id)
        if not opinion.strip():
            raise Invalid("请填写反馈意见。", errors={"opinion": ["请填写意见"]})
        seat = checks.own_seat(work, seat_id, ADVISORY)
        checks.take(work, seat)
        work.close_seat(seat, SeatState.DONE, "note")
        if attached:
            work.facts["files"] = attached
        if seat.kind == SeatKind.CO:
            note_co_answer(work, seat.organisation_id)
        if seat.kind == SeatKind.WATCH:
            watches: list[dict[str, Any]] = work.case.memory.get("watches", [])
            work.remember("watches", [{**w, "state": "answered"} if w["ref"] == seat.ref else w for w in watches])

    return run(actor, case_id, "answer", step, key=key, opinion=opinion)


def add_seat(
    actor: Actor, case_id: int, *, to: Iterable[int], mode: Literal["before", "after", "alongside"] = "alongside",
    seat_id: int | None = None, opinion: str = "", key: str = "",
) -> Entry:  # fmt: skip
    """加签: before me, after me, or beside me. Before and after must sign whatever the rule of the stage says."""
    wanted = list(to)

    def step(work: Work) -> None:
        checks.need_open(work, seat_id)
        operation = checks.allowed(work, "add_seat")
        seat = checks.own_seat(work, seat_id, DECIDING, counts=True)
        found = _targets(work, wanted, operation, seat.post_id)
        present = {item.post_id for item in work.here() if item.counts}
        if present & {place.post_id for place in found}:
            raise Conflict("所选岗位已在本环节签署名单中，无需加签。")
        if mode == "alongside" and base(work.stage.decide, votes(work)) != "open":
            raise Conflict("本环节表决已有结论，不能再并行加签。可使用后加签。", rule="加签不改变已有结论")
        previous = seat.ref if mode == "after" else 0
        for place in found:
            new = work.open_seat(
                place, SeatKind.SIGN, mandatory=mode != "alongside", origin=seat.ref, task="加签", after=previous
            )
            if previous:
                new.state = SeatState.WAITING
            previous = 0 if mode == "alongside" else new.ref
        if mode == "before":
            seat.state, seat.after = SeatState.WAITING, previous

    return run(actor, case_id, "add_seat", step, key=key, opinion=opinion, action=mode)


def remove_seat(actor: Actor, case_id: int, *, seat_id: int, opinion: str = "", key: str = "") -> Entry:
    """减签: never one who has signed, never the last."""

    def step(work: Work) -> None:
        checks.need_open(work)
        checks.allowed(work, "remove_seat")
        seat = next((s for s in work.seats.values() if s.pk == seat_id), None)
        if seat is None or seat not in work.here() or not seat.counts:
            raise Refused("没有找到该签署席位，或它不在当前环节。请刷新后重试。", code="absent")
        if seat.state == SeatState.DONE:
            raise Conflict("该席位已签署，不能减签。", rule="减签不及于已签署者")
        rest = [s for s in work.here() if s.counts and s is not seat and not s.mandatory]
        if not rest:
            raise Refused("减签后本环节将无人签署，操作未执行。可使用转办。", rule="减签不得清空环节")
        work.close_seat(seat, SeatState.VOID)
        settle(work)

    return run(actor, case_id, "remove_seat", step, key=key, opinion=opinion)


def copy(actor: Actor, case_id: int, *, to: Iterable[int], opinion: str = "", key: str = "") -> Entry:
    """抄送: a reading seat each; they never block."""
    wanted = list(to)

    def step(work: Work) -> None:
        operation = checks.allowed(work, "copy")
        for place in _targets(work, wanted, operation):
            seat = work.open_seat(place, SeatKind.COPY, counts=False)
            if work.case.closed_at is not None:
                seat.state = SeatState.DONE

    return run(actor, case_id, "copy", step, key=key, opinion=opinion)


def read(actor: Actor, case_id: int, *, seat_id: int, key: str = "") -> Entry:
    """已阅: once per seat, also after the case is closed."""

    def step(work: Work) -> None:
        seat = next((s for s in work.seats.values() if s.pk == seat_id), None)
        if seat is None:
            seat = _old_copy(work, seat_id)
        if seat.kind != SeatKind.COPY or not work.holds(seat):
            raise Refused("没有找到抄送给您的席位。请刷新后重试。", code="absent")
        if seat.read_at is not None:
            raise Conflict("已登记阅读，无需重复操作。")
        checks.take(work, seat)
        work.seat, work.acting_for, seat.read_at = seat, work.principal(seat), work.now
        if seat.state == SeatState.OPEN:
            work.close_seat(seat, SeatState.DONE)

    return run(actor, case_id, "read", step, key=key)


def _old_copy(work: Work, seat_id: int) -> Seat:
    """A copy of an earlier stage that is no longer live."""
    seat = Seat.objects.filter(pk=seat_id, case_id=work.case.pk, kind=SeatKind.COPY).first()
    if seat is None:
        raise Refused("没有找到抄送给您的席位。请刷新后重试。", code="absent")
    seat.held = seat.post_id in work.actor.post_ids  # type: ignore[attr-defined]
    work.adopt(seat)
    return seat


def co_handle(
    actor: Actor, case_id: int, *, organisations: Iterable[int] = (), posts: Iterable[int] = (), opinion: str = "",
    key: str = "",
) -> Entry:  # fmt: skip
    """主办/协办: co-handlers give opinions; the gate `co_opinions` makes the answer wait for them."""
    units, named = list(dict.fromkeys(organisations)), list(posts)

    def step(work: Work) -> None:
        checks.need_open(work)
        operation = checks.allowed(work, "co_handle")
        if not units and not named:
            raise Invalid("请选择协办单位或岗位。", errors={"organisations": ["请选择"]})
        if work.case.organisation_id in units:
            raise Invalid("主办单位不能同时是协办单位。请另选单位。", errors={"organisations": ["与主办单位相同"]})
        seat_co_handlers(work, units)
        for place in _targets(work, named, operation) if named else []:
            work.open_seat(place, SeatKind.CO, counts=False)

    return run(actor, case_id, "co_handle", step, key=key, opinion=opinion)
