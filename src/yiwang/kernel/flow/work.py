"""One act in the making: the locked case, its live seats, what changes, and the one place that writes it."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone
from psycopg import errors

from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.bulk.statements import Row, ask
from yiwang.kernel.clocks.queries import Limits
from yiwang.kernel.clocks.services import Book
from yiwang.kernel.clocks.statements import Table, Term, Writing
from yiwang.kernel.flow import clockwork, kinds, numbers
from yiwang.kernel.flow.definitions import Flow, Stage
from yiwang.kernel.flow.fold import MAPS, Facts, case_facts, difference, restore, seal, seat_facts
from yiwang.kernel.flow.models import Case, Entry, IdempotencyKey, Outbox, Seat
from yiwang.kernel.flow.publishing import flow_of
from yiwang.kernel.flow.seating import Place, today
from yiwang.kernel.flow.terms import FREE, OPERATIONS, SeatKind, SeatState, Status

LIVE = (SeatState.OPEN, SeatState.WAITING)
CASE, SEAT, ENTRY, OWED, ANSWER = (Table.of(model) for model in (Case, Seat, Entry, Outbox, IdempotencyKey))
# The CTE is scanned before the row is locked, so the limit holds for this very wait.
LOCK = f"""
with patience as materialized (select set_config('lock_timeout', '2s', true))
select {CASE.selected("c")} from patience, flow_case c where c.id = %(case)s for no key update of c
"""  # noqa: S608 - names of our own columns
# Whether the actor holds the seat's post today, for whom else, and the post that answers to the seat's pool.
SEATS = f"""
select {SEAT.selected("s")},
  exists(select 1 from people_appointment a where a.person_id = %(person)s and a.post_id = s.post_id
         and a.valid_from <= %(today)s and (a.valid_until is null or a.valid_until >= %(today)s)) as held,
  (select d.principal_id from people_delegation d
   join people_appointment a on a.person_id = d.principal_id and a.post_id = d.post_id
        and a.valid_from <= %(today)s and (a.valid_until is null or a.valid_until >= %(today)s)
   join people_person n on n.id = d.principal_id and n.active
   join orgs_post p on p.id = d.post_id and p.active
   join orgs_organisation o on o.id = p.organisation_id
        and (o.valid_until is null or o.valid_until >= %(today)s)
   where d.agent_id = %(person)s and d.post_id = s.post_id and d.revoked_at is null
     and d.valid_from <= %(now)s and d.valid_until > %(now)s and d.secrecy_limit >= %(secrecy)s
     and (jsonb_array_length(d.flows) = 0 or d.flows @> to_jsonb(%(flow)s::text)) limit 1) as principal,
  case when s.post_id is null then
   (select p.id from orgs_post p join people_appointment a on a.post_id = p.id and a.person_id = %(person)s
         and a.valid_from <= %(today)s and (a.valid_until is null or a.valid_until >= %(today)s)
    where p.id = any(%(posts)s::bigint[]) and p.organisation_id = s.organisation_id
      and (s.pool = '@any' or (s.pool = '@head' and p.is_head) or exists(
        select 1 from access_roleholding h join access_role r on r.id = h.role_id and r.code = s.pool
        where h.post_id = p.id and h.valid_from <= %(today)s
          and (h.valid_until is null or h.valid_until >= %(today)s)))
    order by p.id limit 1) end as pool_post
from flow_seat s
where s.case_id = %(case)s
  and (s.state in ('open', 'waiting') or (s.stage = %(stage)s::text and s.round = %(round)s::int))
