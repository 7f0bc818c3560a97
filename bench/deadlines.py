"""Deadlines: real reply times against a walk day by day, and a million of them against numpy's business days."""

import statistics
import sys
import time
from datetime import date, datetime, timedelta

import numpy

from bench.report import Row, write
from yiwang.kernel.calendar.terms import CHINA
from yiwang.kernel.calendar.workdays import WorkCalendar
from yiwang.kernel.clocks.arithmetic import ClockSpec, due, elapsed
from yiwang.kernel.search.tests import shared
from yiwang.standards.holidays import notices

BUDGETS, MILLION, RUNS = (1, 3, 5, 15, 20, 90), 1_000_000, 3
DAY = timedelta(days=1)


def calendar() -> WorkCalendar:
    overrides = {item.date: item for notice in notices() for item in notice.overrides}
    return WorkCalendar(overrides.values(), {notice.year for notice in notices()})


def reply_pairs() -> list[tuple[datetime, datetime]]:
    """When each real message was asked and answered; none without the shared data."""
    if shared.place() is None:
        return []
    return [(shared.moment(row["留言时间"]), shared.moment(row["答复时间"])) for row in shared.sheet("replies.xlsx")]


def walk(start: datetime, number: int, days: WorkCalendar, working: bool) -> date:
    day = start.date()
    while number:
        day += DAY
        number -= not working or days.is_working(day)
    return day


def differences(days: WorkCalendar, pairs: list[tuple[datetime, datetime]]) -> tuple[int, int]:
    """Due dates and on-time verdicts that differ from the walk, and how many were compared."""
    wrong = compared = 0
    for unit in ("working_day", "calendar_day"):
        for number in BUDGETS:
            spec = ClockSpec(unit, number)
            for start, end in pairs:
                last = walk(start, number, days, unit == "working_day")
                found = due(spec, start, (), days).at
                on_time = elapsed(spec, start, (), days, end - timedelta.resolution) < number * DAY
                agree = found is not None and found.date() == last + DAY and on_time == (end.date() <= last)
                midnight = end.date() == last + DAY and end == found
                wrong += not (agree or midnight)
                compared += 1
    return wrong, compared


def million(days: WorkCalendar) -> tuple[float, float, float, int]:
    """Seconds for ours, for numpy and (extrapolated) for the walk; and differing results."""
    first = datetime(2015, 1, 1, 10, 30, tzinfo=CHINA)
    starts = [first + timedelta(hours=7 * (n % 12_000), minutes=n % 60) for n in range(-(-MILLION // len(BUDGETS)))]
    specs = [ClockSpec("working_day", number) for number in BUDGETS]
    clock = time.perf_counter()
    ours = [due(spec, start, (), days).at for spec in specs for start in starts]
    mine = time.perf_counter() - clock
    rest = [date(2014, 12, 1) + n * DAY for n in range(5000) if not days.is_working(date(2014, 12, 1) + n * DAY)]
    clock = time.perf_counter()
    table = numpy.busdaycalendar(weekmask="1111111", holidays=numpy.array(rest, dtype="datetime64[D]"))
    local = numpy.array([start.date() for start in starts], dtype="datetime64[D]")
    # "preceding" puts a start on a rest day back on the last working day: the n-th after it is the same day.
    theirs = [numpy.busday_offset(local, number, roll="preceding", busdaycal=table) for number in BUDGETS]
    peer = time.perf_counter() - clock
    found = numpy.array([(at - DAY).date() for at in ours if at is not None], dtype="datetime64[D]")
    clock = time.perf_counter()
    for number in BUDGETS:
        for start in starts[:300]:
            walk(start, number, days, True)
    brute = (time.perf_counter() - clock) / (300 * len(BUDGETS)) * len(ours)
    return mine, peer, brute, int((found != numpy.concatenate(theirs)).sum())


def main() -> bool:
    days, pairs, rows = calendar(), reply_pairs(), []
    if pairs:
        wrong, compared = differences(days, pairs)
        rows.append(Row(f"{len(pairs)} real pairs × {len(BUDGETS)} limits × 2 units, differences from a walk day by day",
                        f"{wrong} of {compared:,}", "0", wrong == 0))  # fmt: skip
    else:
        print("没有 shared/data/citizen-messages/replies.xlsx，跳过真实时间核对")
    runs = [million(days) for _ in range(RUNS)]
    mine, peer, brute = (statistics.median(run[n] for run in runs) for n in range(3))
    rows += [
        Row("1,000,000 working-day deadlines", f"{mine:.1f} s", "≤60 s", mine <= 60),
        Row("differences from numpy on these", str(max(run[3] for run in runs)), "0", not any(run[3] for run in runs)),
        Row("peer: numpy busday_offset, vectorised, dates only", f"{peer:.1f} s"),
        Row("peer: walk day by day (extrapolated from 1,800)", f"{brute:.0f} s"),
    ]
    return write("deadlines", rows)


if __name__ == "__main__":
    sys.exit(not main())
