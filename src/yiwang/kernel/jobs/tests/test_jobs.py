"""Enqueue, run, retry, unique keys and progress."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from yiwang.kernel.access.actors import SYSTEM, Actor, Conflict, Permission, Refused
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.jobs import services, testing
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.jobs.tasks import Outcome, job
from yiwang.kernel.ledger.queries import history

calls: list[str] = []


@job("test.note", retries=2, title="记一笔")
def note(*, text: str) -> Outcome:
    calls.append(text)
    return Outcome(message=f"已记 {text}")


@job("test.unlucky", retries=2)
def unlucky(*, text: str) -> None:
    calls.append(text)
    raise ValueError("内部细节")


@job("test.refused")
def refused(*, text: str) -> None:
    calls.append(text)
    raise Refused("第 3 行身份证号有误，未导入。")


@job("test.counting")
def counting(*, job_id: int) -> None:
    with transaction.atomic():
        for done in range(1, 4):
            services.progress(job_id, done, 3, f"第 {done} 行")


@pytest.fixture(autouse=True)
def _no_calls():
    calls.clear()


@pytest.mark.django_db
def test_入队执行并留下说明():
    row = services.enqueue(note, text="甲")
    assert row.state == Job.State.QUEUED
    assert testing.run_all() == 1
    row.refresh_from_db()
    assert (row.state, row.message, row.attempts, row.title) == ("done", "已记 甲", 1, "记一笔")
    assert calls == ["甲"]


@pytest.mark.django_db
def test_第二次投递不再执行():
    row = services.enqueue(note, text="甲")
    services.execute(row.pk)
    services.execute(row.pk)
    assert calls == ["甲"]


@pytest.mark.django_db(transaction=True)
def test_业务回滚则任务与投递都不存在():
    with pytest.raises(RuntimeError), transaction.atomic():
        services.enqueue(note, text="甲")
        raise RuntimeError
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs")
        assert cursor.fetchone()[0] == 0
    assert not Job.objects.exists()


@pytest.mark.django_db
def test_出错按退避重试到上限后失败且不泄露细节():
    row = services.enqueue(unlucky, text="x")
    for attempt in (1, 2):
        assert testing.run_all(now=False) == (1 if attempt == 1 else 0)
        row.refresh_from_db()
        assert row.state == Job.State.QUEUED
        assert row.scheduled_at > timezone.now()
    assert testing.run_all(now=True) == 2
    row.refresh_from_db()
    assert (row.state, row.attempts, len(calls)) == ("failed", 3, 3)
    assert "ValueError" in row.message
    assert "内部细节" not in row.message


@pytest.mark.django_db
def test_被拒绝的任务不重试并原样说明理由():
    row = services.enqueue(refused, text="x")
    testing.run_all()
    row.refresh_from_db()
    assert (row.state, row.message, row.attempts) == ("failed", "第 3 行身份证号有误，未导入。", 1)


@pytest.mark.django_db
def test_同键任务排队时只有一个执行后可再排():
    first = services.enqueue(note, key="k", text="甲")
    assert services.enqueue(note, key="k", text="乙").pk == first.pk
    testing.run_all()
    second = services.enqueue(note, key="k", text="丙")
    assert second.pk != first.pk
    assert services.enqueue(note, key="other", text="丁").pk != second.pk


@pytest.mark.django_db(transaction=True)
def test_多人同时以同键入队只得一个任务():
    barrier, ids = threading.Barrier(6), []

    def enqueue():
        try:
            barrier.wait(10)
            ids.append(services.enqueue(note, key="k", text="甲").pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=enqueue) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 6
    assert len(set(ids)) == 1 == Job.objects.count()


@pytest.mark.django_db(transaction=True)
def test_入队者未提交前同键任务不会抢先开始():
    row = services.enqueue(note, key="k", text="甲")
    held, started = threading.Event(), threading.Event()

    def worker():
        try:
            held.wait(10)
            services.execute(row.pk)
            started.set()
        finally:
            connection.close()

    thread = threading.Thread(target=worker)
    thread.start()
    with transaction.atomic():
        services.enqueue(note, key="k", text="甲")
        held.set()
        assert not started.wait(0.3)
    thread.join(10)
    assert calls == ["甲"]


@pytest.mark.django_db
def test_计划时间未到不执行():
    services.enqueue(note, at=timezone.now() + timedelta(hours=1), text="甲")
    assert testing.run_all() == 0
    assert testing.run_all(now=True) == 1


@pytest.mark.django_db(transaction=True)
def test_进度在任务自身事务未提交时也可见():
    row = services.enqueue(counting)
    seen = []
    original = services.PROGRESS_EVERY
    assert original > 0

    def watch():
        try:
            for _ in range(50):
                seen.append(Job.objects.get(pk=row.pk).done)
                if seen[-1]:
                    return
                stop.wait(0.02)
        finally:
            connection.close()

    stop = threading.Event()
    with transaction.atomic():
        services.progress(row.pk, 1, 10, "一成")
        watcher = threading.Thread(target=watch)
        watcher.start()
        watcher.join()
    assert seen[-1] == 1
    testing.run_all()
    row.refresh_from_db()
    assert (row.state, row.done, row.total) == ("done", 3, 3)


@pytest.mark.django_db
def test_参数不对在入队时就报错():
    with pytest.raises(TypeError):
        services.enqueue(note, wrong=1)
    with pytest.raises(TypeError):
        services.enqueue(note, text=object())
    assert not Job.objects.exists()


def test_声明只接受关键字参数且名称不重复():
    with pytest.raises(TypeError, match="keyword-only"):
        job("test.positional")(lambda text: None)
    with pytest.raises(TypeError, match="enqueue's own"):

        @job("test.clash")
        def clash(*, key: str) -> None: ...

    with pytest.raises(ValueError, match="twice"):

        @job("test.note")
        def other(*, text: str) -> None: ...


@pytest.mark.django_db
def test_本版本没有的任务以文字失败():
    row = services.enqueue(note, text="甲")
    Job.objects.filter(pk=row.pk).update(name="gone.job")
    testing.run_all()
    row.refresh_from_db()
    assert row.state == "failed"
    assert "不存在" in row.message


@pytest.mark.django_db
def test_失败的任务可以重试_须有权限_留痕():
    row = services.enqueue(refused, text="乙")
    testing.run_all()
    stranger = Actor(person_id=1, account_id=None, name="甲")
    keeper = Actor(person_id=None, account_id=None, name="系统管理员",
                   permissions={("jobs.job", "change"): (Permission(Scope.ALL, 1, "/"),)})  # fmt: skip
    with pytest.raises(Refused, match="没有对“后台任务”的“重试”权限"):
        services.retry(stranger, row.pk)
    assert calls == ["乙"]
    services.retry(keeper, row.pk)
    row.refresh_from_db()
    assert (row.state, row.attempts, row.message) == ("queued", 0, "")
    with pytest.raises(Conflict, match="排队"):
        services.retry(keeper, row.pk)
    testing.run_all()
    row.refresh_from_db()
    assert (row.state, row.attempts, calls) == ("failed", 1, ["乙", "乙"])
    [entry] = history(("jobs.job", row.pk))
    assert (entry.action, entry.before) == ("jobs.job.retry", {"message": "第 3 行身份证号有误，未导入。"})


@pytest.mark.django_db
def test_同键任务已在排队_不再重试():
    failed = services.enqueue(refused, key="k", text="乙")
    testing.run_all()
    services.enqueue(refused, key="k", text="乙")
    with pytest.raises(Conflict, match="已有同一任务"):
        services.retry(SYSTEM, failed.pk)