order by s.ref
"""  # noqa: S608 - names of our own columns


@dataclass
class Work:
    """Mutate `case` and `seats` freely; `commit` writes the difference and the entry that says it."""

    case: Case
    flow: Flow
    actor: Actor
    now: datetime
    happened_at: datetime
    seats: dict[int, Seat]
    before: Facts
    seats_before: dict[int, Facts]
    events: list[str] = field(default_factory=list)
    clocks: list[Facts] = field(default_factory=list)
    owed: list[tuple[str, Facts]] = field(default_factory=list)
    facts: Facts = field(default_factory=dict)
    seat: Seat | None = None
    acting_for: int | None = None
    issued: list[tuple[int, int, str]] = field(default_factory=list)
    limits: Limits = field(default_factory=Limits)
    book: Book | None = None

    @property
    def stage(self) -> Stage:
        return self.flow.stage(self.case.stage)

    @property
    def seq(self) -> int:
        return self.case.seq + 1

    def here(self) -> list[Seat]:
        """The seats of the current stage-round, void ones left out."""
        mark = (self.case.stage, self.case.round)
        return [s for s in self.seats.values() if (s.stage, s.round) == mark and s.state != SeatState.VOID]

    def live(self) -> list[Seat]:
        return [s for s in self.seats.values() if s.state in LIVE]

    def holds(self, seat: Seat) -> bool:
        """Whether the actor may act on the seat now, by post, by dated delegation, or from the pool."""
        if self.actor.system:
            return True
        if self.actor.person_id is None:
            return False
        if seat.post_id is None:
            return self.pool_post(seat) is not None
        mine = not seat.pool or seat.person_id == self.actor.person_id
        return bool(getattr(seat, "held", False) and mine) or bool(self.principal(seat))

    def principal(self, seat: Seat) -> int | None:
        """Whom the actor stands for on a seat that is not the actor's own."""
        principal: int | None = getattr(seat, "principal", None)
        if getattr(seat, "held", False) or (seat.person_id is not None and seat.person_id != principal):
            return None
        return principal

    def pool_post(self, seat: Seat) -> int | None:
        """The actor's post that answers to the pool of a seat nobody has taken."""
        post: int | None = getattr(seat, "pool_post", None)
        return post

    def open_seat(self, place: Place, kind: SeatKind, **facts: Any) -> Seat:
        self.case.seats_made += 1
        seat = Seat(
            case_id=self.case.pk, ref=self.case.seats_made, stage=self.case.stage, round=self.case.round, kind=kind,
            post_id=place.post_id, organisation_id=place.organisation_id, pool=place.pool, person_id=place.person_id,
            weight=place.weight, fault=place.fault, opened_seq=self.seq, opened_at=self.happened_at, **facts,
        )  # fmt: skip
        self.seats[seat.ref] = seat
        return seat

    def adopt(self, seat: Seat) -> None:
        """Take in a seat of an earlier stage that the act also changes."""
        self.seats[seat.ref] = seat
        self.seats_before[seat.ref] = seat_facts(seat)

    def close_seat(self, seat: Seat, state: SeatState, verdict: str = "") -> None:
        """A seat waiting behind this one opens; behind a void one too, so nothing waits for ever."""
        seat.state, seat.verdict, seat.closed_seq, seat.closed_at = state, verdict, self.seq, self.happened_at
        for other in self.seats.values():
            if other.after == seat.ref and other.state == SeatState.WAITING:
                other.state = SeatState.OPEN

    def void(self, seats: Iterable[Seat]) -> None:
        gone = list(seats)
        for seat in gone:
            seat.state = SeatState.VOID
        for seat in gone:
            self.close_seat(seat, SeatState.VOID)

    def instant(self) -> datetime:
        """The lawful instant, never before the one that the running charge began at."""
        since = self.case.memory.get("charge", {}).get("since")
        return max(self.happened_at, datetime.fromisoformat(since)) if since else self.happened_at

    def count(self, shelf: str, code: str) -> int:
        """How often an action or operation has been used in the life of the case."""
        times: int = self.case.memory.get(shelf, {}).get(code, 0)
        return times

    def tally(self, shelf: str, code: str) -> None:
        self.remember(shelf, {**self.case.memory.get(shelf, {}), code: self.count(shelf, code) + 1})

    def remember(self, key: str, value: Any) -> None:
        self.case.memory[key] = value

    def forget(self, key: str) -> None:
        self.case.memory.pop(key, None)


def load(actor: Actor, case_id: int, happened_at: datetime | None = None) -> Work:
    """Lock the case row and read what an act needs: two statements, whatever the age of the case."""
    found = ask(LOCK, {"case": case_id})
    if not found:
        raise Refused("没有找到该案件，或它不在您的数据范围内。", rule="数据范围", code="absent")
    case, now = _case(found[0]), timezone.now()
    if happened_at is not None and happened_at > now:
        raise Invalid("发生时间不能晚于现在。请核对后重新提交。", errors={"happened_at": ["晚于现在"]})
    return peek(actor, case, now, happened_at)


def _case(row: Row) -> Case:
    values = dict(zip(CASE.columns, row, strict=True))
    for name in MAPS:
        values[name] = json.loads(values[name])
    return Case.from_db("default", CASE.columns, [values[name] for name in CASE.columns])


def _seat(row: Row) -> Seat:
    """A seat with what the actor is to it."""
    seat = Seat.from_db("default", SEAT.columns, row[:-3])
    seat.held, seat.principal, seat.pool_post = row[-3:]  # type: ignore[attr-defined]
    return seat


def load_parent(actor: Actor, parent_id: int) -> Work:
    """Root first, then the parent: the one lock order there is."""
    root_id = Case.objects.filter(pk=parent_id).values_list("root_id", flat=True).first()
    if root_id is not None:
        load(actor, root_id)
    return load(actor, parent_id)


