"""The course of a case: send back, withdraw, cancel, jump, suspend, correct, terminate, reopen, late entry."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.flow import checks, clockwork
from yiwang.kernel.flow.fold import MAPS, State, replay, restore
from yiwang.kernel.flow.models import Case, Entry, IssuedNumber, Link, Seat
from yiwang.kernel.flow.seating import again
from yiwang.kernel.flow.services.cases import DECIDING
from yiwang.kernel.flow.stages import close, enter, leave
from yiwang.kernel.flow.terms import LinkKind, SeatState, Status
from yiwang.kernel.flow.work import Work, answered, attempt, commit, load, load_parent, request_of, run

Redo = Literal["", "again", "direct"]
# Entries that change nothing an act before them decided.
PASSIVE = ("read", "copy", "urge", "claim", "release", "late_entry", "rung", "supervise", "answer")
KEPT = frozenset({"ops", "charge", "clocks", "watches", "urged"})


def reason(opinion: str, what: str) -> None:
    if not opinion.strip():
        raise Invalid(f"{what}须写明理由。", errors={"opinion": ["请填写理由"]})


def send_back(
    actor: Actor, case_id: int, *, to: str = "", redo: Redo = "", seat_id: int | None = None, opinion: str = "",
    key: str = "",
) -> Entry:  # fmt: skip
    """退回 to a stage already handled (default: the one before). again: every stage once more; direct: the redone
    stage comes straight back to the same posts."""

    def step(work: Work) -> None:
        checks.need_open(work, seat_id)
        operation = checks.allowed(work, "send_back")
        reason(opinion, "退回")
        seat = checks.own_seat(work, seat_id, DECIDING, counts=True)
        path: list[str] = work.case.memory["path"]
        target = to or (path[-2] if len(path) > 1 else "")
        if target not in path[:-1]:
            raise Invalid("只能退回到已办理过的环节。请重新选择。", errors={"to": ["不是已办环节"]})
        way = str(operation.settings.get("redo", "again"))
        if way == "choose":
            way = redo or "again"
        elif redo and redo != way:
            raise Refused("该流程不允许选择退回后的办理方式。", rule="流程定义")
        checks.take(work, seat)
        mine = [[seat.organisation_id, seat.post_id, "", seat.weight]]
        work.remember("returner", {"stage": work.case.stage, "seats": mine, "direct": way == "direct"})
        handlers = again(work.case.memory.get("handlers", {}).get(target, []), work.now)
        leave(work)
        enter(work, target, seats=handlers or None, back=True)

    return run(actor, case_id, "send_back", step, key=key, opinion=opinion, action=to)


def withdraw(actor: Actor, case_id: int, *, opinion: str = "", key: str = "") -> Entry:
    """撤回: my last act, while nobody after me has decided; the state is what it was before the act."""

    def step(work: Work) -> None:
        checks.need_open(work)
        checks.enabled(work, "withdraw")
        entry = Entry.objects.filter(case_id=case_id).exclude(kind__in=PASSIVE).order_by("-seq")[0]
        if entry.kind not in ("act", "send_back") or entry.person_id is None or entry.person_id != actor.person_id:
            raise Conflict(f"最近一次办理不是您的，不能撤回。{checks.by(case_id, entry.seq)}")
        if IssuedNumber.objects.filter(case_id=case_id, seq=entry.seq).exists():
            raise Refused("该步骤已编号，编号不得收回，不能撤回。", rule="编号不复用")
        undo(work, entry)

    return run(actor, case_id, "withdraw", step, key=key, opinion=opinion)


def undo(work: Work, entry: Entry) -> None:
    """Put back what an entry changed; what it opened becomes void, a clock it ended or re-armed goes on as before."""
    before = replay(work.case.pk, entry.seq - 1)
    seats = {seat.ref: seat for seat in Seat.objects.filter(case_id=work.case.pk)}
    opened = [seat for seat in seats.values() if seat.opened_seq == entry.seq]
    decided = next((seat for seat in opened if seat.state == SeatState.DONE and seat.verdict), None)
    if decided is not None:
        raise Conflict(f"后续环节已办理，不能撤回。{checks.by(work.case.pk, decided.closed_seq)}")
    for ref in map(int, entry.payload.get("seats", {})):
        if ref not in work.seats:
            work.adopt(seats[ref])
        if ref not in before.seats:
            work.seats[ref].state = SeatState.VOID
            work.seats[ref].closed_seq, work.seats[ref].closed_at = work.seq, work.happened_at
        else:
            for name, value in before.seats[ref].items():
                setattr(work.seats[ref], name, restore(name, value))
    _undo_case(work.case, entry, before)
    states = clockwork.known(work.case)
    for item in reversed(entry.payload.get("clocks", [])):
        opposite = {"start": "void", "finish": "revive"}.get(item["op"])
        if opposite:
            clockwork.order(work.clocks, states, opposite, item["code"], work.instant(), counted=True)
        elif item["op"] == "void":
            clockwork.order(work.clocks, states, "restore", item["code"], work.instant(), before=entry.seq)
    touched, was = {item["code"] for item in work.clocks}, before.case["memory"].get("clocks", {})
    kept = {code: status for code, status in states.items() if code not in touched}
    if touched:
        work.remember("clocks", {**kept, **{code: was[code] for code in touched & was.keys()}})


def _undo_case(case: Case, entry: Entry, before: State) -> None:
    for name, change in entry.payload.get("case", {}).items():
        old: Any = before.case.get(name)
        if name in MAPS:
            current: dict[str, Any] = getattr(case, name)
            for part in {*change["+"], *change["-"]} - (KEPT if name == "memory" else frozenset()):
                current.pop(part, None)
                if part in old:
                    current[part] = old[part]
        elif name != "seats_made":
            setattr(case, name, restore(name, old))


def cancel(actor: Actor, case_id: int, *, opinion: str = "", key: str = "") -> Entry:
    """撤件: the initiator withdraws the whole case."""

    def step(work: Work) -> None:
        if work.case.status == Status.CLOSED:
            checks.need_open(work)
        checks.allowed(work, "cancel")
        reason(opinion, "撤件")
        _no_open_children(work, "撤件")
        close(work, "cancelled")

    return run(actor, case_id, "cancel", step, key=key, opinion=opinion)


def _no_open_children(work: Work, what: str) -> None:
    if checks.open_children(work.case):
        raise Conflict(f"尚有子案件未办结，不能{what}。请先处理子案件，或终止并含全部子案件。")


def jump(actor: Actor, case_id: int, *, stage: str, opinion: str = "", key: str = "") -> Entry:
    """跳转: an administrator puts the case on another stage, with a reason."""

    def step(work: Work) -> None:
        checks.need_open(work)
        checks.allowed(work, "jump")
        reason(opinion, "跳转")
        _known_stage(work, stage)
        leave(work)
        enter(work, stage, back=True)

    return run(actor, case_id, "jump", step, key=key, opinion=opinion, action=stage)


def _known_stage(work: Work, stage: str) -> None:
    if stage not in {item.code for item in work.flow.stages}:
        raise Invalid("没有该环节。请重新选择。", errors={"stage": ["不存在"]})


def family(actor: Actor, case_id: int) -> list[Work]:
    """The case and all its descendants, locked: root first, then by id."""
    root_id = Case.objects.filter(pk=case_id).values_list("root_id", flat=True).first() or case_id
    works = {root_id: load(actor, root_id)}
    parents = dict(Case.objects.filter(root_id=root_id).order_by("id").values_list("pk", "parent_id"))

    def below(pk: int | None) -> bool:
        while pk is not None and pk != case_id:
            pk = parents.get(pk)
        return pk == case_id

    for pk in sorted({case_id, *(pk for pk in parents if below(pk))} - {root_id}):
        works[pk] = load(actor, pk)
    return [works[case_id], *(work for pk, work in sorted(works.items()) if pk != case_id and below(pk))]


def _together(
    actor: Actor, case_id: int, kind: str, step: Callable[[Work, list[Work]], list[Work]], *, key: str, opinion: str
) -> Entry:
    """An operation on a case and its descendants: all or none, one entry each."""

    def once() -> Entry:
        works = family(actor, case_id)
        known = answered(actor, key, request_of(kind, case_id))
        if known is not None:
            return known
        touched = step(works[0], works[1:])
        for work in [works[0], *touched]:
            work.tally("ops", kind)
            work.events.append(f"op:{kind}")
        first = commit(works[0], kind, opinion=opinion, key=key)
        for work in touched:
            work.facts["because"] = [case_id, first.seq]
            commit(work, kind, opinion=opinion)
        return first

    return attempt(once)


def _suspend(work: Work, cause: str, basis: str, by: int, kind: str, named: object = None) -> None:
    stopped = clockwork.stoppable(work.flow, work.case, named)
    clockwork.suspend(work.clocks, work.case, work.instant(), stopped, cause, basis)
    work.case.status = Status.SUSPENDED
    work.remember("suspension", {"cause": cause, "basis": basis, "clocks": stopped, "by": by, "kind": kind})


def suspend(
    actor: Actor, case_id: int, *, cause: str, basis: str, cascade: bool = False, opinion: str = "", key: str = ""
) -> Entry:
    """挂起 with its cause and legal basis; the clocks stop. cascade: every open descendant too, or none."""

    def step(work: Work, below: list[Work]) -> list[Work]:
        checks.need_open(work)
        operation = checks.allowed(work, "suspend")
        if not cause.strip() or not basis.strip():
            raise Invalid("挂起须写明事由和法律依据。", errors={"cause": ["必填"], "basis": ["必填"]})
        if "dispute" in work.case.memory:
            raise Conflict("该案件正在退单裁定中，不能挂起。请等待裁定。")
        touched = [item for item in below if item.case.status == Status.OPEN] if cascade else []
        for item in [work, *touched]:
            _suspend(item, cause.strip(), basis.strip(), case_id, "suspend", operation.settings.get("stops"))
        return touched

    return _together(actor, case_id, "suspend", step, key=key, opinion=opinion or cause)


def correct(actor: Actor, case_id: int, *, items: str, basis: str, opinion: str = "", key: str = "") -> Entry:
    """补正告知, once: everything missing in one notice; the clocks stop until the material is there."""

    def step(work: Work) -> None:
        checks.need_open(work)
        operation = checks.allowed(work, "correct")
        if not items.strip() or not basis.strip():
            raise Invalid("请一次性写明需要补正的全部材料和依据。", errors={"items": ["必填"], "basis": ["必填"]})
        _suspend(work, "补正材料", basis.strip(), case_id, "correct", operation.settings.get("stops"))
        work.facts["items"] = items.strip()
        work.owed.append(("correct", {"items": items.strip()}))

    return run(actor, case_id, "correct", step, key=key, opinion=opinion or items)


def resume(actor: Actor, case_id: int, *, opinion: str = "", key: str = "") -> Entry:
    """恢复: the clocks run again, also in descendants suspended together with this case."""

    def step(work: Work, below: list[Work]) -> list[Work]:
        if work.case.status != Status.SUSPENDED:
            raise Conflict(f"案件 {work.case.number} 未挂起，无需恢复。请刷新后查看。")
        checks.allowed(work, "resume")
        touched = [item for item in below if item.case.memory.get("suspension", {}).get("by") == case_id]
        for item in [work, *touched]:
            lift(item)
        return touched

    return _together(actor, case_id, "resume", step, key=key, opinion=opinion)


def lift(work: Work) -> None:
    stopped = work.case.memory.get("suspension", {}).get("clocks", [])
    clockwork.resume(work.clocks, work.case, work.instant(), stopped)
    work.case.status = Status.OPEN
    work.forget("suspension")


def terminate(actor: Actor, case_id: int, *, cascade: bool = False, opinion: str = "", key: str = "") -> Entry:
    """终止 with a reason; cascade: every open descendant too, or none."""

    def step(work: Work, below: list[Work]) -> list[Work]:
        if work.case.status == Status.CLOSED:
            checks.need_open(work)
        checks.allowed(work, "terminate")
        reason(opinion, "终止")
        alive = [item for item in below if item.case.status != Status.CLOSED]
        if not cascade:
            _no_open_children(work, "终止")
        touched = alive if cascade else []
        for item in [work, *touched]:
            close(item, "terminated")
        return touched

    return _together(actor, case_id, "terminate", step, key=key, opinion=opinion)


def reopen(actor: Actor, case_id: int, *, stage: str = "", opinion: str = "", key: str = "") -> Entry:
    """重启 a closed case in a new round; an open parent learns that it has to wait again."""

    def once() -> Entry:
        parent_id = Case.objects.filter(pk=case_id).values_list("parent_id", flat=True).first()
        above = load_parent(actor, parent_id) if parent_id else None
        work = load(actor, case_id)
        known = answered(actor, key, request_of("reopen", case_id))
        if known is not None:
            return known
        _reopen(work, above, stage, opinion)
        _recall_children(work)
        entry = commit(work, "reopen", opinion=opinion, key=key)
        if above is not None:
            above.remember("children", {**above.case.memory.get("children", {}), str(case_id): "open"})
            above.facts["child"] = [case_id, work.case.number]
            commit(above, "child_opened")
        return entry

    return attempt(once)


def _recall_children(work: Work) -> None:
    """A closed case is told nothing: what became of its children meanwhile it learns when it opens again."""
    told: dict[str, str] = work.case.memory.get("children", {})
    ended = Link.objects.filter(source=work.case, kind=LinkKind.CHILD, target__status=Status.CLOSED)
    closed = {str(pk) for pk in ended.values_list("target_id", flat=True)} if told else set()
    now = {pk: "closed" if state == "open" and pk in closed else state for pk, state in told.items()}
    if now != told:
        work.remember("children", now)


def _reopen(work: Work, above: Work | None, stage: str, opinion: str) -> None:
    case = work.case
    if case.status != Status.CLOSED:
        raise Conflict(f"案件 {case.number} 尚未办结，无需重启。")
    operation = checks.allowed(work, "reopen")
    reason(opinion, "重启")
    if case.outcome in ("merged", "split"):
        raise Refused("已并案或拆单的案件不能重启。请在并入或拆出的案件中办理。")
    if above is not None and above.case.status == Status.CLOSED:
        raise Refused("上级案件已办结，不能单独重启子案件。请先重启上级案件。")
    target = stage or str(operation.settings.get("to", "")) or case.stage
    _known_stage(work, target)
    case.status, case.outcome, case.closed_at = Status.OPEN, "", None
    states = clockwork.known(case)
    for rule in work.flow.clocks:
        if rule.stops == "close" and states.get(rule.code) == clockwork.FINISHED:
            clockwork.order(work.clocks, states, "revive", rule.code, work.instant(), counted=False)
    work.remember("clocks", states)
    handlers = again(case.memory.get("handlers", {}).get(target, []), work.now)
    enter(work, target, seats=handlers or None, back=True)
    work.tally("ops", "reopen")
    work.events.append("op:reopen")


def late_entry(actor: Actor, case_id: int, *, happened_at: datetime, opinion: str, key: str = "") -> Entry:
    """补录: a marked entry about the past; it moves nothing and stops no clock."""

    def step(work: Work) -> None:
        checks.allowed(work, "late_entry")
        reason(opinion, "补录")
        work.facts["late"] = True

    return run(actor, case_id, "late_entry", step, key=key, opinion=opinion, happened_at=happened_at)
