"""Time limits as a pure function of facts and a calendar version.

An amount of counted time is a timedelta: for day units one counted day is one day, for hours and minutes it is
working or natural time. Span and addition use the same counting, so they can't disagree.

Day units (民法典 201 第 1 款, 203 第 2 款): the day of the act doesn't count; a day counts when the clock runs
at its end (24:00, or close of business where the rule says so). Hence stopping and starting at one moment
changes nothing, and a stop costs exactly the day-ends it covers (行政许可法 45).
Working days (行政许可法 82): legal holidays and adjusted rest days don't count, adjusted working weekends do.
Months (民法典 202): the corresponding day of the month, else its last day. Hours run from the moment itself
(民法典 201 第 2 款). `roll_to_working_day`: a last day that is a legal rest day moves to the next working day
(民法典 203 第 1 款; 行政诉讼 and 信访 use calendar days with this rule).
"""

import re
from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.calendar.terms import CHINA
from yiwang.kernel.calendar.workdays import WorkCalendar, local
from yiwang.kernel.clocks.terms import LineKind, SegmentKind, Unit

DAY, NOTHING = timedelta(days=1), timedelta()
DAY_UNITS = frozenset({Unit.WORKING_DAY, Unit.CALENDAR_DAY, Unit.MONTH})
_RUNG = re.compile(r"(?P<percent>\d{1,3})%|(?P<due>due)|(?P<sign>[+-])(?P<number>\d{1,4})(?P<step>[dhm])")


@dataclass(frozen=True, slots=True)
class ClockSpec:
    """A limit as the rule states it. `extensions` is how often, `extension_budget` how much each at most."""

    unit: str
    budget: int
    starts_next_day: bool = True
    roll_to_working_day: bool = False
    close_of_business: bool = False
    code: str = ""
    name: str = ""
    kind: str = "stage"
    calendar: str = "cn"
    rungs: tuple[str, ...] = ("50%", "80%", "-1d", "due", "+1d")
    on_breach: str = ""
    extensions: int = 0
    extension_budget: int = 0
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """A fact that bounds a segment: the clock runs, stops (with its legal cause), is extended, ends."""

    kind: str
    at: datetime
    amount: int = 0
    cause: str = ""
    basis: str = ""


@dataclass(frozen=True, slots=True)
class DayLine:
    """One day of the explanation: what it is, how much of it counts, the running count."""

    date: date
    kind: LineKind
    note: str
    amount: timedelta
    total: timedelta


@dataclass(frozen=True)
class Due:
    """When the limit ends; `at` is None while the clock stands still before its end."""

    at: datetime | None
    provisional: bool
    course: "Course" = field(repr=False, compare=False)

    @cached_property
    def days(self) -> tuple[DayLine, ...]:
        return tuple(self.course.lines(self.at))


Interval = tuple[datetime, datetime | None]
Range = tuple[int, int | None]