def peek(actor: Actor, case: Case, now: datetime, happened_at: datetime | None = None) -> Work:
    """The work on a case row at hand; only `load` holds the lock that lets it be committed."""
    facts = {
        "person": actor.person_id, "today": today(now), "now": now, "secrecy": case.secrecy, "flow": case.flow,
        "case": case.pk, "stage": case.stage, "round": case.round, "posts": list(actor.post_ids),
    }  # fmt: skip
    seats = {seat.ref: seat for seat in map(_seat, ask(SEATS, facts))}
    return Work(
        case, flow_of(case.version_id), actor, now, (happened_at or now).astimezone(UTC), seats,
        case_facts(case), {ref: seat_facts(seat) for ref, seat in seats.items()},
    )  # fmt: skip


def attempt(step: Callable[[], Entry]) -> Entry:
    """One transaction; a lock wait over the limit is tried once more, then told in words. Two at once with one key:
    the second is tried again and finds the answer of the first."""
    for last in (False, True):
        try:
            with transaction.atomic():
                return step()
        except (OperationalError, IntegrityError) as error:
            cause = error.__cause__
            doubled = isinstance(cause, errors.UniqueViolation) and cause.diag.constraint_name == "flow_key_once"
            if not doubled and not isinstance(cause, (errors.LockNotAvailable, errors.DeadlockDetected)):
                raise
            if last:
                raise Conflict("该案件正被他人办理，本次操作未执行。请稍后刷新再试。") from error
    raise AssertionError


def answered(actor: Actor, key: str, request: str) -> Entry | None:
    """The stored answer of a key; the same key for something else is refused."""
    if not key:
        return None
    if "\0" in key or len(key) > IdempotencyKey.LONGEST:
        raise Conflict(f"提交标识里有空字符或超过 {IdempotencyKey.LONGEST} 个字，本次未执行。请刷新页面后重试。")
    known = IdempotencyKey.objects.filter(actor=actor.person_id or 0, key=key).first()
    if known is None:
        return None
    if known.request != request:
        raise Conflict("同一提交标识已用于另一操作，本次未执行。请刷新页面后重试。")
    return Entry.objects.get(pk=known.answer)


def _charge(work: Work) -> Facts:
    """Whose time runs from this entry on. 退单争议期间计派单方，挂起期间不计任何一方。"""
    case, memory = work.case, work.case.memory
    if case.status == Status.CLOSED:
        return {}
    if case.status == Status.SUSPENDED:
        suspension = memory.get("suspension", {})
        return {"party": "nobody", "organisation": None, "cause": suspension.get("cause", "")}
    if "dispute" in memory:
        return {"party": "operator", "organisation": case.operator_id, "cause": "退单裁定"}
    party = work.stage.charge
    organisation = {
        "lead": case.organisation_id, "operator": case.operator_id, "opener": case.opener_organisation_id,
    }.get(party)  # fmt: skip
    return {"party": party, "organisation": organisation, "cause": ""}


def commit(work: Work, kind: str, *, action: str = "", opinion: str = "", key: str = "", request: str = "") -> Entry:
    """Write the entry and the difference. All writes of an act on an existing case are here."""
    case = work.case
    entry, changed, seats = compose(work, kind, action=action, opinion=opinion)
    work.book = clockwork.execute(work.clocks, work.flow, case, entry.seq)
    _write(work, entry, changed, seats, (key, request or request_of(kind, case.pk, action)))
    for drawn in work.issued:
        numbers.book(drawn, case.pk, entry.seq)
    for name in work.events:
        kinds.emit(kinds.Event(name, case, entry, work.actor))
    return entry


def compose(work: Work, kind: str, *, action: str = "", opinion: str = "") -> tuple[Entry, Facts, dict[int, Facts]]:
    """The sealed entry of an act with the changes of case and seats it says; nothing is written yet."""
    case, actor = work.case, work.actor
    stage = work.before.get("stage") or case.stage
    charge = {**_charge(work), "stage": case.stage}
    known = case.memory.get("charge", {})
    if {**known, "since": None} != {**charge, "since": None}:
        work.remember("charge", {**charge, "since": work.instant().isoformat()})
    clockwork.command(work.clocks, work.flow, case, work.events, work.instant(), work.limits)
    payload: Facts = {}
    changed = difference(work.before, case_facts(case))
    if changed:
        payload["case"] = changed
    seats = _seat_changes(work)
    if seats:
        payload["seats"] = {str(ref): facts for ref, facts in seats.items()}
    if work.clocks:
        payload["clocks"] = work.clocks
    if work.facts:
        payload["facts"] = work.facts
    case.seq += 1
    entry = Entry(
        case_id=case.pk, seq=case.seq, kind=kind, action=action, stage=stage, person_id=actor.person_id,
        post_id=work.seat.post_id if work.seat else actor.primary_post_id,
        organisation_id=work.seat.organisation_id if work.seat else actor.organisation_id,
        acting_for_id=work.acting_for, actor_name=actor.name, recorded_at=work.now, happened_at=work.happened_at,
        opinion=opinion, payload=payload, prev_hash=case.head,
    )  # fmt: skip
    seal(entry)
    case.head = entry.hash
    return entry, changed, seats


