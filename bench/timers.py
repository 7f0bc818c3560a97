"""30,000 timers, four workers, twenty and more SIGKILLs: each effect exactly once. Peer: the same in plain SQL."""

import multiprocessing
import os
import random
import signal
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
from django.db import connection, connections

from bench import scratch
from bench.report import Row, write
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.calendar import services
from yiwang.kernel.clocks import timers
from yiwang.kernel.clocks.above import Above

TIMERS, SAMPLE, WORKERS, KILLS, RUNS = 30_000, 4_000, 4, 24, 3
START = datetime(2025, 3, 7, 2, tzinfo=UTC)
fork = multiprocessing.get_context("fork")  # a killed worker is replaced at once, without loading Django again


def prepare(url: str, count: int) -> None:
    """So many clocks with one due timer each, and a table that shows every effect."""
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("TRUNCATE clocks_timer, clocks_clock CASCADE")
        admin.execute("DROP TABLE IF EXISTS bench_effects")
        admin.execute("CREATE TABLE bench_effects (timer bigint, worker int)")
        admin.execute(
            """INSERT INTO clocks_clock (case_id, code, round, name, kind, unit, budget, starts_next_day,
                   roll_to_working_day, close_of_business, calendar_version_id, calendar_code, rungs, on_breach,
                   extensions, extension_budget, basis, status, generation, started_at, due_at, provisional)
               SELECT n, 'reply', 1, '答复', 'stage', 'minute', 60, true, false, false,
                   (SELECT max(id) FROM calendar_calendarversion), 'cn', '{due}', '', 0, 0, '', 'running', 1, %(at)s,
                   %(at)s + n * interval '1 second', false
               FROM generate_series(1, %(count)s) n""",
            {"at": START, "count": count},
        )
        admin.execute(
            """INSERT INTO clocks_timer (clock_id, generation, rung, kind, lawful_at, fire_at, state, attempts, error)
               SELECT id, 1, 'due', 'effect', due_at, due_at, 'armed', 0, '' FROM clocks_clock"""
        )
        admin.execute("ANALYZE clocks_timer")
        admin.execute("ANALYZE clocks_clock")


def platform_worker(url: str) -> None:
    """The loop of the platform's own worker."""
    connections.close_all()

    def effect(timer: object, lawful: datetime) -> None:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO bench_effects VALUES (%s, %s)", [timer.pk, os.getpid()])  # type: ignore[attr-defined]

    above = Above(handlers=dict.fromkeys(("notice", "effect"), effect))  # type: ignore[arg-type]
    while timers.run_due(200, above=above):
        pass
    connections.close_all()


def plain_worker(url: str) -> None:
    """Claim, effect and mark of one timer a transaction, by hand."""
    with psycopg.connect(url, autocommit=True) as plain:
        while True:
            with plain.transaction():
                row = plain.execute(
                    "SELECT id FROM clocks_timer WHERE state = 'armed' AND fire_at <= now() ORDER BY fire_at, id "
                    "LIMIT 1 FOR UPDATE SKIP LOCKED"
                ).fetchone()
                if row is None:
                    return
                plain.execute("INSERT INTO bench_effects VALUES (%s, %s)", [row[0], os.getpid()])
                plain.execute("UPDATE clocks_timer SET state = 'fired', fired_at = now() WHERE id = %s", row)


def race(url: str, worker: Callable[[str], None], kills: int) -> tuple[float, int]:
    """Seconds until every timer has fired, and how many workers were killed on the way."""
    total, killed, chance = count(url, "clocks_timer"), 0, random.Random(7)
    started = time.perf_counter()
    running = [fork.Process(target=worker, args=(url,)) for _ in range(WORKERS)]
    for process in running:
        process.start()
    while any(process.is_alive() for process in running):
        time.sleep(0.02)
        if killed < kills and count(url, "bench_effects") > total * (killed + 1) / (kills + 2):
            victim = chance.randrange(WORKERS)
            if running[victim].is_alive():
                os.kill(running[victim].pid or 0, signal.SIGKILL)
                killed += 1
            running[victim].join()
            running[victim] = fork.Process(target=worker, args=(url,))
            running[victim].start()
    return time.perf_counter() - started, killed


def count(url: str, table: str) -> int:
    with psycopg.connect(url) as reader:
        row = reader.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(row[0]) if row else 0


def outcome(url: str) -> tuple[int, int, int, int]:
    """Effects, distinct effects, timers fired, timers still armed."""
    with psycopg.connect(url) as reader:
        row = reader.execute(
            "SELECT (SELECT count(*) FROM bench_effects), (SELECT count(DISTINCT timer) FROM bench_effects),"
            " (SELECT count(*) FROM clocks_timer WHERE state = 'fired'),"
            " (SELECT count(*) FROM clocks_timer WHERE state = 'armed')"
        ).fetchone()
    assert row is not None
    return row


def rate(url: str, worker: Callable[[str], None]) -> float:
    prepare(url, SAMPLE)
    seconds, _ = race(url, worker, 0)
    assert outcome(url)[:2] == (SAMPLE, SAMPLE)
    return SAMPLE / seconds


def main() -> bool:
    with scratch.database("timers") as url:
        services.publish(SYSTEM, "cn", [], "基准", years=[2025])
        ours, plain = [], []
        for _ in range(RUNS):
            ours.append(rate(url, platform_worker))
            plain.append(rate(url, plain_worker))
        prepare(url, TIMERS)
        seconds, killed = race(url, platform_worker, KILLS)
        effects, distinct, fired, left = outcome(url)
    exact = (effects, distinct, fired, left) == (TIMERS, TIMERS, TIMERS, 0)
    through = TIMERS / seconds
    mine, peer = statistics.median(ours), statistics.median(plain)
    return write("timers", [
        Row(f"{TIMERS:,} timers, {WORKERS} workers, {killed} SIGKILLs: effects / distinct / fired / left",
            f"{effects:,} / {distinct:,} / {fired:,} / {left}", "each exactly once, ≥20 kills", exact and killed >= 20),
        Row("rate of that run, replacement of workers included", f"{through:,.0f}/s", "≥1,000/s", through >= 1000),
        Row(f"rate without kills, {SAMPLE:,} timers, median of {RUNS}", f"{mine:,.0f}/s", "≥1,000/s", mine >= 1000),
        Row("peer: plain SQL, one timer a transaction, no due-order per case, no poison guard", f"{peer:,.0f}/s"),
    ])  # fmt: skip


if __name__ == "__main__":
    assert datetime.now(UTC) - START > timedelta(days=1)
    sys.exit(not main())
