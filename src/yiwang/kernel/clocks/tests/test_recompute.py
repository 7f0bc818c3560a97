"""Invariants 25 and 30: a published calendar moves exactly the clocks that cross it, and lateness is recomputable."""

from datetime import date, datetime, time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.calendar import queries as calendar_queries
from yiwang.kernel.calendar import services as calendars
from yiwang.kernel.calendar.terms import CHINA
from yiwang.kernel.calendar.workdays import Override
from yiwang.kernel.clocks import queries, services
from yiwang.kernel.clocks.above import Above
from yiwang.kernel.clocks.arithmetic import ClockSpec
from yiwang.kernel.clocks.models import Clock, Recomputation, Timer
from yiwang.kernel.clocks.services import Recomputed
from yiwang.kernel.clocks.terms import Colour, TimerState
from yiwang.kernel.clocks.tests import verbs

pytestmark = pytest.mark.django_db
SPEC = ClockSpec("working_day", 5, code="handle")
OCTOBER = [Override(date(2025, 10, day), "rest", "国庆节") for day in range(1, 9)]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def trail() -> tuple[Above, list[tuple[int, datetime | None, datetime | None]]]:
    moved: list[tuple[int, datetime | None, datetime | None]] = []
    return Above(moved=[lambda clock, old, new, version: moved.append((clock.case_id, old, new))]), moved


@pytest.fixture(autouse=True)
def calendar() -> None:
    calendars.publish(SYSTEM, "cn", [], "测试通知", years=[2025])


def test_25_exactly_the_crossing_clocks_move_with_a_trail() -> None:
    crossing = verbs.start(1, SPEC, at("2025-09-26 10:00"), entry_seq=1)
    earlier = verbs.start(2, SPEC, at("2025-08-04 10:00"), entry_seq=1)
    later = verbs.start(3, SPEC, at("2025-10-09 10:00"), entry_seq=1)
    natural = verbs.start(4, ClockSpec("calendar_day", 15, code="x"), at("2025-09-26 10:00"), entry_seq=1)
    stopped = verbs.start(5, SPEC, at("2025-09-26 10:00"), entry_seq=1)
    verbs.suspend(5, at("2025-09-28 10:00"), entry_seq=2, cause="鉴定")
    calendars.publish(SYSTEM, "cn", OCTOBER, "国庆通知")
    above, moved = trail()
    result = services.recompute("cn", above=above)
    assert moved == [(1, at("2025-10-04 00:00"), at("2025-10-14 00:00"))]
    assert (result.touched, result.moved) == (1, 1)
    for clock, generation in ((crossing, 2), (earlier, 1), (later, 1), (natural, 1), (stopped, 2)):
        clock.refresh_from_db()
        assert clock.generation == generation
    armed = dict(crossing.timers.filter(state=TimerState.ARMED).values_list("rung", "lawful_at"))
    assert armed["due"] == at("2025-10-14 00:00") and armed["+1d"] == at("2025-10-15 00:00")
    [stopped] = verbs.resume(5, at("2025-10-09 09:00"), entry_seq=3)
    assert stopped.due_at == at("2025-10-16 00:00")


def test_25_recomputing_again_changes_nothing() -> None:
    verbs.start(1, SPEC, at("2025-09-26 10:00"), entry_seq=1)
    calendars.publish(SYSTEM, "cn", OCTOBER, "国庆通知")
    above, moved = trail()
    services.recompute("cn", above=above)
    rows = list(Timer.objects.order_by("id").values())
    assert services.recompute("cn", above=above) == Recomputed(0, 0, 0)
    assert (len(moved), list(Timer.objects.order_by("id").values())) == (1, rows)


def test_25_a_rung_behind_the_due_date_moves_without_a_trail() -> None:
    clock = verbs.start(1, SPEC, at("2025-09-23 10:00"), entry_seq=1)
    calendars.publish(SYSTEM, "cn", OCTOBER, "国庆通知")
    above, moved = trail()
    services.recompute("cn", above=above)
    clock.refresh_from_db()
    assert (moved, clock.due_at) == ([], at("2025-10-01 00:00"))
    assert clock.timers.get(rung="+1d", state=TimerState.ARMED).lawful_at == at("2025-10-10 00:00")


def test_25_a_year_becoming_certain_takes_the_provisional_mark_away() -> None:
    clock = verbs.start(1, SPEC, at("2025-12-30 10:00"), entry_seq=1)
    assert clock.provisional
    calendars.publish(SYSTEM, "cn", [], "二〇二六年通知", years=[2026])
    above, moved = trail()
    assert services.recompute("cn", above=above) == Recomputed(1, 1, 0)
    clock.refresh_from_db()
    assert (clock.provisional, moved) == (False, [])


