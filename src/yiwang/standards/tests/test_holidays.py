"""Published notices, and deadlines over them: every date 2015–2035, and the real reply times."""

from datetime import date, datetime, time, timedelta

import pytest
from django.core.management import call_command

from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.calendar import queries as calendars
from yiwang.kernel.calendar.models import CalendarVersion
from yiwang.kernel.calendar.notices import read
from yiwang.kernel.calendar.services import publish
from yiwang.kernel.calendar.terms import CHINA, DayKind
from yiwang.kernel.calendar.workdays import Override, WorkCalendar
from yiwang.kernel.clocks import arithmetic
from yiwang.kernel.clocks.arithmetic import ClockSpec
from yiwang.kernel.search.tests import shared
from yiwang.standards.holidays import Notice, notices

DAY = timedelta(days=1)
YEARS = {notice.year for notice in notices()}


@pytest.fixture(scope="module")
def calendar() -> WorkCalendar:
    found = {item.date: item for notice in notices() for item in notice.overrides}
    return WorkCalendar(found.values(), YEARS)


def test_every_notice_is_plausible() -> None:
    assert {2011, 2026} <= YEARS and sorted(YEARS) == list(range(min(YEARS), max(YEARS) + 1))
    for notice in notices():
        for item in notice.overrides:
            assert item.change != "work" or item.date.isoweekday() >= 6, item
            assert abs((item.date - date(notice.year, 7, 1)).days) < 185, item


def worded(notice: Notice) -> str:
    """The notice as sentences: each festival's days of rest as one period, then the weekends worked."""
    lines = []
    for name in dict.fromkeys(item.name for item in notice.overrides):
        mine = [item for item in notice.overrides if item.name == name]
        rest = sorted(item.date for item in mine if item.change == "rest")
        work = "、".join(f"{item.date:%-m月%-d日}（周末）" for item in mine if item.change == "work")
        end = f"至{rest[-1].day}日" if rest[-1].month == rest[0].month else f"至{rest[-1]:%-m月%-d日}"
        period = f"{rest[0]:%-m月%-d日}（周几）" + (end if len(rest) > 1 else "")
        lines.append(
            f"{len(lines) + 1}、{name}：{period}放假调休，共{len(rest)}天。" + (f"{work}上班。" if work else "")
        )
    return "\n".join(lines)


@pytest.mark.parametrize("notice", notices(), ids=lambda notice: notice.number)
def test_every_notice_in_words_is_read_as_it_is_kept(notice: Notice) -> None:
    reading = read(worded(notice), notice.year, notice.number)
    assert reading.unread == () and sorted(reading.overrides, key=lambda item: item.date) == sorted(
        notice.overrides, key=lambda item: item.date
    )


def test_working_days_of_each_year_balance(calendar: WorkCalendar) -> None:
    """放假办法：2024 年及以前 11 天，2025 年起 13 天；调休不增减，另有 2015 年纪念日 1 天、2020 年延长 3 天。"""
    for year in YEARS:
        days = [date(year, 1, 1) + n * DAY for n in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)]
        working, weekdays = sum(map(calendar.is_working, days)), sum(day.isoweekday() < 6 for day in days)
        assert calendar.add_working_days(date(year - 1, 12, 31), working) <= days[-1]
        assert 8 <= weekdays - working <= 15, year


@pytest.mark.parametrize(
    ("day", "kind", "name"),
    [
        ("2025-10-11", DayKind.MAKEUP, "国庆节、中秋节"),
        ("2019-05-01", DayKind.HOLIDAY, "劳动节"),
        ("2019-05-05", DayKind.MAKEUP, "劳动节"),
        ("2020-02-01", DayKind.HOLIDAY, "春节"),
        ("2011-12-31", DayKind.MAKEUP, "元旦"),
        ("2018-12-31", DayKind.HOLIDAY, "元旦"),
        ("2026-02-21", DayKind.HOLIDAY, "春节"),
        ("2026-11-21", DayKind.WEEKEND, ""),
        ("2026-11-20", DayKind.WORKING, ""),
    ],
)
def test_known_days(calendar: WorkCalendar, day: str, kind: DayKind, name: str) -> None:
    here = date.fromisoformat(day)
    assert (calendar.kind(here), calendar.name(here)) == (kind, name)


@pytest.mark.django_db
def test_seeding_twice_changes_nothing_and_keeps_a_sites_own_correction() -> None:
    call_command("seed_standards", verbosity=0)
    count = CalendarVersion.objects.count()
    assert count == len(notices())
    publish(SYSTEM, "cn", [Override(date(2025, 3, 8), "work", "本地值守")], "本市通知")
    call_command("seed_standards", verbosity=0)
    assert CalendarVersion.objects.count() == count + 1
    calendar = calendars.load("cn")
    assert calendar.is_working(date(2025, 3, 8)) and not calendar.is_working(date(2019, 5, 2))
    assert calendar.provisional(date(max(YEARS) + 1, 1, 1)) and not calendar.provisional(date(max(YEARS), 12, 31))


@pytest.mark.parametrize("unit", ["working_day", "calendar_day", "month"])
def test_24_every_date_from_2015_to_2035(calendar: WorkCalendar, unit: str) -> None:
    """Span and addition agree for each start date, and due dates never run backwards."""
    for number in (1, 5, 20):
        spec, last, start = ClockSpec(unit, number), None, datetime(2015, 1, 1, 16, 30, tzinfo=CHINA)
        while start.year < 2036:
            course = arithmetic.Course(spec, start, [], calendar)
            due = course.due_at()
            assert due is not None and course.elapsed(due) == course.total
            assert course.elapsed(due - timedelta.resolution) == course.total - DAY
            assert last is None or due >= last
            last, start = due, start + DAY


def walk(start: datetime, number: int, calendar: WorkCalendar, working_only: bool) -> datetime:
    day = start.date()
    while number:
        day += DAY
        number -= not working_only or calendar.kind(day) in (DayKind.WORKING, DayKind.MAKEUP)
    return datetime.combine(day + DAY, time(), CHINA)


@pytest.mark.shared_data
def test_24_real_reply_times_equal_a_walk_day_by_day(calendar: WorkCalendar) -> None:
    pairs = [(shared.moment(row["留言时间"]), shared.moment(row["答复时间"])) for row in shared.sheet("replies.xlsx")]
    assert len(pairs) > 2000
    for unit in ("working_day", "calendar_day"):
        for number in (1, 3, 5, 15, 20, 90):
            spec = ClockSpec(unit, number)
            for start, end in pairs:
                course = arithmetic.Course(spec, start, [], calendar)
                due = walk(start, number, calendar, unit == "working_day")
                assert course.due_at() == due
                assert (course.elapsed(end) >= course.total) == (end >= due)
