"""退单 and 裁定, 延期, 催办, 督办."""

from datetime import datetime, timedelta
from typing import Any

from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.clocks import queries as clocks
from yiwang.kernel.clocks.models import Clock
from yiwang.kernel.clocks.terms import ClockStatus
from yiwang.kernel.flow import checks, clockwork
from yiwang.kernel.flow.models import Entry, Seat
from yiwang.kernel.flow.seating import Place, dispatcher, staffed
from yiwang.kernel.flow.services.cases import DECIDING
from yiwang.kernel.flow.services.course import reason
from yiwang.kernel.flow.stages import enter, leave
from yiwang.kernel.flow.terms import SeatKind, SeatState
from yiwang.kernel.flow.work import Work, run
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.people.queries import HEAD


def _pool(work: Work, role: str, units: tuple[int, ...], fault: str) -> Place:
    """The pool of a role in the first of the units that has somebody in it."""
    for unit in units:
        head = role == HEAD
        if role and staffed(work.now, units=[unit], head=head, role="" if head else role):
            return Place(unit, pool=role)
    return dispatcher(work.case, work.flow, fault)


def decline(actor: Actor, case_id: int, *, opinion: str, seat_id: int | None = None, key: str = "") -> Entry:
    """退单: not our duty. The stage stays; a seat of those who may arbitrate opens, in the operator or the lead. Until
    they have judged, our clock stops and the operator's time runs."""

    def step(work: Work) -> None:
        case = work.case
        checks.need_open(work, seat_id)
        if case.memory.get("settled"):
            raise Refused("该案件已经裁定指定承办单位，不得再次退单。请按裁定办理。", rule="经指定的不得再退")
        operation = checks.allowed(work, "decline")
        reason(opinion, "退单")
        if "dispute" in case.memory:
            raise Conflict("该案件已在退单裁定中。请等待裁定。")
        seat = checks.own_seat(work, seat_id, DECIDING, counts=True)
        checks.take(work, seat)
        judges = work.flow.operation("arbitrate")
        roles = [who.removeprefix("role:") for who in judges.who if who.startswith("role:")] if judges else []
        units = (case.operator_id, case.organisation_id)
        place = _pool(work, (roles or [work.flow.operator_role])[0], units, "裁定岗位无人在岗")
        waiting = [item for item in work.live() if item.counts]
        judge = work.open_seat(place, SeatKind.APPROVE, counts=False, task="dispute")
        for item in waiting:
            item.after = judge.ref if item.state == SeatState.OPEN else item.after
            item.state = SeatState.WAITING
        stopped = clockwork.stoppable(work.flow, case, operation.settings.get("stops"), clockwork.LOCAL)
        clockwork.suspend(work.clocks, case, work.instant(), stopped, "退单裁定", operation.basis)
        work.remember("dispute", {"organisation": case.organisation_id, "clocks": stopped, "seat": judge.ref})

    return run(actor, case_id, "decline", step, key=key, opinion=opinion)


def arbitrate(
    actor: Actor, case_id: int, *, organisation: int, opinion: str, seat_id: int | None = None, key: str = ""
) -> Entry:
    """裁定: name who handles it; after that nobody may decline again."""

    def step(work: Work) -> None:
        case = work.case
        checks.need_open(work, seat_id)
        checks.enabled(work, "arbitrate")
        dispute = case.memory.get("dispute")
        if dispute is None:
            raise Conflict("该案件没有待裁定的退单，可能已由他人裁定。请刷新后查看。")
        reason(opinion, "裁定")
        if not Organisation.objects.filter(pk=organisation).exists():
            raise Invalid("没有该机构。请重新选择。", errors={"organisation": ["不存在"]})
        judge = checks.own_seat(work, seat_id, (SeatKind.APPROVE,))
        if judge.ref != dispute["seat"]:
            raise Refused("该席位不是本次退单的裁定席位。请刷新后重试。")
        checks.take(work, judge)
        work.close_seat(judge, SeatState.DONE, "note")
        work.forget("dispute")
        work.remember("settled", True)
        clockwork.resume(work.clocks, case, work.instant(), dispute["clocks"])
        if organisation != case.organisation_id:
            _redesignate(work, organisation)

    return run(actor, case_id, "arbitrate", step, key=key, opinion=opinion)


