"""The working calendar as a value: immutable, precomputed, exact. No database, no clock on the wall."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import accumulate, compress

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.calendar.terms import CHINA, OFFICE_HOURS, Change, DayKind

FIRST, LAST = date(2000, 1, 1), date(2099, 12, 31)
_ORIGIN, _END = FIRST.toordinal(), LAST.toordinal()
_WEEKDAYS = bytes(day % 7 not in (0, 6) for day in range(_ORIGIN, _END + 1))
Hours = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Override:
    """A dated exception to the week: 休, 班, or back to the regular week."""

    date: date
    change: str
    name: str = ""
    source: str = ""


def local(at: datetime) -> datetime:
    """The instant on the wall clock of the office; an instant without a zone has no legal meaning."""
    if at.tzinfo is None:
        raise Invalid("时间缺少时区，无法计算期限。请使用带时区的时间。")
    return at.astimezone(CHINA)


class WorkCalendar:
    """One version of a calendar. Counting is by prefix sums, so every question costs the same at any distance."""

    __slots__ = (
        "_change", "_count", "_lengths", "_opening", "_per_day", "_working", "code", "hours", "version", "years",
    )  # fmt: skip

    def __init__(
        self, overrides: Iterable[Override], years: Iterable[int], hours: Hours = OFFICE_HOURS, *, code: str = "cn",
        version: int = 0,
    ) -> None:  # fmt: skip
        self.code, self.version, self.years = code, version, frozenset(years)
        self.hours = tuple((start, end) for start, end in hours)
        self._change: Mapping[int, Override] = {item.date.toordinal(): item for item in overrides}
        works = bytearray(_WEEKDAYS)
        for day in self._change:
            works[day - _ORIGIN] = self._is_working(day)
        self._working = array("l", compress(range(_ORIGIN, _END + 1), works))
        self._count = array("l", accumulate(works, initial=0))
        self._opening = [timedelta(minutes=start) for start, _ in self.hours]
        self._lengths = [timedelta(minutes=end - start) for start, end in self.hours]
        self._per_day = sum(self._lengths, timedelta())

    def _is_working(self, day: int) -> bool:
        override = self._change.get(day)
        if override is not None and override.change != Change.REGULAR:
            return override.change == Change.WORK
        return day % 7 not in (0, 6)  # ordinal 1 is a Monday

    # Days -----------------------------------------------------------------------------------------------------

    def count_until(self, day: int) -> int:
        """Working days up to and including the day with this ordinal."""
        if not _ORIGIN - 1 <= day <= _END:
            raise Invalid(f"日期超出日历范围（{FIRST:%Y}—{LAST:%Y} 年），请核对起止时间。")
        return self._count[day - _ORIGIN + 1]

    def nth_after(self, day: int, number: int) -> int:
        """Ordinal of the number-th working day after the day; with number ≤ 0, counted backwards from it."""
        index = self.count_until(day) + number - 1
        if not 0 <= index < len(self._working):
            raise Invalid(f"期限超出日历范围（{FIRST:%Y}—{LAST:%Y} 年），请核对期限天数。")
        return self._working[index]

    def is_working(self, day: date) -> bool:
        ordinal = day.toordinal()
        return self.count_until(ordinal) != self.count_until(ordinal - 1)

    def kind(self, day: date) -> DayKind:
        weekend = day.isoweekday() >= 6
        if self.is_working(day):
            return DayKind.MAKEUP if weekend else DayKind.WORKING
        override = self._change.get(day.toordinal())
        named = override is not None and override.change == Change.REST
        return DayKind.HOLIDAY if named else DayKind.WEEKEND

    def name(self, day: date) -> str:
        override = self._change.get(day.toordinal())
        return override.name if override is not None and override.change != Change.REGULAR else ""

    def provisional(self, day: date) -> bool:
        """No notice of the State Council for that year is loaded: the weekly rhythm is only a guess."""
        return day.year not in self.years

    def add_working_days(self, day: date, number: int) -> date:
        """The number-th working day after the day (which itself doesn't count)."""
        return date.fromordinal(self.nth_after(day.toordinal(), number)) if number else day

    # Working time ---------------------------------------------------------------------------------------------

    def _worked_until(self, at: datetime) -> timedelta:
        """Working time from the origin to the instant."""
        here = local(at)
        day = here.toordinal()
        before = self.count_until(day - 1)
        total = before * self._per_day
        if self.count_until(day) != before:
            passed = here.replace(tzinfo=None) - datetime.combine(here.date(), time())
            for start, length in zip(self._opening, self._lengths, strict=True):
                total += min(max(passed - start, timedelta()), length)
        return total

    def working_time_between(self, start: datetime, end: datetime) -> timedelta:
        return self._worked_until(end) - self._worked_until(start)

    def add_working_time(self, at: datetime, amount: timedelta) -> datetime:
        """The first instant at which the amount of working time has passed since `at`."""
        if amount <= timedelta():
            return at
        target = self._worked_until(at) + amount
        whole, rest = divmod(target, self._per_day)
        if not rest:
            whole, rest = whole - 1, self._per_day
        day = self._working[whole]
        for start, length in zip(self._opening, self._lengths, strict=True):
            if rest <= length:
                return datetime.combine(date.fromordinal(day), time(), CHINA) + start + rest
            rest -= length
        raise AssertionError("working time of a day exceeded")

    def opening(self, at: datetime) -> datetime:
        """The first instant not before `at` at which the office is open."""
        here = local(at)
        midnight = datetime.combine(here.date(), time(), CHINA)
        if self.is_working(here.date()):
            for start, length in zip(self._opening, self._lengths, strict=True):
                if here < midnight + start + length:
                    return max(here, midnight + start)
        return datetime.combine(self.add_working_days(here.date(), 1), time(), CHINA) + self._opening[0]

    def changed_span(self, other: "WorkCalendar") -> tuple[date, date] | None:
        """First and last day that differ: working in one version only, or certain in one version only."""
        changed = {
            day for day in self._change.keys() | other._change.keys()
            if self._is_working(day) != other._is_working(day)
        }  # fmt: skip
        for year in self.years ^ other.years:
            changed.update((date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()))
        if self.hours != other.hours:
            changed.update((_ORIGIN, _END))
        return (date.fromordinal(min(changed)), date.fromordinal(max(changed))) if changed else None

    def closing(self) -> timedelta:
        """End of business, after midnight."""
        return timedelta(minutes=self.hours[-1][1])

    def agrees(self, item: Override) -> bool:
        """Whether this version already says what the override says."""
        known = self._change.get(item.date.toordinal())
        if known is None:
            return item.change == Change.REGULAR
        return (known.change, known.name) == (item.change, item.name)