def request_of(kind: str, case_id: int, action: str = "") -> str:
    return f"{kind}:{case_id}:{action}"[:120]


def _seat_changes(work: Work) -> dict[int, Facts]:
    found = {}
    for ref, seat in work.seats.items():
        changed = difference(work.seats_before.get(ref, {}), seat_facts(seat))
        if changed:
            found[ref] = changed
    return found


def _write(work: Work, entry: Entry, changed: Facts, seats: dict[int, Facts], answer: tuple[str, str]) -> None:
    """The entry, the case, its clocks and seats, what it owes and the answer to its key, in one statement."""
    case, writing = work.case, Writing()
    entered = writing.insert(ENTRY.name, ENTRY.own, [_plain(ENTRY.values(entry))])
    values = {name: _stored(getattr(case, name)) for name in changed}
    writing.update(CASE.name, {"seq": case.seq, "head": case.head, **values}, [case.pk])
    if work.book is not None:
        work.book.write(writing)
    fresh = _write_seats(writing, work, seats)
    messages = owed(work, entry)
    if messages:
        writing.insert(OWED.name, OWED.own, [_plain(OWED.values(row)) for row in messages])
    key, request = answer
    if key:
        row = IdempotencyKey(actor=work.actor.person_id or 0, key=key, request=request, answer=0)
        made = Term(f"(select id from {entered})")  # noqa: S608 - our own name
        facts = dict(zip(ANSWER.own, ANSWER.values(row), strict=True))
        writing.insert(ANSWER.name, ANSWER.own, [[*{**facts, "answer": made}.values()]])
    keys = writing.run()
    entry.pk, entry._state.adding, entry._state.db = keys[entered][0], False, "default"
    for part, made_seats in fresh.items():
        for seat, seat_key in zip(made_seats, keys[part], strict=True):
            seat.pk, seat._state.adding, seat._state.db = seat_key, False, "default"


def _stored(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value


def _plain(row: Row) -> list[Any]:
    return [_stored(value) for value in row]


def _write_seats(writing: Writing, work: Work, changes: dict[int, Facts]) -> dict[str, list[Seat]]:
    """New seats in one part; equal changes of old seats in one part. Every live seat gets the limit that runs."""
    fresh = [work.seats[ref] for ref in changes if ref not in work.seats_before]
    timed = work.flow.clocks and (work.clocks or fresh)
    due = (work.book or Book(work.case.pk)).earliest() if timed else None
    for seat in fresh:
        seat.due = seat.due or (due if seat.kind not in FREE else None)
    alike: dict[str, tuple[Facts, list[int]]] = defaultdict(lambda: ({}, []))
    for ref, seat in work.seats.items():
        if ref not in work.seats_before:
            continue
        values = {name: restore(name, value) for name, value in changes.get(ref, {}).items()}
        if work.clocks and seat.state in LIVE and seat.kind not in FREE and seat.due != due:
            values["due"] = seat.due = due
        if values:
            group = alike[repr(sorted(values.items()))]
            group[0].update(values)
            group[1].append(seat.pk)
    for values, keys in alike.values():
        writing.update(SEAT.name, values, keys)
    return {writing.insert(SEAT.name, SEAT.own, map(SEAT.values, fresh)): fresh} if fresh else {}


def owed(work: Work, entry: Entry) -> list[Outbox]:
    """One row tells the new holders; other owed messages follow in order."""
    told = [
        seat.ref
        for ref, seat in work.seats.items()
        if seat.state == SeatState.OPEN and work.seats_before.get(ref, {}).get("state") != SeatState.OPEN
    ]
    messages = ([("seats", {"refs": told})] if told else []) + work.owed
    return [
        Outbox(case_id=entry.case_id, seq=entry.seq, kind=kind, payload=payload,
               dedup=f"{entry.case_id}.{entry.seq}.{index}")
        for index, (kind, payload) in enumerate(messages)
    ]  # fmt: skip


def run(
    actor: Actor, case_id: int, kind: str, step: Callable[[Work], None], *, key: str = "", opinion: str = "",
    action: str = "", happened_at: datetime | None = None,
) -> Entry:  # fmt: skip
    """Lock, answer a repeated key, take the step, write."""

    def once() -> Entry:
        work = load(actor, case_id, happened_at)
        known = answered(actor, key, request_of(kind, case_id, action))
        if known is not None:
            return known
        step(work)
        if kind in OPERATIONS and kind not in ("act", "open"):
            work.tally("ops", kind)
            work.events.append(f"op:{kind}")
        return commit(work, kind, action=action, opinion=opinion, key=key)

    return attempt(once)