def _redesignate(work: Work, organisation: int) -> None:
    """The new unit starts with its own full clocks: a wrong first dispatch is not its delay."""
    case, path = work.case, list(work.case.memory["path"])
    case.organisation_id = organisation
    first = next((code for code in path if work.flow.stage(code).charge == "lead"), case.stage)
    again = {f"enter:{code}" for code in path[path.index(first) :]}
    states = clockwork.known(case)
    for rule in work.flow.clocks:
        if again & set(rule.starts.split()) and states.get(rule.code) in (clockwork.RUNNING, clockwork.SUSPENDED):
            clockwork.order(work.clocks, states, "void", rule.code, work.instant())
    work.remember("clocks", states)
    leave(work)
    enter(work, first, to=("organisation", [organisation]), back=True)


def _extendable(work: Work, code: str) -> Clock:
    """The clock carries the extensions of the rule it began under; a later rule does not touch it."""
    rows = clocks.of_case(work.case.pk).exclude(status=ClockStatus.SUPERSEDED).order_by("id")
    clock = next((item for item in rows.reverse() if item.code == code or (not code and item.extensions)), None)
    if clock is None or not clock.extensions:
        raise Invalid("该时限不能延期，或还没有起算。请重新选择。", errors={"clock": ["不能延期"]})
    if clockwork.known(work.case).get(clock.code) != clockwork.RUNNING:
        raise Conflict(f"“{clock.name}”未在计时，不能延期。")
    if work.case.memory.get("extended", {}).get(clock.code, 0) >= clock.extensions:
        raise Refused(f"“{clock.name}”最多延期 {clock.extensions} 次，已用完。", rule=clock.basis)
    if clockwork.overdue(work.case.pk, clock.code, work.now):
        raise Refused(f"“{clock.name}”已届满，不能再延期。", rule="延期须在期限届满前批准")
    return clock


def extend(
    actor: Actor, case_id: int, *, amount: int, clock: str = "", opinion: str = "", seat_id: int | None = None,
    key: str = "",
) -> Entry:  # fmt: skip
    """申请延期 before the limit ends; whoever approves it must do so before the limit ends too."""

    def step(work: Work) -> None:
        checks.need_open(work, seat_id)
        operation = checks.allowed(work, "extend")
        reason(opinion, "延期")
        rule = _extendable(work, clock or str(operation.settings.get("clock", "")))
        if not 1 <= amount <= (rule.extension_budget or amount):
            raise Invalid(f"延期数须在 1 至 {rule.extension_budget} 之间。", errors={"amount": ["超出范围"]})
        if "extension" in work.case.memory:
            raise Conflict("已有一项延期申请待审批，不能重复申请。")
        asked: dict[str, Any] = {"clock": rule.code, "amount": amount, "basis": operation.basis or rule.basis}
        if operation.settings.get("direct"):
            _grant(work, asked)
            return
        checks.own_seat(work, seat_id, DECIDING)
        approver = str(operation.settings.get("approver", "head")).removeprefix("role:")
        role = HEAD if approver == "head" else approver
        place = _pool(work, role, (work.case.organisation_id, work.case.operator_id), "延期审批岗位无人在岗")
        seat = work.open_seat(place, SeatKind.APPROVE, counts=False, task="extension")
        work.remember("extension", {**asked, "by": actor.person_id, "seat": seat.ref})

    return run(actor, case_id, "extend", step, key=key, opinion=opinion)


def _grant(work: Work, asked: dict[str, Any]) -> None:
    states = clockwork.known(work.case)
    clockwork.order(work.clocks, states, "extend", asked["clock"], work.instant(), amount=asked["amount"],
                    basis=asked["basis"])  # fmt: skip
    granted = work.case.memory.get("extended", {})
    work.remember("extended", {**granted, asked["clock"]: granted.get(asked["clock"], 0) + 1})


