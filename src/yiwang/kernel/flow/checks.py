"""Checks inside the lock: status, seat, who may use an operation, fields, gates, conditions."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import Q

from yiwang.kernel.access.actors import Conflict, Invalid, Refused
from yiwang.kernel.access.models import RoleHolding
from yiwang.kernel.calendar.terms import CHINA
from yiwang.kernel.flow import clockwork
from yiwang.kernel.flow.definitions import Action, Field, Gate, Operation, Where
from yiwang.kernel.flow.models import Case, Entry, Link, Seat
from yiwang.kernel.flow.seating import in_force, today
from yiwang.kernel.flow.terms import OPERATIONS, LinkKind, SeatKind, SeatState, Status
from yiwang.kernel.flow.work import Work
from yiwang.kernel.orgs.models import Organisation, Post


def need_open(work: Work, seat_id: int | None = None) -> None:
    """The case can be worked on, and the seat meant has not been settled by somebody quicker."""
    case = work.case
    if seat_id is not None:
        _still_there(work, seat_id)
    if case.status == Status.CLOSED:
        raise Conflict(f"案件 {case.number} 已办结，不能再办理。{by(case.pk, case.seq)}如需继续，请申请重启。")
    if case.status == Status.SUSPENDED:
        raise Conflict(f"案件 {case.number} 已挂起，暂不能办理。请先恢复办理。", rule="挂起期间不办理")


def _still_there(work: Work, seat_id: int) -> None:
    seat = next((item for item in work.seats.values() if item.pk == seat_id), None)
    seat = seat or Seat.objects.filter(pk=seat_id, case_id=work.case.pk).first()
    if seat is None or seat.state == SeatState.OPEN or seat.closed_seq == 0:
        return
    if work.actor.system or seat.post_id in work.actor.post_ids or work.principal(seat):
        raise _gone(work, seat)


def by(case_id: int, seq: int) -> str:
    """Who did entry `seq`, when: what the loser of a race is told."""
    entry = Entry.objects.filter(case_id=case_id, seq=seq).select_related("organisation").first()
    if entry is None:
        return ""
    local = entry.recorded_at.astimezone(CHINA)
    name = OPERATIONS.get(entry.kind, entry.kind)
    return f"已由{entry.organisation or ''}{entry.actor_name}于 {local:%Y-%m-%d %H:%M} {name}。"


def _gone(work: Work, seat: Seat) -> Conflict:
    return Conflict(f"该席位已不可办理：{by(work.case.pk, seat.closed_seq) or '正在等待前序办理。'}请刷新后查看。")


def own_seat(work: Work, seat_id: int | None, kinds: Iterable[str], *, counts: bool | None = None) -> Seat:
    """The seat the actor acts on, re-checked under the lock."""
    wanted = set(kinds)
    if seat_id is not None:
        seat = next((item for item in work.seats.values() if item.pk == seat_id), None)
        seat = seat or Seat.objects.filter(pk=seat_id, case_id=work.case.pk).first()
        if seat is None or seat.kind not in wanted:
            raise Refused("没有找到该席位，或它不属于本案件。请刷新后重试。", code="absent")
        if seat.state != SeatState.OPEN:
            raise _gone(work, seat)
        candidates = [seat]
    else:
        candidates = [item for item in work.seats.values() if item.state == SeatState.OPEN and item.kind in wanted]
    found = next((item for item in candidates if work.holds(item) and counts in (None, item.counts)), None)
    if found is None:
        raise _not_yours(work)
    work.seat, work.acting_for = found, work.principal(found)
    return found


def _not_yours(work: Work) -> Refused:
    """The loser of a race is told who was first; a stranger only that there is no seat."""
    done = [seat for seat in work.here() if seat.state == SeatState.DONE and work.holds(seat)]
    if done:
        return _gone(work, done[-1])
    return Refused("您在该案件当前环节没有待办席位，操作未执行。如应由您办理，请联系派单人员。", rule="席位")


def take(work: Work, seat: Seat) -> None:
    """Sit down: a pool seat becomes the actor's, the person of a post seat becomes the one who acts."""
    if work.actor.system or work.actor.person_id is None:
        return
    if seat.post_id is None:
        seat.post_id = work.pool_post(seat)
    seat.person_id = work.actor.person_id
    seat.on_behalf_of_id = work.acting_for


ONCE = {"correct": 1}


def enabled(work: Work, code: str) -> Operation:
    """The operation is switched on for this stage and not used up."""
    operation = work.flow.operation(code)
    if operation is None:
        raise Refused(f"流程“{work.flow.name}”未启用“{OPERATIONS.get(code, code)}”。", rule="流程定义")
    if operation.stages and work.case.stage not in operation.stages:
        raise Refused(f"“{work.stage.name}”环节不能{OPERATIONS.get(code, code)}。", rule="流程定义")
    limit = operation.settings.get("max", ONCE.get(code))
    if isinstance(limit, int) and work.count("ops", code) >= limit:
        rule = operation.basis or "次数限制"
        raise Refused(f"“{OPERATIONS.get(code, code)}”最多 {limit} 次，本案件已用完。", rule=rule)
    return operation


def allowed(work: Work, code: str) -> Operation:
    """Switched on, and the actor is one of those who may use it."""
    operation = enabled(work, code)
    if not (work.actor.system or any(_is(work, who) for who in operation.who)):
        raise Refused(f"您不能对该案件执行“{OPERATIONS.get(code, code)}”。请由有权人员办理。", rule="操作权限")
    return operation


