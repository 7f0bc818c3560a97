"""Reporting periods: half-open ranges of Shanghai days."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from yiwang.kernel.access.actors import Invalid

SHANGHAI = ZoneInfo("Asia/Shanghai")
EARLIEST, LATEST = 1949, 2199


@dataclass(frozen=True)
class Period:
    """From `start` (included) to `stop` (excluded), both Shanghai midnights. `code` is its form in URLs."""

    code: str
    label: str
    start: date
    stop: date

    @property
    def start_at(self) -> datetime:
        return datetime.combine(self.start, time.min, SHANGHAI)

    @property
    def stop_at(self) -> datetime:
        return datetime.combine(self.stop, time.min, SHANGHAI)

    def months(self) -> list["Period"]:
        """The calendar months that the period touches, each cut to the period."""
        found, first = [], self.start.replace(day=1)
        while first < self.stop:
            month = month_of(first)
            if month.start >= self.start and month.stop <= self.stop:
                found.append(month)
            else:
                found.append(between(max(month.start, self.start), min(month.stop, self.stop) - timedelta(days=1)))
            first = month.stop
        return found


def month_of(day: date) -> Period:
    start = day.replace(day=1)
    stop = (start + timedelta(days=32)).replace(day=1)
    return Period(f"{start:%Y-%m}", f"{start.year}年{start.month}月", start, stop)


def year_of(year: int) -> Period:
    return Period(str(year), f"{year}年", date(year, 1, 1), date(year + 1, 1, 1))


def between(first: date, last: date) -> Period:
    """Both days included."""
    if first > last:
        raise Invalid("开始日期不能晚于结束日期。")
    label = f"截至{last}" if first == date(EARLIEST, 1, 1) else f"{first}至{last}"
    return Period(f"{first}~{last}", label, first, last + timedelta(days=1))


def before(period: Period) -> Period:
    """The month or year before one; before any other span, as many days."""
    last, span = period.start - timedelta(days=1), (period.start, period.stop)
    for made, earlier in ((month_of(period.start), month_of(last)), (year_of(period.start.year), year_of(last.year))):
        if span == (made.start, made.stop):
            return earlier
    return between(period.start - (period.stop - period.start), last)


def up_to(period: Period) -> Period:
    """Everything until the period's end: what a stock (存量) of things with a date of their own is counted over."""
    return between(date(EARLIEST, 1, 1), period.stop - timedelta(days=1))


def parse(code: str) -> Period:
    """2026, 2026-03 or 2026-03-01~2026-03-15."""
    first, _, last = code.partition("~")
    try:
        if re.fullmatch(r"\d{4}", code, re.ASCII):
            found = year_of(int(code))
        elif re.fullmatch(r"\d{4}-\d{2}", code, re.ASCII):
            found = month_of(date.fromisoformat(f"{code}-01"))
        else:
            found = between(date.fromisoformat(first), date.fromisoformat(last))
    except (ValueError, OverflowError) as problem:
        raise Invalid(f"期间“{code}”无法识别。可用 2026、2026-03 或 2026-03-01~2026-03-15。") from problem
    if found.start.year < EARLIEST or found.stop.year > LATEST:
        raise Invalid(f"期间“{code}”超出范围，年份须在 {EARLIEST} 至 {LATEST} 之间。")
    return found
