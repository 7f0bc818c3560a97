"""Invariant 35: a restore to an instant gives the state of that instant, and what fell due since fires once."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.db import transaction
from django.utils import timezone
from psycopg import sql

from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.calendar import services as calendars
from yiwang.kernel.clocks.arithmetic import ClockSpec
from yiwang.kernel.clocks.models import Timer
from yiwang.kernel.clocks.terms import TimerState
from yiwang.kernel.clocks.tests import verbs
from yiwang.site import backups

CLOCKS = 40
FIRE = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "yiwang.site.settings"
django.setup()
from django.db import connection
from yiwang.kernel.clocks import timers
from yiwang.kernel.clocks.above import Above

def effect(timer, lawful):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO fired_once VALUES (%s)", [timer.pk])

above = Above(handlers={"notice": effect, "effect": effect})
while timers.run_due(10, above=above):
    pass
"""


@pytest.fixture
def second_database(database_url: str) -> Iterator[str]:
    """An empty database beside the test's own."""
    name = sql.Identifier("test_yiwang_restored")
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(name))
    yield urlunsplit(urlsplit(database_url)._replace(path="/test_yiwang_restored"))
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


def fire(url: str) -> list[int]:
    """Let a worker's loop run in a process of its own; the timers whose effect was written, one line each."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS fired_once (timer bigint)")
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", FIRE],
            env={**os.environ, "DATABASE_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT timer FROM fired_once ORDER BY timer").fetchall()]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_invariant_35_恢复到某时刻_其后到期的提醒恰好触发一次(
    database_url: str, second_database: str, tmp_path: Path
) -> None:
    calendars.publish(SYSTEM, "cn", [], "测试通知", years=[timezone.localdate().year])
    spec = ClockSpec("minute", 10, code="reply", rungs=("due",))
    with transaction.atomic():
        for case in range(1, CLOCKS + 1):
            verbs.start(case, spec, timezone.now() - timedelta(hours=1), entry_seq=1)
    armed = sorted(Timer.objects.values_list("pk", flat=True))
    saved = backups.backup(database_url, to=tmp_path / "backups", var=tmp_path)
    assert fire(database_url) == armed
    assert Timer.objects.exclude(state=TimerState.FIRED).count() == 0

    backups.restore(second_database, saved, var=tmp_path / "restored")
    with psycopg.connect(second_database) as connection:
        states = connection.execute("SELECT id, state FROM clocks_timer ORDER BY id").fetchall()
    assert states == [(pk, TimerState.ARMED) for pk in armed]
    assert fire(second_database) == armed
    with psycopg.connect(second_database) as connection:
        left = connection.execute("SELECT count(*) FROM clocks_timer WHERE state <> 'fired'").fetchone()
    assert left == (0,)
