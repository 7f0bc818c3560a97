"""Deleting persons with a proof, retention, small files and leftovers."""

import os
import time
from pathlib import Path

import pytest
from django.db import connection, utils

from yiwang.kernel.access.actors import ANONYMOUS, SYSTEM, Conflict, Invalid, Refused
from yiwang.kernel.lake import places, proofs, queries, services
from yiwang.kernel.lake.models import DataFile, Proof, Snapshot
from yiwang.kernel.lake.tests.conftest import COLUMNS, ids, row

pytestmark = pytest.mark.django_db


@pytest.fixture
def commits(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


def on_disk(table) -> set[str]:
    return {path.relative_to(places.root()).as_posix() for path in (places.root() / table.folder / "data").glob("*")}


def named(table) -> set[str]:
    return set(DataFile.objects.filter(table=table, removed_at=None).values_list("path", flat=True))


def test_个人信息从每个保留的快照删除_证明可重新核对(people, put, commits):
    first = put(people, [row(1), row(2, name="张删除"), row(3)])
    second = put(people, [row(4)], "append")
    third = put(people, [row(9)])
    waiting = put(people, [row(2, name="张删除"), row(10)], "append", publish=False)
    old = named(people)
    with commits():
        proof = services.rewrite_without(SYSTEM, people, [[2], [77]], "依申请删除")
    assert [ids(queries.numbered(people, n)) for n in (1, 2, 3, 4)] == [[1, 3], [1, 3, 4], [9], [9, 10]]
    assert {each["number"]: (each["rows_before"], each["rows_after"]) for each in proof.snapshots} == {
        1: (3, 2), 2: (4, 3), 3: (1, 1), 4: (3, 2),
    }  # fmt: skip
    assert proof.content["files"] and proof.snapshot is None
    assert queries.current(people) == third
    assert on_disk(people) == named(people) != old
    assert proofs.problems(proof) == [] == proofs.problems(Proof.objects.get(pk=proof.pk), [[2], [77]])
    assert "2" not in str(proof.content["snapshots"][0].get("keys", "")) and proof.keys == 2
    first.refresh_from_db()
    assert first.digest == proof.snapshots[0]["digest_after"] != proof.snapshots[0]["digest_before"]
    assert second.number == 2 and waiting.number == 4


def test_现行快照被触及时出新快照_旧的待发布须重来(people, put, commits):
    put(people, [row(1), row(2)])
    waiting = put(people, [row(3)], "append", publish=False)
    with commits():
        proof = services.rewrite_without(SYSTEM, people, [[2]], "依申请删除")
    current = queries.current(people)
    assert proof.snapshot == current and (current.kind, current.number, ids(current)) == ("rewrite", 3, [1])
    with pytest.raises(Conflict, match="现行快照已变为第 3 号"):
        services.publish(SYSTEM, waiting, "晚")
    assert services.publish(SYSTEM, put(people, [row(3)], "append", publish=False), "重来").rows == 2


def test_证明被改或文件没删净时说出来(people, put, commits):
    put(people, [row(1), row(2)])
    with commits():
        proof = services.rewrite_without(SYSTEM, people, [[2]], "依申请删除")
    assert proofs.problems(proof, [[1]]) == ["给出的主键不是本证明所删除的那些。"]
    gone = Path(places.absolute(proof.content["files"][0]["before"]["path"]))
    gone.write_bytes(b"x")
    assert "应已删除的文件仍在" in proofs.problems(proof)[0]
    gone.unlink()
    kept = Path(places.absolute(proof.content["files"][0]["after"]["path"]))
    kept.chmod(0o640)
    kept.write_bytes(kept.read_bytes() + b"x")
    assert "与证明不符" in proofs.problems(proof)[0]
    proof.content["snapshots"][0]["rows_after"] = 0
    assert "可能被改动" in proofs.problems(proof)[0]


def test_删到一行不剩_不存在的主键_没有主键的表(people, put, commits):
    put(people, [row(1)])
    with commits():
        none = services.rewrite_without(SYSTEM, people, [[5]], "依申请删除")
        assert none.content["files"] == [] and none.snapshot is None
        all_gone = services.rewrite_without(SYSTEM, people, [[1]], "依申请删除")
    assert (all_gone.snapshot.rows, ids(all_gone.snapshot), on_disk(people)) == (0, [], set())
    assert proofs.problems(all_gone, [[1]]) == []
    loose = services.ensure_table(SYSTEM, "loose", "散", COLUMNS[:1], [])
    for keys in ([], [[1]]):
        with pytest.raises(Invalid, match="没有删除"):
            services.rewrite_without(SYSTEM, loose, keys, "依申请删除")


def test_到期的快照不能再读_文件随之删除_保留的与现行的不动(people, put, commits):
    for number in range(1, 5):
        put(people, [row(number)])
    services.hold(SYSTEM, queries.numbered(people, 1), "2026 年报引用")
    lost = put(people, [row(8)], "append", publish=False)
    put(people, [row(5)])
    with commits():
        assert services.expire(SYSTEM, people, 2) == 3
    alive = set(people.snapshots.filter(expired_at=None).values_list("number", flat=True))
    assert alive == {1, 4, 6}
    assert on_disk(people) == named(people) and len(named(people)) == 3
    for number in (2, lost.number):
        with pytest.raises(Refused, match="超过保留期"):
            queries.paths(Snapshot.objects.get(table=people, number=number))
    with pytest.raises(Conflict, match="超过保留期"):
        services.rollback(SYSTEM, people, 2, "想回去")
    with pytest.raises(Conflict, match="作废或失效"):
        services.publish(SYSTEM, lost, "晚")
    with commits():
        assert services.expire(SYSTEM, people, 2) == 0
    with pytest.raises(Refused, match="没有对“湖表”的“保留期与合并小文件”权限"):
        services.set_retention(ANONYMOUS, people, 3, "少留")
    services.set_retention(SYSTEM, people, 3, "少留")
    people.refresh_from_db()
    assert people.keep == 3


def test_小文件合成一个_内容不变_有待发布的则不动(put, commits):
    table = services.ensure_table(SYSTEM, "small", "小文件", COLUMNS, ["id"], partition="district")
    for number in range(1, 7):
        put(table, [row(number)], "append")
    before = queries.current(table)
    waiting = put(table, [row(7)], "append", publish=False)
    assert services.compact(SYSTEM, table) is None
    services.discard(SYSTEM, waiting, "不要了")
    made = services.compact(SYSTEM, table)
    assert (len(before.files), len(made.files), made.rows) == (6, 2, 6)
    assert queries.diff(before, made).same == 6
    assert sorted(file.partition for file in queries.files(made)) == ["东", "西"]
    assert services.compact(SYSTEM, table) is None


def test_残留被清理_有行的文件与正在写的表不动(people, put):
    put(people, [row(1)])
    data = places.root() / people.folder / "data"
    (data / "orphan.parquet").write_bytes(b"x")
    old = places.root() / "gone-0123abcd"
    (old / "data").mkdir(parents=True)
    work = places.root() / ".work" / "dead"
    work.mkdir(parents=True)
    young = places.root() / "new-0123abcd"
    young.mkdir()
    past = time.time() - 30 * 24 * 3600
    for path in (old / "data", old, work):
        os.utime(path, (past, past))
    assert services.sweep() == 3
    assert on_disk(people) == named(people)
    assert not old.exists() and not work.exists() and young.exists()


def test_快照行与证明行不能被改写(people, put):
    held = put(people, [row(1)])
    for statement in (
        "UPDATE lake_snapshot SET number = 9", "DELETE FROM lake_snapshot", "UPDATE lake_publication SET reason = 'x'",
        "UPDATE lake_snapshot SET cause = '{}'",
    ):  # fmt: skip
        with pytest.raises(utils.ProgrammingError), connection.cursor() as cursor:
            cursor.execute("SAVEPOINT before")
            try:
                cursor.execute(statement)
            finally:
                cursor.execute("ROLLBACK TO before")
    assert Snapshot.objects.get(pk=held.pk).number == 1
