"""Invariants 23 and 24 on random calendars and histories, against a day-by-day oracle."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.calendar.terms import CHINA
from yiwang.kernel.calendar.workdays import Override, WorkCalendar
from yiwang.kernel.clocks import arithmetic
from yiwang.kernel.clocks.arithmetic import ClockSpec, Segment, corresponding_day

DAY = timedelta(days=1)
PLAIN = WorkCalendar([], range(2015, 2036))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def overrides(days: dict[date, str]) -> list[Override]:
    return [Override(day, change, "节") for day, change in days.items()]


days = st.dates(date(2024, 1, 1), date(2024, 12, 31))
calendars = st.dictionaries(days, st.sampled_from(["rest", "work"]), max_size=25).map(
    lambda found: WorkCalendar(overrides(found), [2024, 2025])
)
instants = st.integers(0, 300 * 24 * 60).map(lambda minute: at("2024-01-02 00:00") + timedelta(minutes=minute))
units = st.sampled_from(["working_day", "calendar_day", "working_hour", "minute", "month"])
specs = st.builds(
    ClockSpec, unit=units, budget=st.integers(1, 40), starts_next_day=st.booleans(),
    roll_to_working_day=st.booleans(), close_of_business=st.booleans(),
)  # fmt: skip


@st.composite
def histories(draw: st.DrawFn) -> tuple[datetime, list[Segment]]:
    """A start, then stops and runs in turn, with extensions between, perhaps an end."""
    moments = sorted(draw(st.lists(instants, min_size=1, max_size=9)))
    start, *rest = moments
    kinds = ["stop", "run"] * 5
    facts = [Segment(kind, moment, cause="鉴定") for kind, moment in zip(kinds, rest, strict=False)]
    if facts and draw(st.booleans()):
        facts[-1] = Segment("end", facts[-1].at)
    granted = draw(st.lists(st.tuples(instants, st.integers(1, 10)), max_size=2))
    return start, [*facts, *[Segment("extend", max(moment, start), amount=number) for moment, number in granted]]


def stop_at(facts: list[Segment], moment: datetime) -> bool:
    """Whether the clock stands still just before the moment."""
    last = None
    for fact in facts:
        if fact.kind != "extend" and fact.at < moment:
            last = fact.kind
    return last == "stop"


def oracle_due_day(spec: ClockSpec, start: datetime, facts: list[Segment], calendar: WorkCalendar) -> date | None:
    """Walk the days one by one."""
    number = spec.budget + sum(fact.amount for fact in facts if fact.kind == "extend")
    act_day = start.astimezone(CHINA).date()
    if spec.unit == "month":
        number = (corresponding_day(act_day, number) - act_day).days
    day = act_day + DAY if spec.starts_next_day else act_day
    counted = 0
    hours = 17.5 if spec.close_of_business else 24
    while day < date(2030, 1, 1):
        end = datetime.combine(day, time(), CHINA) + timedelta(hours=hours)
        running = end > start and not stop_at(facts, end)
        if running and (spec.unit != "working_day" or calendar.is_working(day)):
            counted += 1
            if counted >= number and (not spec.roll_to_working_day or calendar.is_working(day)):
                return day
        day += DAY
    return None


@settings(max_examples=100, deadline=None)
@given(specs.filter(lambda spec: spec.unit in arithmetic.DAY_UNITS), histories(), calendars)
def test_24_due_date_equals_a_walk_day_by_day(
    spec: ClockSpec, history: tuple[datetime, list[Segment]], calendar: WorkCalendar
) -> None:
    start, facts = history
    found = arithmetic.due(spec, start, facts, calendar).at
    expected = oracle_due_day(spec, start, facts, calendar)
    close = timedelta(hours=17.5 if spec.close_of_business else 24)
    assert found == (None if expected is None else datetime.combine(expected, time(), CHINA) + close)


@settings(max_examples=100, deadline=None)
@given(specs, histories(), calendars, st.lists(instants, min_size=1, max_size=5))
def test_23_elapsed_and_remaining_are_the_budget_at_every_instant(
    spec: ClockSpec, history: tuple[datetime, list[Segment]], calendar: WorkCalendar, moments: list[datetime]
) -> None:
    start, facts = history
    previous = timedelta()
    for moment in sorted(moments):
        known = [fact for fact in facts if fact.kind == "extend" and fact.at <= moment]
        elapsed = arithmetic.elapsed(spec, start, facts, calendar, moment)
        remaining = arithmetic.remaining(spec, start, facts, calendar, moment)
        assert elapsed + remaining == arithmetic.Course(spec, start, known, calendar).total
        assert elapsed >= timedelta()
        if not known and not spec.roll_to_working_day:
            assert elapsed >= previous
            previous = elapsed


@settings(max_examples=100, deadline=None)
@given(specs, histories(), calendars, instants)
def test_23_stopping_and_starting_at_one_moment_changes_nothing(
    spec: ClockSpec, history: tuple[datetime, list[Segment]], calendar: WorkCalendar, moment: datetime
) -> None:
    start, facts = history
    course = [fact for fact in facts if fact.kind != "extend"]
    before = [fact for fact in course if fact.at <= moment]
    if moment < start or (before and before[-1].kind != "run") or (not before and course and course[0].kind == "run"):
        moment, before = start, []
    blink = [Segment("stop", moment, cause="x"), Segment("run", moment)]
    changed = [*before, *blink, *course[len(before) :], *[fact for fact in facts if fact.kind == "extend"]]
    assert arithmetic.due(spec, start, changed, calendar).at == arithmetic.due(spec, start, facts, calendar).at
    for probe in (start, moment, start + 40 * DAY):
        assert arithmetic.elapsed(spec, start, changed, calendar, probe) == arithmetic.elapsed(
            spec, start, facts, calendar, probe
        )


@settings(max_examples=100, deadline=None)
@given(specs, histories(), calendars)
def test_24_span_and_addition_agree(
    spec: ClockSpec, history: tuple[datetime, list[Segment]], calendar: WorkCalendar
) -> None:
    start, facts = history
    course = arithmetic.Course(spec, start, [fact for fact in facts if fact.kind != "end"], calendar)
    due = course.due_at()
    if due is not None:
        assert course.elapsed(due) == course.total
        assert course.elapsed(due - timedelta.resolution) < course.total


@settings(max_examples=100, deadline=None)
@given(specs, instants, instants, st.integers(1, 20), calendars)
def test_24_due_date_is_monotone_in_start_and_budget(
    spec: ClockSpec, one: datetime, other: datetime, more: int, calendar: WorkCalendar
) -> None:
    first, second = sorted((one, other))
    early, late = (arithmetic.due(spec, start, [], calendar).at for start in (first, second))
    assert early is not None and late is not None and early <= late
    longer = ClockSpec(spec.unit, spec.budget + more, spec.starts_next_day, spec.roll_to_working_day)
    shorter = ClockSpec(spec.unit, spec.budget, spec.starts_next_day, spec.roll_to_working_day)
    a, b = (arithmetic.due(item, first, [], calendar).at for item in (shorter, longer))
    assert a is not None and b is not None and a <= b


@settings(max_examples=100, deadline=None)
@given(specs, histories(), calendars)
def test_24_explanation_adds_up_to_the_due_date(
    spec: ClockSpec, history: tuple[datetime, list[Segment]], calendar: WorkCalendar
) -> None:
    start, facts = history
    due = arithmetic.due(spec, start, facts, calendar)
    total = timedelta()
    for line in due.days:
        total += line.amount
        assert line.total == total
    if due.at is not None:
        assert total == due.course.total
        assert due.days[-1].date == (due.at - timedelta.resolution).date()


def test_24_working_time_of_every_hour_against_minutes_one_by_one() -> None:
    calendar = WorkCalendar(overrides({date(2024, 2, 4): "work", date(2024, 2, 9): "rest"}), [2024])
    start, worked, step = at("2024-02-02 00:00"), timedelta(), timedelta(minutes=1)
    for minute in range(10 * 24 * 60):
        moment = start + timedelta(minutes=minute)
        assert calendar.working_time_between(start, moment) == worked
        here = moment.hour * 60 + moment.minute
        if calendar.is_working(moment.date()) and (540 <= here < 720 or 810 <= here < 1050):
            worked += step
            assert calendar.add_working_time(start, worked) == moment + step


@pytest.mark.parametrize(
    ("start", "months", "due"),
    [
        ("2025-01-15 09:00", 1, "2025-02-16 00:00"),
        ("2025-01-31 09:00", 1, "2025-03-01 00:00"),
        ("2024-01-31 23:59", 1, "2024-03-01 00:00"),
        ("2024-02-29 08:00", 12, "2025-03-01 00:00"),
        ("2025-11-30 08:00", 3, "2026-03-01 00:00"),
    ],
)
def test_months_end_on_the_corresponding_day_or_the_last(start: str, months: int, due: str) -> None:
    """民法典 201–203。"""
    assert arithmetic.due(ClockSpec("month", months), at(start), [], PLAIN).at == at(due)


def test_last_day_on_a_rest_day_moves_only_where_the_rule_says_so() -> None:
    start = at("2025-03-06 10:00")  # Thursday; two days later is a Saturday
    assert arithmetic.due(ClockSpec("calendar_day", 2), start, [], PLAIN).at == at("2025-03-09 00:00")
    rolled = arithmetic.due(ClockSpec("calendar_day", 2, roll_to_working_day=True), start, [], PLAIN)
    assert rolled.at == at("2025-03-11 00:00")
    assert [str(line.kind) for line in rolled.days] == ["act_day", "working", "rolled", "rolled", "working"]


def test_hours_and_minutes_run_from_the_moment_itself() -> None:
    assert arithmetic.due(ClockSpec("minute", 45), at("2025-03-07 17:29"), [], PLAIN).at == at("2025-03-07 18:14")
    hours = ClockSpec("working_hour", 2)
    assert arithmetic.due(hours, at("2025-03-07 16:30"), [], PLAIN).at == at("2025-03-10 10:00")
    assert arithmetic.due(hours, at("2025-03-07 15:30"), [], PLAIN).at == at("2025-03-07 17:30")
    assert arithmetic.due(hours, at("2025-03-08 03:00"), [], PLAIN).at == at("2025-03-10 11:00")


def test_acts_at_the_edge_of_midnight_belong_to_their_day() -> None:
    spec = ClockSpec("working_day", 1)
    assert arithmetic.due(spec, at("2025-03-06 23:59:59"), [], PLAIN).at == at("2025-03-08 00:00")
    assert arithmetic.due(spec, at("2025-03-07 00:00"), [], PLAIN).at == at("2025-03-11 00:00")


def test_same_day_limit_and_close_of_business() -> None:
    same_day = ClockSpec("working_day", 1, starts_next_day=False, close_of_business=True)
    assert arithmetic.due(same_day, at("2025-03-07 09:00"), [], PLAIN).at == at("2025-03-07 17:30")
    assert arithmetic.due(same_day, at("2025-03-07 17:31"), [], PLAIN).at == at("2025-03-10 17:30")


def test_dates_beyond_the_last_notice_are_provisional() -> None:
    calendar = WorkCalendar([], [2025])
    assert not arithmetic.due(ClockSpec("working_day", 5), at("2025-12-24 10:00"), [], calendar).provisional
    assert arithmetic.due(ClockSpec("working_day", 6), at("2025-12-24 10:00"), [], calendar).provisional
    assert not arithmetic.due(ClockSpec("calendar_day", 60), at("2025-12-24 10:00"), [], calendar).provisional


def test_rungs_lie_in_order_and_in_their_unit() -> None:
    course = arithmetic.Course(ClockSpec("working_day", 5), at("2025-03-07 10:00"), [], PLAIN)
    assert course.rung_at("-1d") == at("2025-03-14 00:00")
    assert course.rung_at("+1d") == at("2025-03-18 00:00")
    assert course.rung_at("50%") == at("2025-03-13 00:00")
    assert course.rung_at("-2h") == at("2025-03-14 22:00")
    minutes = arithmetic.Course(ClockSpec("minute", 90), at("2025-03-07 10:00"), [], PLAIN)
    assert minutes.rung_at("50%") == at("2025-03-07 10:45")
    assert minutes.rung_at("+30m") == at("2025-03-07 12:00")
    with pytest.raises(Invalid, match="提醒时点"):
        course.rung_at("half")


def test_out_of_range_is_refused_in_words() -> None:
    with pytest.raises(Invalid, match="日历范围"):
        arithmetic.due(ClockSpec("working_day", 5), at("1999-01-01 10:00"), [], PLAIN)
    with pytest.raises(Invalid, match="日历范围"):
        arithmetic.due(ClockSpec("working_day", 40000), at("2025-01-01 10:00"), [], PLAIN)
    for spec in (ClockSpec("working_day", 0), ClockSpec("day", 1), ClockSpec("minute", 1, rungs=("x",))):
        with pytest.raises(Invalid):
            arithmetic.check(spec)
