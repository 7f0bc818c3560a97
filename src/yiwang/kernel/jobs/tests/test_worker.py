"""Real worker processes: clean stop, sudden death, a lost database."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.jobs import queries, services
from yiwang.kernel.jobs.models import Heartbeat, Job
from yiwang.kernel.jobs.tests.sleeper import sleeper
from yiwang.kernel.ledger.models import Link
from yiwang.kernel.ledger.services import record

START = "import django; django.setup(); from yiwang.kernel.jobs.tests.sleeper import main; "
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def until(condition: Callable[[], object], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "等待超时"
        time.sleep(0.05)


@contextmanager
def worker(database_url: str, var) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", f"{START}main({str(var)!r})"],
        env=os.environ | {"DATABASE_URL": database_url},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def silence() -> None:
    """As if the dead worker's last heartbeat were long ago."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'")


def test_执行任务_封链_心跳_坏循环可见_收到终止信号做完手头再退出(database_url, tmp_path):
    record(SYSTEM, "x", ("a", 1))
    row = services.enqueue(sleeper, directory=str(tmp_path), seconds=1.0)
    with worker(database_url, tmp_path) as process:
        until(lambda: (tmp_path / "starts").exists())
        assert queries.alive().count() == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    row.refresh_from_db()
    assert (row.state, row.message, row.attempts) == ("done", "做完", 1)
    assert (tmp_path / "effect").exists()
    assert Link.objects.count() == 1
    heartbeat = Heartbeat.objects.get()
    assert heartbeat.stopped_at is not None
    assert "总是失败" in heartbeat.loops["test.broken"]["error"]
    assert heartbeat.loops["ledger.seal"]["error"] == ""
    assert "test.later" not in heartbeat.loops, "not due yet"
    assert queries.alive().count() == 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE args @> jsonb_build_object('job_id', %s)", [row.pk]
        )
        assert cursor.fetchone() == (0,)
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE (args->>'job_id')::bigint NOT IN (SELECT id FROM jobs_job)"
        )
        assert cursor.fetchone() == (0,), "出错的循环里排的任务没有投递"


def test_执行中被杀_由下一个进程接手_效果恰一次(database_url, tmp_path):
    row = services.enqueue(sleeper, key="one", directory=str(tmp_path), seconds=60.0)
    with worker(database_url, tmp_path) as process:
        until(lambda: (tmp_path / "starts").exists())
        process.send_signal(signal.SIGKILL)
        process.wait()
    row.refresh_from_db()
    assert row.state == Job.State.RUNNING
    assert services.reap() == 0, "心跳未过期前不夺取"
    silence()
    with worker(database_url, tmp_path):
        until(lambda: Job.objects.get(pk=row.pk).state == "done", 40)
    row.refresh_from_db()
    assert row.attempts == 2
    assert len((tmp_path / "starts").read_text().splitlines()) == 2
    assert (tmp_path / "effect").read_text() == "done"
    assert services.reap() == 0


def test_被当作已死的进程迟到的结果不算(tmp_path):
    row = services.enqueue(sleeper, directory=str(tmp_path), seconds=0)
    taken = services._start(row.pk, "old")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs WHERE id = %s", [row.delivery_id])
    assert services.reap() == 1
    again = Job.objects.get(pk=row.pk)
    assert again.state == "queued"
    assert again.delivery_id != row.delivery_id
    services.execute(row.pk, "new")
    assert services._still_mine(taken).update(state="failed") == 0
    row.refresh_from_db()
    assert (row.state, row.worker) == ("done", "new")


def test_投递丢失的排队任务被重新投递(tmp_path):
    row = services.enqueue(sleeper, directory=str(tmp_path), seconds=0)
    assert services.reap() == 0
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    assert services.reap() == 1
    assert services.reap() == 0
    row.refresh_from_db()
    assert row.state == "queued"


def test_总是杀死进程的任务到上限后失败(tmp_path):
    row = services.enqueue(sleeper, directory=str(tmp_path), seconds=0)
    for _ in range(sleeper.retries + 1):
        services._start(row.pk, "w")
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs")
        assert services.reap() == 1
    row.refresh_from_db()
    assert row.state == "failed"
    assert "中断" in row.message
    assert services.reap() == 0


def test_数据库断开连接后进程继续工作(database_url, tmp_path):
    with worker(database_url, tmp_path):
        until(lambda: queries.alive().exists())
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                           "WHERE datname = current_database() AND pid <> pg_backend_pid()")  # fmt: skip
        row = services.enqueue(sleeper, directory=str(tmp_path), seconds=0)
        until(lambda: Job.objects.get(pk=row.pk).state == "done", 40)


def test_旧心跳与平台自身的旧任务会被清理而个人的保留(tmp_path):
    long_ago = timezone.now() - timedelta(days=30)
    Heartbeat.objects.create(worker="old", started_at=long_ago, beat_at=long_ago)
    row = services.enqueue(sleeper, directory=str(tmp_path), seconds=0)
    Job.objects.filter(pk=row.pk).update(state="done", finished_at=long_ago)
    assert services.tidy() == 1
    assert not Heartbeat.objects.exists()
    assert queries.alive().count() == 0
