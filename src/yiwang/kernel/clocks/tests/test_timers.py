"""Invariants 26 to 29: each rung once, in due order, whoever is killed, raises or locks."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from yiwang.kernel.access.actors import ANONYMOUS, SYSTEM, Conflict, Refused
from yiwang.kernel.calendar import services as calendars
from yiwang.kernel.calendar.terms import CHINA
from yiwang.kernel.clocks import queries, services, timers
from yiwang.kernel.clocks.above import Above
from yiwang.kernel.clocks.arithmetic import ClockSpec
from yiwang.kernel.clocks.models import Clock, Timer
from yiwang.kernel.clocks.terms import ClockStatus, RungKind, TimerState
from yiwang.kernel.clocks.tests import verbs
from yiwang.kernel.ledger.models import Entry

SPEC = ClockSpec("minute", 100, code="reply", rungs=("50%", "80%", "due", "+10m"))
DEEMED = ClockSpec("minute", 100, code="deem", rungs=("50%", "80%", "due", "+10m"), on_breach="act:accept")
START = datetime(2025, 3, 7, 10, tzinfo=CHINA)


class Recorder(Above):
    """What the room above would do: note each call."""

    def __init__(self) -> None:
        super().__init__(handlers={RungKind.NOTICE: self.handle, RungKind.EFFECT: self.handle})
        self.calls: list[tuple[int, str, datetime]] = []

    def handle(self, timer: Timer, lawful: datetime) -> None:
        self.calls.append((timer.clock.case_id, timer.rung, lawful))


@pytest.fixture
def calendar(db: None) -> None:
    calendars.publish(SYSTEM, "cn", [], "测试通知", years=[2025])


def minutes(number: int) -> datetime:
    return START + timedelta(minutes=number)


def states(clock: Clock) -> dict[str, str]:
    return dict(clock.timers.filter(generation=clock.generation).values_list("rung", "state"))


def test_26_each_rung_fires_once_at_its_time(calendar: None) -> None:
    above = Recorder()
    verbs.start(1, SPEC, START, entry_seq=1)
    for minute in (0, 49, 50, 50, 79, 80, 99, 100, 109, 110, 500):
        timers.run_due(now=minutes(minute), above=above)
    assert above.calls == [
        (1, rung, minutes(at)) for rung, at in (("50%", 50), ("80%", 80), ("due", 100), ("+10m", 110))
    ]


def test_26_a_generation_names_each_rung_once(calendar: None) -> None:
    clock = verbs.start(1, SPEC, START, entry_seq=1)
    timer = clock.timers.get(rung="due")
    copy = Timer(clock=clock, generation=1, rung="due", kind="notice", lawful_at=timer.lawful_at, fire_at=timer.fire_at)
    with pytest.raises(Exception, match="clocks_timer_once"), transaction.atomic():
        copy.save()


def test_27_nothing_fires_for_closed_suspended_or_superseded(calendar: None) -> None:
    above = Recorder()
    for case in (1, 2, 3):
        verbs.start(case, SPEC, START, entry_seq=1)
    verbs.finish(1, minutes(10), entry_seq=2)
    verbs.suspend(2, minutes(10), entry_seq=2, cause="鉴定")
    verbs.void(3, codes=["reply"])
    verbs.start(3, SPEC, minutes(1000), entry_seq=2)
    timers.run_due(now=minutes(999), above=above)
    assert above.calls == []
    timers.run_due(now=minutes(1050), above=above)
    assert above.calls == [(3, "50%", minutes(1050))]


def test_27_a_timer_armed_before_the_stop_does_nothing_even_if_left_armed(calendar: None) -> None:
    above = Recorder()
    clock = verbs.start(1, SPEC, START, entry_seq=1)
    verbs.suspend(1, minutes(10), entry_seq=2, cause="鉴定")
    clock.timers.update(state=TimerState.ARMED)
    timers.run_due(now=minutes(200), above=above)
    assert above.calls == []
    assert set(clock.timers.values_list("state", flat=True)) == {TimerState.CANCELLED}


def test_27_resumed_clock_fires_at_the_moved_instants_and_repeats_nothing(calendar: None) -> None:
    above = Recorder()
    verbs.start(1, SPEC, START, entry_seq=1)
    timers.run_due(now=minutes(60), above=above)
    verbs.suspend(1, minutes(60), entry_seq=2, cause="鉴定")
    verbs.resume(1, minutes(90), entry_seq=3)
    for minute in (109, 110, 130, 141):
        timers.run_due(now=minutes(minute), above=above)
    assert [call[1:] for call in above.calls] == [
        ("50%", minutes(50)), ("80%", minutes(110)), ("due", minutes(130)), ("+10m", minutes(140)),
    ]  # fmt: skip


def test_28_a_poisonous_timer_is_parked_and_delays_nobody(calendar: None, caplog: pytest.LogCaptureFixture) -> None:
    above = Recorder()

    def handle(timer: Timer, lawful: datetime) -> None:
        if timer.clock.case_id == 1:
            Clock.objects.filter(case_id=1).update(name="half done")
            raise RuntimeError("broken case")
        above.handle(timer, lawful)

    above.handlers[RungKind.NOTICE] = handle
    only_due = ClockSpec("minute", 10, code="reply", rungs=("due",))
    poisoned, *_ = [verbs.start(case, only_due, START, entry_seq=1) for case in range(1, 60)]
    moment = minutes(10)
    assert timers.run_due(now=moment, above=above) == 59
    assert sorted(call[0] for call in above.calls) == list(range(2, 60))
    for _ in range(10):
        moment += timedelta(hours=1)
        timers.run_due(now=moment, above=above)
    timer = poisoned.timers.get()
    assert (timer.state, timer.attempts) == (TimerState.PARKED, timers.ATTEMPTS)
    assert "broken case" in timer.error and "parked" in caplog.text
    assert list(queries.parked()) == [timer]
    assert Entry.objects.filter(action="clocks.timer.park", target_id=str(timer.pk)).count() == 1
    poisoned.refresh_from_db()
    assert poisoned.name == "reply"  # what the failed handler wrote is gone


def test_28_a_parked_timer_is_tried_again_by_an_officer(calendar: None) -> None:
    above = Recorder()
    timer = verbs.start(1, SPEC, START, entry_seq=1).timers.get(rung="due")
    with pytest.raises(Conflict, match="没有被搁置"):
        services.retry(SYSTEM, timer.pk)
    Timer.objects.filter(pk=timer.pk).update(state=TimerState.PARKED, attempts=5)
    with pytest.raises(Refused, match="权限"):
        services.retry(ANONYMOUS, timer.pk)
    services.retry(SYSTEM, timer.pk)
    timers.run_due(now=minutes(105), above=above)
    assert (1, "due", minutes(100)) in above.calls


def test_29_after_an_outage_notices_merge_and_effects_keep_their_lawful_instant(calendar: None) -> None:
    above = Recorder()
    notice = verbs.start(1, SPEC, START, entry_seq=1)
    verbs.start(2, DEEMED, minutes(5), entry_seq=1)
    timers.run_due(now=START + timedelta(days=3), above=above)
    assert [call for call in above.calls if call[0] == 1] == [(1, "+10m", minutes(110))]
    assert [call for call in above.calls if call[0] == 2] == [(2, "due", minutes(105)), (2, "+10m", minutes(115))]
    assert [call[2] for call in above.calls] == sorted(call[2] for call in above.calls)
    last = notice.timers.get(rung="+10m")
    assert set(last.merged.values_list("rung", flat=True)) == {"50%", "80%", "due"}
    assert set(states(notice).values()) == {TimerState.FIRED}


def test_29_an_effect_that_ends_the_clock_silences_what_follows(calendar: None) -> None:
    above = Recorder()

    def accept(timer: Timer, lawful: datetime) -> None:
        above.handle(timer, lawful)
        verbs.finish(timer.clock.case_id, lawful, entry_seq=9)

    above.handlers[RungKind.EFFECT] = accept
    clock = verbs.start(1, DEEMED, START, entry_seq=1)
    timers.run_due(now=minutes(5000), above=above)
    assert above.calls == [(1, "due", minutes(100))]
    clock.refresh_from_db()
    assert (clock.status, clock.finished_at, clock.due_at) == (ClockStatus.FINISHED, minutes(100), minutes(100))
    assert not clock.timers.filter(state=TimerState.ARMED).exists()


def test_29_a_late_effect_follows_the_calendar_in_force(calendar: None) -> None:
    """A rest day published before the due date moves it, even if recomputation has not come to the clock yet."""
    above = Recorder()
    spec = ClockSpec("working_day", 1, code="deem", rungs=("due",), on_breach="act:accept")
    verbs.start(1, spec, START, entry_seq=1)
    rest = calendars.Override(datetime(2025, 3, 10).date(), "rest", "临时放假")  # noqa: DTZ001
    calendars.publish(SYSTEM, "cn", [rest], "临时通知")
    timers.run_due(now=datetime(2025, 3, 11, 8, tzinfo=CHINA), above=above)
    assert above.calls == []
    timers.run_due(now=datetime(2025, 3, 12, 8, tzinfo=CHINA), above=above)
    assert above.calls == [(1, "due", datetime(2025, 3, 12, tzinfo=CHINA))]


def test_without_handlers_nothing_is_lost(calendar: None) -> None:
    clock = verbs.start(1, SPEC, START, entry_seq=1)
    with pytest.raises(LookupError, match="no handler"):
        timers.run_due(now=minutes(500), above=Above())
    assert set(states(clock).values()) == {TimerState.ARMED}


def test_26_the_clock_of_the_database_decides(calendar: None) -> None:
    above = Recorder()
    start = timezone.now() - timedelta(minutes=60)
    verbs.start(1, SPEC, start, entry_seq=1)
    timers.run_due(above=above)
    assert [call[1] for call in above.calls] == ["50%"]


WORKER = """
import os, sys, django
os.environ["DJANGO_SETTINGS_MODULE"] = "yiwang.site.settings"
django.setup()
from django.db import connection
from yiwang.kernel.clocks import timers
from yiwang.kernel.clocks.above import Above

