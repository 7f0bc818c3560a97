"""Killed between any two steps: the old pointer or the new one, nothing else; a later run repairs and sweeps."""

import signal
import threading
import time

import pytest
from django.db import connection, transaction

from yiwang.kernel.access.actors import SYSTEM, Conflict
from yiwang.kernel.lake import checking, places, proofs, queries, services, testing
from yiwang.kernel.lake.models import DataFile, LakeTable, Proof
from yiwang.kernel.lake.services import locks
from yiwang.kernel.lake.tests.conftest import COLUMNS, ids, row
from yiwang.kernel.lake.tests.killed import STEPS, killed

pytestmark = pytest.mark.django_db(transaction=True)
AFTER = {"before proof": [1, 2, 3], "before unlink": [2, 3], "before ids": [2, 3]}


@pytest.mark.parametrize("step", [*STEPS, "nowhere"])
def test_在任一步被杀_指针要么旧要么新_再来一次补齐(step, people, put, tmp_path):
    put(people, [row(1), row(2)])
    source = testing.parquet(tmp_path, COLUMNS, [row(2, name="改"), row(3)])
    assert killed(step, source) == (0 if step == "nowhere" else signal.SIGKILL)
    people.refresh_from_db()
    assert ids(queries.current(people)) == AFTER.get(step, [2, 3] if step == "nowhere" else [1, 2])
    assert not [each for each in checking.problems(everything=True) if "应已删除的文件仍在" not in each]
    services.sweep()
    named = set(DataFile.objects.filter(removed_at=None).values_list("path", flat=True))
    assert {path.relative_to(places.root()).as_posix() for path in places.root().glob("*/data/*")} == named
    assert list(checking.problems(everything=True)) == []
    services.publish(SYSTEM, services.stage(SYSTEM, people, source, "merge", {}), "再来")
    services.rewrite_without(SYSTEM, people, [[1]], "再来")
    people.refresh_from_db()
    services.export(SYSTEM, people)
    assert ids(queries.current(people)) == [2, 3]
    assert [problem for proof in Proof.objects.all() for problem in proofs.problems(proof)] == []
    assert list(checking.problems(everything=True)) == []


def test_外面的事务撤销_指针文件行都不留_清理后盘上也不留(people, put):
    put(people, [row(1)])
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        put(people, [row(2)], "append")
        raise ZeroDivisionError
    people = LakeTable.objects.get()
    assert ids(queries.current(people)) == [1] and people.snapshots.count() == 1
    assert services.sweep() == 1
    assert put(people, [row(3)], "append").number == 2


def test_两处同时写入_一个等待_等不到就用话拒绝(people, put, tmp_path, monkeypatch):
    put(people, [row(1)])
    source = testing.parquet(tmp_path, COLUMNS, [row(2)])
    busy, free = threading.Event(), threading.Event()

    def occupy():
        try:
            with transaction.atomic():
                locks.take(people)
                busy.set()
                free.wait(20)
        finally:
            connection.close()

    other = threading.Thread(target=occupy)
    other.start()
    assert busy.wait(10)
    with pytest.raises(Conflict, match="正在由另一任务写入"):
        services.stage(SYSTEM, people, source, "append", {}, wait=0.3)
    assert services.sweep() == 0
    threading.Timer(0.5, free.set).start()
    begun = time.monotonic()
    assert services.stage(SYSTEM, people, source, "append", {}, wait=20).rows == 2
    assert time.monotonic() - begun > 0.3
    other.join()