class Course:
    """The course of one clock: its facts laid on a calendar."""

    __slots__ = ("_close", "calendar", "ended_at", "intervals", "ranges", "segments", "spec", "started_at", "stops")

    def __init__(
        self, spec: ClockSpec, started_at: datetime, segments: Sequence[Segment], calendar: WorkCalendar
    ) -> None:
        self.spec, self.started_at, self.segments, self.calendar = spec, started_at, segments, calendar
        self._close = calendar.closing() if spec.close_of_business else DAY
        self.ended_at: datetime | None
        self.intervals, self.stops = self._lay_out()
        self.ranges = list(self._day_ranges()) if spec.unit in DAY_UNITS else []

    def _lay_out(self) -> tuple[list[Interval], list[tuple[datetime, datetime | None, str]]]:
        """Intervals in which the clock runs, and the stops between. An ended clock is drawn on, so that it still
        has a due date to be judged by."""
        facts: list[Segment] = []
        for segment in self.segments:
            if segment.kind == SegmentKind.VOID:
                facts.pop()
            elif segment.kind != SegmentKind.EXTEND:
                facts.append(segment)
        running: list[Interval] = []
        stops: list[tuple[datetime, datetime | None, str]] = []
        since, still = self.started_at, None
        for fact in facts:
            if fact.kind == SegmentKind.RUN and still is None:
                continue
            if still is not None:
                stops.append((still.at, fact.at, still.cause))
            else:
                running.append((since, fact.at))
            since, still = fact.at, None if fact.kind == SegmentKind.RUN else fact
        if still is not None and still.kind == SegmentKind.STOP:
            stops.append((still.at, None, still.cause))
        else:
            running.append((since, None))
        self.ended_at = still.at if still is not None and still.kind == SegmentKind.END else None
        return running, stops

    @property
    def stands_still(self) -> bool:
        return self.intervals[-1][1] is not None

    # Amounts --------------------------------------------------------------------------------------------------

    @property
    def total(self) -> timedelta:
        """Budget and extensions, as counted time."""
        number = self.spec.budget + sum(item.amount for item in self.segments if item.kind == SegmentKind.EXTEND)
        unit = self.spec.unit
        if unit == Unit.WORKING_HOUR:
            return timedelta(hours=number)
        if unit == Unit.MINUTE:
            return timedelta(minutes=number)
        if unit == Unit.MONTH:
            start = local(self.started_at).date()
            return corresponding_day(start, number) - start
        return timedelta(days=number)

    def elapsed(self, at: datetime) -> timedelta:
        if self.ended_at is not None and self.ended_at < at:
            at = self.ended_at
        if self.spec.unit not in DAY_UNITS:
            return sum((self._span(a, min(b or at, at)) for a, b in self.intervals if a < at), NOTHING)
        counted = self._counted(self._ended_days(at))
        if not self.spec.roll_to_working_day:
            return counted * DAY
        last, number = self._last_day(), self.total.days
        if last is None or at < self._end_of(last):
            return min(counted, number - 1) * DAY
        return (number + counted - self._counted(last)) * DAY

    def _span(self, start: datetime, end: datetime) -> timedelta:
        if self.spec.unit == Unit.WORKING_HOUR:
            return self.calendar.working_time_between(start, end)
        return end - start

    def instant(self, amount: timedelta) -> datetime | None:
        """The first instant at which the amount has elapsed, or None when the clock stops before."""
        if self.spec.unit in DAY_UNITS:
            day = self._nth(amount.days)
            return None if day is None else self._end_of(day)
        for start, end in self.intervals:
            span = None if end is None else self._span(start, end)
            if span is None or amount <= span:
                working = self.spec.unit == Unit.WORKING_HOUR
                return self.calendar.add_working_time(start, amount) if working else start + amount
            amount -= span
        return None

    def due_at(self) -> datetime | None:
        if self.spec.unit in DAY_UNITS:
            last = self._last_day()
            return None if last is None else self._end_of(last)
        return self.instant(self.total)

    def due(self) -> Due:
        at = self.due_at()
        by_calendar = self.spec.unit in (Unit.WORKING_DAY, Unit.WORKING_HOUR) or self.spec.roll_to_working_day
        seen = (self.started_at, at) if at is not None else (self.started_at,)
        moments = [local(moment - timedelta.resolution).date() for moment in seen]
        return Due(at, by_calendar and any(map(self.calendar.provisional, moments)), self)

    # Days -----------------------------------------------------------------------------------------------------

    def _ended_days(self, at: datetime) -> int:
        """Ordinal of the last day that has ended at the instant."""
        here = local(at)
        ended = here.replace(tzinfo=None) - datetime.combine(here.date(), time()) >= self._close
        return here.toordinal() - (0 if ended else 1)

    def _end_of(self, day: int) -> datetime:
        return datetime.combine(date.fromordinal(day), time(), CHINA) + self._close

    def _day_ranges(self) -> Iterator[Range]:
        """Half-open ranges (before, last] of days at whose end the clock runs."""
        first = local(self.started_at).toordinal() - (0 if self.spec.starts_next_day else 1)
        for start, end in self.intervals:
            before = max(self._ended_days(start), first)
            last = None if end is None else self._ended_days(end)
            if last is None or before < last:
                yield before, last

    def _count(self, before: int, last: int) -> int:
        if self.spec.unit == Unit.WORKING_DAY:
            return self.calendar.count_until(last) - self.calendar.count_until(before)
        return last - before

    def _counted(self, until: int) -> int:
        """Counted days up to and including the day."""
        return sum(
            self._count(before, until if last is None else min(last, until))
            for before, last in self.ranges if before < until
        )  # fmt: skip

    def _nth(self, number: int, after: int = 0) -> int | None:
        """Ordinal of the number-th counted day after the day."""
        for start, last in self.ranges:
            before = max(start, after)
            inside = None if last is None else self._count(before, max(last, before))
            if inside is None or number <= inside:
                working = self.spec.unit == Unit.WORKING_DAY
                return self.calendar.nth_after(before, number) if working else before + number
            number -= inside
        return None

    def _last_day(self) -> int | None:
        day = self._nth(self.total.days)
        if day is None or not self.spec.roll_to_working_day:
            return day
        for start, last in self.ranges:
            found = self.calendar.nth_after(max(start, day - 1), 1)
            if last is None or found <= last:
                return found
        return None

    # Rungs ----------------------------------------------------------------------------------------------------

    def rung_at(self, rung: str) -> datetime | None:
        """The instant of a rung: a share of the limit, the limit, or so much before or after it."""
        match, due = parse_rung(rung), self.due_at()
        if match["due"]:
            return due
        if match["percent"]:
            share = self.total * int(match["percent"]) / 100
            found = self.instant(-(-share // DAY) * DAY if self.spec.unit in DAY_UNITS else share)
            return found if due is None or found is None or found < due else None
        if due is None:
            return None
        number = int(match["number"]) * (1 if match["sign"] == "+" else -1)
        if match["step"] != "d":
            return due + timedelta(**{{"h": "hours", "m": "minutes"}[match["step"]]: number})
        if self.spec.unit not in DAY_UNITS:
            return due + number * DAY
        if number > 0:
            last = self._last_day()
            day = None if last is None else self._nth(number, last)
        else:
            left = self.total.days + number
            day = self._nth(left) if left > 0 else None
        return None if day is None else self._end_of(day)

    # Explanation ----------------------------------------------------------------------------------------------

    def lines(self, until: datetime | None) -> Iterator[DayLine]:
        """Day by day from the act to the instant (or to the last stop, when there is none)."""
        last = until or self.stops[-1][0]
        first_day = local(self.started_at).toordinal()
        last_day = max(local(last - timedelta.resolution).toordinal(), first_day)
        line = self._day_line if self.spec.unit in DAY_UNITS else self._time_line
        total = NOTHING
        for day in range(first_day, last_day + 1):
            kind, note, amount = line(day, first_day)
            total += amount
            yield DayLine(date.fromordinal(day), kind, note, amount, total)

    def _day_line(self, day: int, act_day: int) -> tuple[LineKind, str, timedelta]:
        here = date.fromordinal(day)
        kind, name = LineKind(self.calendar.kind(here)), self.calendar.name(here)
        if day == act_day and self.spec.starts_next_day:
            return LineKind.ACT_DAY, "民法典第二百零一条", NOTHING
        if self.spec.unit == Unit.WORKING_DAY and not self.calendar.is_working(here):
            return kind, name, NOTHING
        if not any(before < day and (last is None or day <= last) for before, last in self.ranges):
            return LineKind.SUSPENDED, self._cause(self._end_of(day)), NOTHING
        final = self._last_day() if self.spec.roll_to_working_day else None
        if final is not None and day < final and self._counted(day) >= self.total.days:
            return LineKind.ROLLED, name or kind.label, NOTHING
        return kind, name, DAY

    def _time_line(self, day: int, act_day: int) -> tuple[LineKind, str, timedelta]:
        here = date.fromordinal(day)
        start = datetime.combine(here, time(), CHINA)
        end, due = start + DAY, self.due_at()
        limit = end if due is None else min(end, due)
        amount = sum(
            (self._span(max(a, start), min(b or limit, limit)) for a, b in self.intervals
             if a < limit and (b is None or b > start)), NOTHING,
        )  # fmt: skip
        kind = LineKind(self.calendar.kind(here))
        if not amount and any(a < end and (b is None or b >= end) for a, b, _ in self.stops):
            return LineKind.SUSPENDED, self._cause(end), amount
        return kind, self.calendar.name(here), amount

    def _cause(self, at: datetime) -> str:
        return next((cause for a, b, cause in self.stops if a < at and (b is None or at <= b)), "")


def corresponding_day(start: date, months: int) -> date:
    """The day that corresponds after so many months, else the last of that month (民法典 202)."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


def parse_rung(rung: str) -> re.Match[str]:
    match = _RUNG.fullmatch(rung)
    if match is None:
        raise Invalid(f"提醒时点“{rung}”无效：只能写成 80%、due、-1d、+1d、-2h、+30m 这样的形式。")
    return match


def check(spec: ClockSpec) -> None:
    """Refuse a limit that can't be computed."""
    if spec.unit not in Unit.values:
        raise Invalid(f"期限单位“{spec.unit}”无效，应为：{'、'.join(Unit.labels)}。")
    if spec.budget < 1:
        raise Invalid("期限须为正整数，请核对期限设置。")
    for rung in spec.rungs:
        parse_rung(rung)


def _known(segments: Sequence[Segment], at: datetime) -> list[Segment]:
    return [segment for segment in segments if segment.at <= at]


def due(spec: ClockSpec, started_at: datetime, segments: Sequence[Segment], calendar: WorkCalendar) -> Due:
    return Course(spec, started_at, segments, calendar).due()


def elapsed(
    spec: ClockSpec, started_at: datetime, segments: Sequence[Segment], calendar: WorkCalendar, at: datetime
) -> timedelta:
    """Counted time at the instant, from what had happened by then."""
    return Course(spec, started_at, _known(segments, at), calendar).elapsed(at)


def remaining(
    spec: ClockSpec, started_at: datetime, segments: Sequence[Segment], calendar: WorkCalendar, at: datetime
) -> timedelta:
    """Budget and extensions granted by the instant, less what has elapsed; negative when overdue."""
    course = Course(spec, started_at, _known(segments, at), calendar)
    return course.total - course.elapsed(at)


def explain(
    spec: ClockSpec, started_at: datetime, segments: Sequence[Segment], calendar: WorkCalendar,
    until: datetime | None = None,
) -> tuple[DayLine, ...]:  # fmt: skip
    course = Course(spec, started_at, segments, calendar)
    return tuple(course.lines(until or course.due_at()))