def effect(timer, lawful):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO timer_effects VALUES (%s, %s)", [timer.pk, os.getpid()])

above = Above(handlers={"notice": effect, "effect": effect})
while timers.run_due(10, above=above):
    pass
"""


@pytest.fixture
def effects(transactional_db: None) -> Iterator[None]:
    calendars.publish(SYSTEM, "cn", [], "测试通知", years=[2025])
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE timer_effects (timer bigint, worker int)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE timer_effects")


def worker_process(url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WORKER], env={**os.environ, "DATABASE_URL": url})


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_26_killed_workers_fire_each_timer_exactly_once(effects: None, database_url: str) -> None:
    only_due = ClockSpec("minute", 10, code="reply", rungs=("due",))
    with transaction.atomic():
        for case in range(1, 301):
            verbs.start(case, only_due, START, entry_seq=1)
    kills = 0
    workers = [worker_process(database_url) for _ in range(2)]
    while any(worker.poll() is None for worker in workers):
        time.sleep(0.005)
        fired = Timer.objects.filter(state=TimerState.FIRED).count()
        if fired > 80 * (kills + 1) and kills < 2:
            victim = workers[kills % 2]
            victim.send_signal(signal.SIGKILL)
            victim.wait()
            workers[kills % 2] = worker_process(database_url)
            kills += 1
    assert kills == 2
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT timer) FROM timer_effects")
        assert cursor.fetchone() == (300, 300)
    assert Timer.objects.exclude(state=TimerState.FIRED).count() == 0


@pytest.mark.django_db(transaction=True)
def test_26_acts_and_workers_meet_without_deadlock_or_double_effect(effects: None) -> None:
    """Acts stop, resume and finish the very clocks that workers are firing."""
    for case in range(1, 21):
        verbs.start(case, DEEMED, START, entry_seq=1)
    above, over = Recorder(), threading.Event()

    def fire() -> None:
        try:
            while not over.is_set():
                timers.run_due(now=minutes(100), above=above)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        workers = [pool.submit(fire) for _ in range(2)]
        try:
            for case in range(20, 0, -1):
                verbs.suspend(case, minutes(99), entry_seq=2, cause="鉴定", codes=["deem"])
                verbs.resume(case, minutes(99), entry_seq=3, codes=["deem"])
        finally:
            over.set()
    for worker in workers:
        worker.result()
    timers.run_due(now=minutes(100), above=above)
    assert sorted(call[0] for call in above.calls if call[1] == "due") == list(range(1, 21))
