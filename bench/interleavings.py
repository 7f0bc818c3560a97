"""Invariant 21: 10,000 random moments of three simultaneous acts on families of cases; no deadlock, no half cascade."""

import os
import sys
from datetime import date

from bench import scratch
from bench.report import Row, write
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.calendar import services as calendars
from yiwang.kernel.calendar.workdays import Override
from yiwang.kernel.flow.tests.interleaving import ACTORS, Report, run
from yiwang.kernel.flow.tests.town import build

MOMENTS = int(os.environ.get("YIWANG_INTERLEAVINGS", "10000"))
PART = 250


def measure() -> Report:
    total = Report()
    with scratch.database("interleavings"):
        calendars.publish(SYSTEM, "cn", [Override(date(2026, 1, 1), "rest", "元旦")], "基准", years=[2026])
        town = build()
        for seed in range(-(-MOMENTS // PART)):
            total += run(town, min(PART, MOMENTS - total.moments), seed)
            print(f"{total.moments:,} / {MOMENTS:,}, {total.deadlocks} deadlocks, {total.seconds:,.0f} s", flush=True)
    return total


def main() -> int:
    found = measure()
    done = sum(count for code, count in found.ended.items() if code.endswith(":done"))
    rows = [
        Row("random moments", f"{found.moments:,} × {ACTORS} acts", f"{MOMENTS:,}", found.moments == MOMENTS),
        Row("deadlocks the server counted", str(found.deadlocks), "0", found.deadlocks == 0),
        Row("cascades, each to every open descendant or none", f"{found.cascades:,} reaching {found.reached:,}"),
        Row("acts done, refused in words", f"{done:,}, {sum(found.ended.values()) - done:,}"),
        Row("families, seconds", f"{found.families:,}, {found.seconds:,.0f}"),
    ]
    return 0 if write("interleavings", rows) else 1


if __name__ == "__main__":
    sys.exit(main())