def rule_extension(
    actor: Actor, case_id: int, *, grant: bool, opinion: str = "", seat_id: int | None = None, key: str = ""
) -> Entry:
    """延期审批: a person other than the applicant, before the limit ends."""

    def step(work: Work) -> None:
        checks.need_open(work, seat_id)
        asked = work.case.memory.get("extension")
        if asked is None:
            raise Conflict("没有待审批的延期申请，可能已由他人审批。请刷新后查看。")
        seat = checks.own_seat(work, seat_id, (SeatKind.APPROVE,))
        if seat.ref != asked["seat"]:
            raise Refused("该席位不是本次延期的审批席位。请刷新后重试。")
        if actor.person_id is not None and actor.person_id == asked["by"]:
            raise Refused("不能审批本人提出的延期申请。请由其他有权人员审批。", rule="申请与审批分离")
        checks.take(work, seat)
        if grant:
            _extendable(work, asked["clock"])
            _grant(work, asked)
        else:
            reason(opinion, "不同意延期")
        work.close_seat(seat, SeatState.DONE, "pass" if grant else "reject")
        work.forget("extension")

    return run(actor, case_id, "rule_extension", step, key=key, opinion=opinion)


def urge(actor: Actor, case_id: int, *, opinion: str = "", key: str = "") -> Entry:
    """催办: the holders are told, not oftener than the flow allows."""

    def step(work: Work) -> None:
        checks.need_open(work)
        operation = checks.allowed(work, "urge")
        hours = operation.settings.get("hours", 24)
        last = work.case.memory.get("urged")
        pause = timedelta(hours=hours if isinstance(hours, (int, float)) else 24)
        if last and work.now < datetime.fromisoformat(last) + pause:
            raise Refused(f"{hours} 小时内已催办过，请稍后再催。", rule="催办间隔")
        work.remember("urged", work.now.isoformat())
        work.owed.append(("urge", {"refs": _holding(work), "opinion": opinion}))

    return run(actor, case_id, "urge", step, key=key, opinion=opinion)


def _holding(work: Work) -> list[int]:
    return [seat.ref for seat in work.live() if seat.state == SeatState.OPEN and seat.kind != SeatKind.COPY]


def supervise(
    actor: Actor, case_id: int, *, requirement: str, due: datetime | None = None, opinion: str = "", key: str = ""
) -> Entry:
    """督办: a watch with its own limit; the lead's head owes an answer, and only the supervisor strikes it off."""

    def step(work: Work) -> None:
        checks.need_open(work)
        checks.allowed(work, "supervise")
        attach_watch(work, requirement, due)

    return run(actor, case_id, "supervise", step, key=key, opinion=opinion or requirement)


def attach_watch(work: Work, requirement: str, due: datetime | None) -> Seat:
    if not requirement.strip():
        raise Invalid("请写明督办要求。", errors={"requirement": ["请填写"]})
    place = _pool(work, HEAD, (work.case.organisation_id,), "主办单位负责人岗位无人在岗")
    seat = work.open_seat(place, SeatKind.WATCH, counts=False, task="督办")
    seat.due = due
    watch = {
        "ref": seat.ref, "requirement": requirement.strip(), "due": due.isoformat() if due else "", "state": "open",
        "by": [work.actor.person_id, work.actor.primary_post_id],
    }  # fmt: skip
    work.remember("watches", [*work.case.memory.get("watches", []), watch])
    return seat


def strike_off(actor: Actor, case_id: int, *, watch: int, opinion: str = "", key: str = "") -> Entry:
    """督办销号: after an answer, by who may supervise."""

    def step(work: Work) -> None:
        checks.allowed(work, "supervise")
        watches = work.case.memory.get("watches", [])
        found = next((item for item in watches if item["ref"] == watch and item["state"] != "closed"), None)
        if found is None:
            raise Conflict("没有该督办事项，或已销号。请刷新后查看。")
        if found["state"] != "answered":
            raise Refused("承办单位尚未反馈，不能销号。", rule="督办须有反馈")
        work.remember("watches", [{**item, "state": "closed"} if item is found else item for item in watches])

    return run(actor, case_id, "strike_off", step, key=key, opinion=opinion)
