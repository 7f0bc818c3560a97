"""Firing timers: each rung exactly once, in due order, whoever is killed.

Lock order is that of every act: case, clock, timers. A worker claims cases with SKIP LOCKED and never waits for a
lock while holding one; acts touch timers only under the lock of their case. So the two can't deadlock, and a timer
armed before a stop can't be claimed after it. Effect and mark commit together.
"""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connection, transaction

from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.bulk.statements import ask
from yiwang.kernel.calendar import queries as calendars
from yiwang.kernel.clocks import services
from yiwang.kernel.clocks.above import DECLARED, Above, on_rung
from yiwang.kernel.clocks.models import Clock, Timer
from yiwang.kernel.clocks.statements import Table
from yiwang.kernel.clocks.terms import ClockStatus, RungKind, TimerState
from yiwang.kernel.ledger import services as ledger

__all__ = ["on_rung", "run_due"]
log = logging.getLogger(__name__)
BATCH, ATTEMPTS = 25, 5
CLOCK, TIMER = Table.of(Clock), Table.of(Timer)
HOLD = f"select {CLOCK.selected('c')} from clocks_clock c where c.case_id = any(%(cases)s) for update of c skip locked"  # noqa: S608 - names of our own columns
DUE = f"""
select {TIMER.selected("t")} from clocks_timer t
where t.clock_id = any(%(clocks)s) and t.state = 'armed' and t.fire_at <= %(now)s
  and (t.retry_at is null or t.retry_at <= %(now)s)
order by t.fire_at, t.id
"""  # noqa: S608 - names of our own columns
# The one statement the timers of a batch cost besides their effects.
MARK = "update clocks_timer set state = 'fired', fired_at = %(now)s where id = any(%(ids)s) and state = 'armed' returning id"


def run_due(limit: int = 1000, now: datetime | None = None, *, above: Above = DECLARED) -> int:
    """Settle due timers, oldest first; returns how many were fired, merged, cancelled or put off.

    Without `now` the clock of the database decides, so that workers with skewed clocks agree.
    """
    missing = set(RungKind) - above.handlers.keys()
    if missing:
        raise LookupError(f"no handler for rungs of kind {', '.join(sorted(missing))}")
    done = 0
    while done < limit:
        size = min(BATCH, limit - done)
        try:
            settled = _run_batch(size, now, above, _fire)
        except Exception:
            # Nothing of the batch has happened. Go through it again with a savepoint each, to find the poisonous one.
            log.warning("a timer failed; its batch is run again one by one", exc_info=True)
            settled = _run_batch(size, now, above, _fire_guarded)
        if not settled:
            break
        done += settled
    return done


Fire = Callable[[list[Timer], datetime, Above], None]


def _run_batch(size: int, now: datetime | None, above: Above, fire: Fire) -> int:
    with transaction.atomic():
        now = now or _database_now()
        cases = _claim_cases(size, now, above)
        if not cases:
            return 0
        held = [Clock.from_db("default", CLOCK.columns, row) for row in ask(HOLD, {"cases": list(cases)})]
        clocks = {clock.pk: clock for clock in held}
        # Read after the locks: what another worker has settled meanwhile is no longer armed.
        rows = ask(DUE, {"clocks": list(clocks), "now": now})
        timers = [Timer.from_db("default", TIMER.columns, row) for row in rows]
        for timer in timers:
            timer.clock = clocks[timer.clock_id]
        fire(_merged(_current(timers, above), now), now, above)
        return len(timers)


def _current(timers: list[Timer], above: Above) -> list[Timer]:
    """Without those of stopped clocks and older generations, and with effects under the calendar in force."""
    versions = {timer.clock.calendar_code for timer in timers if timer.kind == RungKind.EFFECT}
    in_force = {code: calendars.version(code) for code in versions}
    effects = {timer.clock_id: timer.clock for timer in timers if timer.kind == RungKind.EFFECT}
    for clock in effects.values():
        if clock.status == ClockStatus.RUNNING:
            services.refresh(clock, in_force[clock.calendar_code], above)
    current: list[Timer] = []
    void: list[Timer] = []
    for timer in timers:
        live = timer.clock.status == ClockStatus.RUNNING and timer.clock.generation == timer.generation
        (current if live else void).append(timer)
    if void:
        Timer.objects.filter(pk__in=[timer.pk for timer in void]).update(state=TimerState.CANCELLED)
    return current


