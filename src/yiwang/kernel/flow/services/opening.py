"""Open many cases in one transaction: the rules of `open_case`, a statement a table instead of a dozen a case."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Conflict
from yiwang.kernel.bulk import copying
from yiwang.kernel.clocks import services as clocks
from yiwang.kernel.clocks.models import Clock
from yiwang.kernel.clocks.queries import Limits
from yiwang.kernel.clocks.services import Book
from yiwang.kernel.clocks.terms import ClockKind
from yiwang.kernel.flow import clockwork, kinds, numbers
from yiwang.kernel.flow.definitions import Flow
from yiwang.kernel.flow.models import Case, Entry, IdempotencyKey, IssuedNumber, Outbox, Seat
from yiwang.kernel.flow.publishing import current, flow_of
from yiwang.kernel.flow.seating import Place, places
from yiwang.kernel.flow.services.cases import Opening, draft
from yiwang.kernel.flow.stages import enter
from yiwang.kernel.flow.terms import FREE
from yiwang.kernel.flow.work import Work, compose, owed, request_of

# Seats of these stages follow from the organisations of the case alone, so cases alike share one answer.
SHARED_OF = ("operator", "lead", "opener")


def open_cases(actor: Actor, flow_code: str, items: Sequence[Opening]) -> list[Case]:
    """All or none, numbered in the order given and without a gap. A known key gives the case it made before."""
    with transaction.atomic():
        known = _known(actor, flow_code, items)
        fresh = [item for item in items if item.key not in known]
        made = iter(_open(actor, flow_code, fresh)) if fresh else iter(())
        return [known[item.key] if item.key in known else next(made) for item in items]


def _known(actor: Actor, flow_code: str, items: Sequence[Opening]) -> dict[str, Case]:
    keys = [item.key for item in items if item.key]
    if len(set(keys)) < len(keys):
        raise Conflict("同一批中有重复的提交标识，一件也没有登记。请刷新页面后重试。")
    rows = list(IdempotencyKey.objects.filter(actor=actor.person_id or 0, key__in=keys)) if keys else []
    if any(row.request != request_of("open", 0, flow_code) for row in rows):
        raise Conflict("同一提交标识已用于另一操作，本次未执行。请刷新页面后重试。")
    entries = Entry.objects.select_related("case").in_bulk([row.answer for row in rows])
    return {row.key: entries[row.answer].case for row in rows}


def _open(actor: Actor, flow_code: str, items: Sequence[Opening]) -> list[Case]:
    now, version = timezone.now(), current(flow_code)
    flow = flow_of(version.pk)
    operators: dict[int, int] = {}
    works, limits = [], Limits()
    for item in items:
        case = draft(actor, version.pk, flow, item, now, operators.get(item.organisation_id))
        operators[item.organisation_id] = case.operator_id
        works.append(Work(case, flow, actor, now, case.opened_at, {}, {}, {}, limits=limits))
    drawn = numbers.draw_many(flow.number or flow.code, [work.happened_at for work in works])
    seated: dict[tuple[Any, ...], list[Place]] = {}
    # Keys ahead of the insert: the entry of a case is sealed over its key.
    for work, pk, number in zip(works, copying.keys(Case, len(works)), drawn, strict=True):
        work.case.pk, work.case.number = pk, number[2]
        work.issued.append(number)
        work.events.append("open")
        enter(work, work.case.stage, seats=_places(seated, work, flow))
        work.facts["number"] = number[2]
    _write(works, [item.key for item in items], flow_code)
    return [work.case for work in works]


def _places(seated: dict[tuple[Any, ...], list[Place]], work: Work, flow: Flow) -> list[Place] | None:
    case, stage = work.case, work.stage
    if stage.assign.by not in ("role", "head", "initiator") or stage.assign.of not in SHARED_OF:
        return None
    alike = (stage.code, case.organisation_id, case.operator_id)
    if alike not in seated:
        seated[alike] = places(case, flow, stage, work.now)
    return seated[alike]


def _write(works: Sequence[Work], keys: Sequence[str], flow_code: str) -> None:
    composed = [compose(work, "open")[0] for work in works]
    copying.insert(Case, (work.case for work in works))
    copying.insert(Entry, composed)
    due = _start_clocks(works)
    for work in works:
        for seat in work.seats.values():
            seat.due = seat.due or (due.get(work.case.pk) if seat.kind not in FREE else None)
    copying.insert(Seat, (seat for work in works for seat in work.seats.values()))
    copying.insert(IssuedNumber, (
        IssuedNumber(series_id=series, value=value, text=text, case_id=work.case.pk, seq=work.case.seq)
        for work in works for series, value, text in work.issued
    ))  # fmt: skip
    copying.insert(Outbox, (row for work, entry in zip(works, composed, strict=True) for row in owed(work, entry)))
    copying.insert(IdempotencyKey, (
        IdempotencyKey(actor=work.actor.person_id or 0, key=key, request=request_of("open", 0, flow_code), answer=entry.pk)
        for work, entry, key in zip(works, composed, keys, strict=True) if key
    ))  # fmt: skip
    for work, entry in zip(works, composed, strict=True):
        for name in work.events:
            kinds.emit(kinds.Event(name, work.case, entry, work.actor))


def _start_clocks(works: Iterable[Work]) -> dict[int, datetime]:
    """Start what starts with the cases; returns the earliest due instant of each, supervision apart."""
    plain = [work for work in works if all(item["op"] == "start" for item in work.clocks)]
    wanted = [
        (work.case.pk, clockwork.spec_of(work.flow, item), datetime.fromisoformat(item["at"]))
        for work in plain for item in work.clocks
    ]  # fmt: skip
    due: dict[int, datetime] = {}
    for clock in clocks.start_many(wanted, entry_seq=1):
        _sooner(due, clock)
    for work in works:
        if any(item["op"] != "start" for item in work.clocks):
            book = clockwork.execute(work.clocks, work.flow, work.case, work.case.seq) or Book(work.case.pk)
            book.write()
            due |= {work.case.pk: found} if (found := book.earliest()) else {}
    return due


def _sooner(due: dict[int, datetime], clock: Clock) -> None:
    if clock.kind != ClockKind.SUPERVISION and clock.due_at is not None:
        due[clock.case_id] = min(clock.due_at, due.get(clock.case_id, clock.due_at))