def _is(work: Work, who: str) -> bool:
    case, actor = work.case, work.actor
    if who == "seat":
        return any(work.holds(seat) for seat in work.live() if seat.kind not in (SeatKind.COPY, SeatKind.WATCH))
    if actor.person_id is None or not actor.post_ids:
        return False
    if who == "initiator":
        return case.opener_person_id == actor.person_id
    if who == "head":
        held = Post.objects.filter(in_force(today(work.now), "appointments__"), pk__in=actor.post_ids, is_head=True,
                                   appointments__person_id=actor.person_id)  # fmt: skip
        return held.filter(organisation_id__in=[case.organisation_id, *_above(case.organisation_id)]).exists()
    return _has_role(work, who.removeprefix("role:"), actor.person_id)


def _above(*organisations: int) -> list[int]:
    paths = Organisation.objects.filter(pk__in=organisations).values_list("path", flat=True)
    return [int(part) for path in paths for part in path.split("/") if part]


def _has_role(work: Work, role: str, person_id: int) -> bool:
    """The role, on a post now held, in the operator, the lead or an organisation above them."""
    case, on = work.case, today(work.now)
    holdings = RoleHolding.objects.filter(
        in_force(on) & in_force(on, "post__appointments__"), role__code=role, post_id__in=work.actor.post_ids,
        post__appointments__person_id=person_id,
    )  # fmt: skip
    units = set(holdings.values_list("post__organisation_id", flat=True))
    return bool(units & {case.operator_id, case.organisation_id}) or bool(
        units and units & set(_above(case.operator_id, case.organisation_id))
    )


def holds_where(data: dict[str, Any], conditions: Iterable[Where]) -> bool:
    return all(_holds(data.get(where.field), where) for where in conditions)


def _holds(value: Any, where: Where) -> bool:
    left: Any
    right: Any
    if where.op in ("present", "absent"):
        return (value not in (None, "", [])) == (where.op == "present")
    wanted: Any = where.value
    if where.op in ("gte", "lte"):
        if value is None or value == "":
            return False
        text = isinstance(wanted, str)
        left, right = (value, wanted) if text else (Decimal(str(value)), Decimal(str(wanted)))
        return bool(left >= right if where.op == "gte" else left <= right)
    if where.op in ("in", "not_in"):
        return (value in tuple(wanted)) == (where.op == "in")
    return bool(value == wanted) == (where.op == "eq")


def _converted(item: Field, value: Any) -> Any:
    """The value as JSON keeps it; decimals as text, never as floats."""
    if item.kind in ("integer", "organisation", "post", "case", "file"):
        return int(value)
    if item.kind == "decimal":
        return str(Decimal(str(value)))
    if item.kind == "date":
        return (value if isinstance(value, date) else date.fromisoformat(str(value))).isoformat()
    if item.kind == "datetime":
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return moment.isoformat()
    if item.kind == "boolean":
        return value in (True, "true", "on", "1", 1)
    if item.kind in ("organisations", "posts", "files"):
        return [int(part) for part in (value if isinstance(value, (list, tuple)) else [value])]
    if item.kind == "choice" and str(value) not in {code for code, _ in item.choices}:
        raise ValueError(value)
    return str(value)


def fields(asked: Iterable[Field], data: dict[str, Any]) -> dict[str, Any]:
    """Checked input; every problem is told at once, next to its field."""
    errors: dict[str, list[str]] = {}
    found: dict[str, Any] = {}
    known = {item.name: item for item in asked}
    for name in data.keys() - known.keys():
        errors[name] = ["该动作没有此项"]
    for name, item in known.items():
        value = data.get(name)
        # Blanks fill no field: a reason of spaces is none, also when it comes by the interface.
        value = value.strip() if isinstance(value, str) else value
        if value in (None, "", [], ()):
            if item.required:
                errors[name] = [f"请填写“{item.label}”"]
            continue
        try:
            found[name] = _converted(item, value)
        except (ValueError, TypeError, InvalidOperation):
            errors[name] = [f"“{item.label}”的值不正确"]
    if errors:
        told = "；".join(line for lines in errors.values() for line in lines)
        raise Invalid(f"{told}。请改正后重新提交。", errors=errors)
    return found


def gates(work: Work, action: Action, files: Iterable[int]) -> None:
    for gate in action.gates:
        if not passes(work, gate, list(files)):
            raise Refused(gate.message or GATES[gate.kind], rule="办理条件")


GATES = {
    "data": "必填事项尚未填写，不能执行该动作。", "file": "尚未上传规定的材料，不能执行该动作。",
    "children_closed": "尚有子案件未办结，不能执行该动作。请待全部子案件办结或解除约束。",
    "co_opinions": "协办单位尚未全部反馈意见，不能执行该动作。",
    "clock_running": "规定的时钟未在运行，不能执行该动作。", "before_due": "已超过时限，不能执行该动作。",
    "after_due": "期限尚未届满，不能执行该动作。",
}  # fmt: skip


def passes(work: Work, gate: Gate, files: list[int]) -> bool:
    if gate.kind == "data":
        return work.case.data.get(gate.value) not in (None, "", [])
    if gate.kind == "file":
        return bool(files) or bool(work.case.data.get(gate.value))
    if gate.kind == "children_closed":
        return not open_children(work.case)
    if gate.kind == "co_opinions":
        return not any(seat.kind == SeatKind.CO for seat in work.live())
    if gate.kind == "clock_running":
        return clockwork.known(work.case).get(gate.value) == clockwork.RUNNING
    return clockwork.overdue(work.case.pk, gate.value, work.happened_at) == (gate.kind == "after_due")


def open_children(case: Case) -> bool:
    """Children neither closed nor released. A child can't open or reopen without the parent's lock."""
    return (
        Link.objects.filter(source_id=case.pk, kind=LinkKind.CHILD, released=False)
        .filter(~Q(target__status=Status.CLOSED))
        .exists()
    )
