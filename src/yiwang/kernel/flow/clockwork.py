"""Between flow events and the clocks room: which rules start, stop, suspend, and in what order."""

from datetime import datetime
from typing import Any

from yiwang.kernel.calendar.workdays import local
from yiwang.kernel.clocks import queries
from yiwang.kernel.clocks.arithmetic import ClockSpec
from yiwang.kernel.clocks.services import Book
from yiwang.kernel.clocks.terms import ClockKind, ClockStatus
from yiwang.kernel.flow.definitions import ClockRule, Flow
from yiwang.kernel.flow.models import Case

RUNNING, SUSPENDED, FINISHED = ClockStatus.RUNNING.value, ClockStatus.SUSPENDED.value, ClockStatus.FINISHED.value
LOCAL = frozenset({ClockKind.STAGE.value, ClockKind.RESPONSE.value})
APART = frozenset({ClockKind.SUPERVISION.value, ClockKind.CORRECTION.value})
Command = dict[str, Any]


def known(case: Case) -> dict[str, str]:
    """Clock code → status, as the entries say."""
    return dict(case.memory.get("clocks", {}))


def command(
    clocks: list[Command], flow: Flow, case: Case, events: list[str], at: datetime, limits: queries.Limits
) -> None:
    """Turn the events of an act into clock commands, kept in the entry and in the case's memory."""
    if not flow.clocks:
        return
    states = known(case)
    for event in events:
        for rule in flow.clocks:
            if states.get(rule.code) in (RUNNING, SUSPENDED) and _ends(rule, event):
                order(clocks, states, "finish", rule.code, at)
        for rule in flow.clocks:
            if event in rule.starts.split():
                _begin(clocks, states, rule, case, at, limits)
    if states != known(case):
        case.memory["clocks"] = states


def _ends(rule: ClockRule, event: str) -> bool:
    """A stage clock also ends when its stage is left by any other road (退回, 跳转)."""
    word, _, stage = event.partition(":")
    left = word == "leave" and rule.kind in LOCAL and f"enter:{stage}" in rule.starts.split()
    return event in (rule.stops, "close") or left


def _begin(
    clocks: list[Command], states: dict[str, str], rule: ClockRule, case: Case, at: datetime, limits: queries.Limits
) -> None:
    if states.get(rule.code) in (RUNNING, SUSPENDED):
        if rule.kind not in LOCAL:
            return
        order(clocks, states, "void", rule.code, at)
    facts: Command = {"budget": rule.budget, "unit": rule.unit}
    if rule.limit:
        variant = str(case.data.get(rule.variant_field, "")) if rule.variant_field else ""
        found = limits.of(rule.limit, variant, local(at).date())
        facts = {"budget": found.number, "unit": found.unit, "extensions": found.extensions,
                 "extension_budget": found.extension_budget, "basis": found.basis}  # fmt: skip
    facts["budget"] = int(case.data.get(rule.budget_field) or facts["budget"])
    facts["unit"] = str(case.data.get(rule.unit_field) or facts["unit"])
    if facts["budget"]:
        order(clocks, states, "start", rule.code, at, **facts)


RESULT = {"start": RUNNING, "resume": RUNNING, "revive": RUNNING, "suspend": SUSPENDED, "finish": FINISHED}


def order(clocks: list[Command], states: dict[str, str], op: str, code: str, at: datetime, **facts: Any) -> None:
    clocks.append({"op": op, "code": code, "at": at.isoformat(), **facts})
    if op == "void":
        states.pop(code, None)
    elif op in RESULT:
        states[code] = RESULT[op]


def suspend(clocks: list[Command], case: Case, at: datetime, codes: list[str], cause: str, basis: str) -> None:
    states = known(case)
    for code in codes:
        order(clocks, states, "suspend", code, at, cause=cause, basis=basis)
    case.memory["clocks"] = states


def resume(clocks: list[Command], case: Case, at: datetime, codes: list[str]) -> None:
    states = known(case)
    for code in codes:
        if states.get(code) == SUSPENDED:
            order(clocks, states, "resume", code, at)
    case.memory["clocks"] = states


def stoppable(flow: Flow, case: Case, named: object, kinds: frozenset[str] | None = None) -> list[str]:
    """Running clocks that a stop takes: the named ones, else by kind (a 督办 or 补正 clock never stops)."""
    states = known(case)
    running = [rule for rule in flow.clocks if states.get(rule.code) == RUNNING]
    if isinstance(named, (list, tuple)):
        return [rule.code for rule in running if rule.code in named]
    return [rule.code for rule in running if rule.kind not in APART and (kinds is None or rule.kind in kinds)]


def execute(clocks: list[Command], flow: Flow, case: Case, seq: int) -> Book | None:
    """Carry the commands out, in order; the book they changed is still to be written."""
    if not clocks:
        return None
    book = Book(case.pk)
    for item in clocks:
        code, at = item["code"], datetime.fromisoformat(item["at"])
        match item["op"]:
            case "start":
                book.start(spec_of(flow, item), at, entry_seq=seq)
            case "finish":
                book.finish(at, entry_seq=seq, codes=[code])
            case "suspend":
                book.suspend(at, entry_seq=seq, cause=item["cause"], basis=item["basis"], codes=[code])
            case "resume":
                book.resume(at, entry_seq=seq, codes=[code])
            case "revive":
                book.revive(at, entry_seq=seq, codes=[code], counted=item["counted"])
            case "restore":
                book.restore(code, before_seq=item["before"])
            case "extend":
                book.extend(code, at, item["amount"], entry_seq=seq, basis=item["basis"])
            case _:
                book.void(codes=[code])
    return book


def spec_of(flow: Flow, item: Command) -> ClockSpec:
    rule = next(rule for rule in flow.clocks if rule.code == item["code"])
    return ClockSpec(
        unit=item["unit"], budget=item["budget"], starts_next_day=rule.starts_next_day, code=rule.code,
        name=rule.name, kind=rule.kind, calendar=rule.calendar, rungs=rule.rungs, on_breach=rule.on_breach,
        extensions=item.get("extensions", rule.extensions), basis=item.get("basis", rule.basis),
        extension_budget=item.get("extension_budget", rule.extension_budget),
    )  # fmt: skip


def overdue(case_id: int, code: str, at: datetime) -> bool:
    clock = queries.current(case_id, code)
    return clock is not None and clock.due_at is not None and at > clock.due_at