def test_25_the_worker_follows_each_version_once() -> None:
    verbs.start(1, SPEC, at("2025-09-26 10:00"), entry_seq=1)
    above, moved = trail()
    services.recompute_pending(above=above)
    calendars.publish(SYSTEM, "cn", OCTOBER, "国庆通知")
    assert (services.recompute_pending(above=above), services.recompute_pending(above=above), len(moved)) == (1, 0, 1)
    assert Recomputation.objects.order_by("-id").values_list("moved", flat=True)[0] == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.dates(date(2025, 3, 1), date(2025, 5, 31)), st.sampled_from(["rest", "work", "regular"]), max_size=6),
    st.lists(st.tuples(st.integers(0, 80), st.integers(1, 20)), min_size=1, max_size=6),
)  # fmt: skip
def test_25_after_recomputing_every_clock_agrees_with_the_calendar_in_force(
    changes: dict[date, str], clocks: list[tuple[int, int]]
) -> None:
    Clock.objects.filter(status="running").update(status="superseded")
    first = Clock.objects.count() + 1
    for case, (offset, budget) in enumerate(clocks, start=first):
        verbs.start(
            case,
            ClockSpec("working_day", budget, code="h"),
            at("2025-03-01 10:00") + timedelta(days=offset),
            entry_seq=1,
        )
    before = dict(Clock.objects.filter(status="running").values_list("case_id", "due_at"))
    calendars.publish(SYSTEM, "cn", [Override(day, change, "节") for day, change in changes.items()], "随机通知")
    above, moved = trail()
    services.recompute("cn", above=above)
    latest = calendar_queries.version("cn").pk
    expected = []
    for clock in Clock.objects.filter(status="running").order_by("case_id"):
        due = queries.course_of(clock, calendar_version_id=latest).due_at()
        assert clock.due_at == due
        armed = dict(clock.timers.filter(state=TimerState.ARMED).values_list("rung", "lawful_at"))
        assert armed["due"] == due
        if due != before[clock.case_id]:
            expected.append((clock.case_id, before[clock.case_id], due))
    assert moved == expected


def test_30_reported_lateness_equals_lateness_recomputed_from_the_facts() -> None:
    """What the row says (due_at, finished_at) is what the facts say under the version in force when it ended."""
    ends = ["2025-10-04 00:00", "2025-10-04 00:01", "2025-10-13 09:00"]
    for case, end in enumerate(ends, start=1):
        verbs.start(case, SPEC, at("2025-09-26 10:00"), entry_seq=1)
        verbs.finish(case, at(end), entry_seq=2)
    calendars.publish(SYSTEM, "cn", OCTOBER, "国庆通知")
    services.recompute("cn", above=Above())
    verbs.start(4, SPEC, at("2025-09-26 10:00"), entry_seq=1)
    verbs.finish(4, at("2025-10-13 09:00"), entry_seq=2)
    late = []
    for clock in Clock.objects.order_by("case_id"):
        course = queries.course_of(clock)
        assert clock.due_at == course.due_at() and clock.finished_at == course.ended_at
        state = queries.state(clock, at("2026-01-01 00:00"))
        assert state.late == (clock.finished_at > clock.due_at) == (state.colour == Colour.RED)
        assert (state.remaining < timedelta()) <= state.late
        late.append(state.late)
    assert late == [False, True, True, False]


def test_states_of_a_case_cost_two_queries_however_long_its_history() -> None:
    verbs.start(1, SPEC, at("2025-03-03 10:00"), entry_seq=1)
    verbs.start(1, ClockSpec("minute", 45, code="sign"), at("2025-03-03 10:00"), entry_seq=1)
    moment = at("2025-03-04 10:00")
    for number in range(10):
        verbs.suspend(1, moment + number * timedelta(hours=2), entry_seq=2, cause="鉴定", codes=["handle"])
        verbs.resume(1, moment + timedelta(hours=number * 2 + 1), entry_seq=3, codes=["handle"])
    with CaptureQueriesContext(
        connection,
    ) as captured:
        found = queries.states(1, datetime.combine(date(2025, 3, 6), time(9), CHINA))
    assert (len(found), len(captured)) == (2, 2)
    assert [state.remaining_text for state in found] == ["剩余 3 个工作日", "已超期 70 小时 15 分钟"]