def _merged(timers: list[Timer], now: datetime) -> list[Timer]:
    """After an outage the last notice of a clock stands for the earlier ones; legal effects are never merged."""
    last = {timer.clock_id: timer for timer in timers if timer.kind == RungKind.NOTICE}
    kept = []
    for timer in timers:
        if timer.kind == RungKind.NOTICE and last[timer.clock_id] is not timer:
            _mark(timer, state=TimerState.FIRED, fired_at=now, merged_into=last[timer.clock_id])
        else:
            kept.append(timer)
    return kept


def _database_now() -> datetime:
    found: datetime = ask("select clock_timestamp()")[0][0]
    return found


def _claim_cases(size: int, now: datetime, above: Above) -> set[int]:
    """Lock the cases of the oldest due timers that nobody is acting on."""
    owner = above.owner
    join = f"JOIN {connection.ops.quote_name(owner._meta.db_table)} o ON o.id = c.case_id" if owner else ""
    statement = f"""
        SELECT c.case_id FROM clocks_timer t JOIN clocks_clock c ON c.id = t.clock_id {join}
        WHERE t.state = 'armed' AND t.fire_at <= %(now)s AND (t.retry_at IS NULL OR t.retry_at <= %(now)s)
        ORDER BY t.fire_at, t.id LIMIT %(size)s FOR UPDATE OF {"o" if owner else "c"} SKIP LOCKED
    """  # noqa: S608 - the only inserted word is a quoted table name of our own models
    return {row[0] for row in ask(statement, {"now": now, "size": size})}


def _mark(timer: Timer, **fields: object) -> bool:
    """False when an earlier timer of this batch has changed the clock: its timers are cancelled then."""
    return bool(Timer.objects.filter(pk=timer.pk, state=TimerState.ARMED).update(**fields))


def _fire(timers: list[Timer], now: datetime, above: Above) -> None:
    """Timers that are alone in their case are marked together. Of several in a case an earlier one may cancel the
    next, so each is marked when its turn comes."""
    crowd = Counter(timer.clock.case_id for timer in timers)
    marked = _fired([timer for timer in timers if crowd[timer.clock.case_id] == 1], now)
    for timer in timers:
        if timer.pk in marked or _fired([timer], now):
            above.handlers[RungKind(timer.kind)](timer, timer.lawful_at)


def _fired(timers: list[Timer], now: datetime) -> set[int]:
    """Mark those that are still armed."""
    return {row[0] for row in ask(MARK, {"now": now, "ids": [timer.pk for timer in timers]})} if timers else set()


def _fire_guarded(timers: list[Timer], now: datetime, above: Above) -> None:
    for timer in timers:
        try:
            with transaction.atomic():
                _fire([timer], now, above)
        except Exception as error:
            log.exception("timer %s (clock %s, rung %s) failed", timer.pk, timer.clock_id, timer.rung)
            _put_off(timer, f"{type(error).__name__}: {error}", now)


def _put_off(timer: Timer, error: str, now: datetime) -> None:
    """Try again later; after the last attempt park the timer and raise the alarm."""
    attempts = timer.attempts + 1
    parked = attempts >= ATTEMPTS
    _mark(
        timer, attempts=attempts, error=error[:2000], retry_at=now + timedelta(minutes=2**attempts),
        state=TimerState.PARKED if parked else TimerState.ARMED,
    )  # fmt: skip
    if parked:
        log.error("timer %s parked after %s attempts: %s", timer.pk, attempts, error)
        ledger.record(SYSTEM, "clocks.timer.park", ("clocks.timer", timer.pk), after={"error": error[:500]})
