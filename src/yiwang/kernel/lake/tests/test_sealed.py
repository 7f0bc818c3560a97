"""A sealed table: on the disk nothing but ciphertext, whatever is done with it and however the process ends."""

import os
import signal
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from yiwang.kernel.access.actors import SYSTEM, Refused
from yiwang.kernel.crypto import CryptoProblem
from yiwang.kernel.files import private, sealed
from yiwang.kernel.files.services import renew_keys, tidy
from yiwang.kernel.jobs.testing import run_all
from yiwang.kernel.lake import checking, engine, jobs, places, proofs, queries, services, testing
from yiwang.kernel.lake.models import DataFile, LakeTable
from yiwang.kernel.lake.services import sealing
from yiwang.kernel.lake.services.keeping import SMALL_BYTES
from yiwang.kernel.lake.sources import Query
from yiwang.kernel.lake.tests.conftest import COLUMNS, ids, row

pytestmark = pytest.mark.django_db
PERSON = "欧阳机密测试"


def secret(number: int) -> dict[str, object]:
    return row(number, name=f"{PERSON}{number}")


def in_the_clear(var: Path) -> list[str]:
    """Files that give away a name, or are Parquet as it comes (compressed, not secret)."""
    found = [path for path in var.rglob("*") if path.is_file()]
    told = [path for path in found if PERSON.encode() in (raw := path.read_bytes()) or raw.startswith(b"PAR1")]
    return [str(path.relative_to(var)) for path in told]


@pytest.fixture
def memory(settings, tmp_path):
    """A file system in memory, as production has it; the test's own folder goes afterwards."""
    settings.MEMORY = private.MEMORY
    place = private.in_memory(private.MEMORY, tmp_path)
    assert place is not None, f"{private.MEMORY} is no file system in memory"
    yield place
    assert list(place.iterdir()) == []
    place.rmdir()


@pytest.fixture
def put(tmp_path_factory):
    def put(table, rows, mode="replace", columns=COLUMNS):
        made = services.stage(SYSTEM, table, testing.parquet(tmp_path_factory.mktemp("given"), columns, rows), mode, {})
        services.publish(SYSTEM, made, "测试")
        table.refresh_from_db()
        return made

    return put


@pytest.fixture
def people(db) -> LakeTable:
    return services.ensure_table(SYSTEM, "people", "人口", COLUMNS, ["id"], sealed=True)


def test_各种写入与读取_盘上始终只有密文(
    people, put, memory, tmp_path, monkeypatch, django_capture_on_commit_callbacks
):
    watched = []
    monkeypatch.setattr(sealed, "keep", watching(sealed.keep, lambda: watched.extend(in_the_clear(tmp_path))))
    first = put(people, [secret(number) for number in range(1, 7)])
    put(people, [secret(9)], "append")
    merged = put(people, [row(1, name=f"{PERSON}改"), secret(10)], "merge")
    put(people, [{"id": 2}], "remove", COLUMNS[:1])
    assert ids(queries.current(people)) == [1, 3, 4, 5, 6, 9, 10]
    found = queries.diff(first, merged)
    assert (found.added, found.removed, found.changed, found.same) == (2, 0, 1, 5)
    assert queries.rows(merged, ["name"], keys=[[1]]) == [{"name": f"{PERSON}改"}]
    assert queries.keys_naming(people, ["name"], [f"{PERSON}9"]) == [["9"]]
    assert len(queries.sample(merged, ["id"], 3)) == 3
    assert services.compact(SYSTEM, people).rows == 7
    with django_capture_on_commit_callbacks(execute=True):
        proof = services.rewrite_without(SYSTEM, people, [[9]], "依申请删除")
    assert proofs.problems(proof, [[9]]) == []
    services.rollback(SYSTEM, people, 1, "回到开头")
    people.refresh_from_db()
    assert ids(people.current) == [1, 2, 3, 4, 5, 6] and services.export(SYSTEM, people) == 0 and jobs.behind() == []
    with django_capture_on_commit_callbacks(execute=True):
        services.expire(SYSTEM, people, 1)
    assert services.sweep() == 0 and list(checking.problems(everything=True)) == []
    assert watched == [] == in_the_clear(tmp_path) and SMALL_BYTES > 0
    assert {path.suffix for path in (places.root() / people.folder / "data").iterdir()} == {sealed.SUFFIX}
    assert not (places.root() / people.folder / "metadata").exists()


def watching(function, look):
    def watched(*args, **kwargs):
        look()
        return function(*args, **kwargs)

    return watched


def test_按分区替换_没有内存盘时用完即删(put, tmp_path, settings):
    table = services.ensure_table(SYSTEM, "parts", "分区", COLUMNS, ["id"], partition="district", sealed=True)
    put(table, [secret(1), secret(2)])
    put(table, [secret(3)], "partition")
    assert ids(queries.current(table)) == [2, 3] and in_the_clear(tmp_path) == []
    assert list(sealed.opened_root().iterdir()) == [] and sealed.opened_root().stat().st_mode & 0o077 == 0
    settings.MEMORY = str(tmp_path)
    assert sealed.opened_roots() == [sealed.opened_root()]


def test_定级升高_已有快照的文件随后加密_内容与摘要不变(put, tmp_path):
    table = services.ensure_table(SYSTEM, "rising", "升级", COLUMNS, ["id"], partition="district")
    copied = services.ensure_table(SYSTEM, "copied", "派生", COLUMNS[:2], [])
    put(table, [secret(1), secret(2)])
    second = put(table, [secret(3)], "append")
    source = Query("SELECT id, name FROM s", {"s": queries.source(second)})
    edge = {"column": "name", "source": table, "source_column": "name"}
    services.publish(SYSTEM, services.stage(SYSTEM, copied, source, "replace", {}, edges=[edge]), "派生")
    services.export(SYSTEM, table)
    before = [(held.digest, held.rows) for held in table.snapshots.order_by("number")]
    assert len(in_the_clear(tmp_path)) == 4
    services.ensure_table(SYSTEM, "rising", "升级", COLUMNS, ["id"], partition="district", sealed=True)
    assert set(LakeTable.objects.filter(sealing=True).values_list("name", flat=True)) == {"rising", "copied"}
    jobs.look()
    run_all()
    table.refresh_from_db()
    assert table.sealed and not table.sealing and in_the_clear(tmp_path) == []
    assert not (places.root() / table.folder / "metadata").exists()
    assert [(held.digest, held.rows) for held in table.snapshots.order_by("number")] == before
    assert list(checking.problems(everything=True)) == [] and ids(second) == [1, 2, 3]
    services.ensure_table(SYSTEM, "rising", "升级", COLUMNS, ["id"], partition="district")
    table.refresh_from_db()
    assert table.sealed and not services.seal(SYSTEM, table, "再来")


def test_由加密表得来的表随之加密(people, put, tmp_path):
    held = put(people, [secret(1)])
    table = services.ensure_table(SYSTEM, "made", "派生", COLUMNS[:2], [])
    made = services.stage(SYSTEM, table, Query("SELECT id, name FROM s", {"s": queries.source(held)}), "replace", {})
    services.publish(SYSTEM, made, "派生")
    assert LakeTable.objects.get(name="made").sealed and in_the_clear(tmp_path) == []
    assert queries.rows(made, ["name"]) == [{"name": f"{PERSON}1"}]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("step", ["sealed.keep", "sealed.at", "no_backup", "record"])
def test_加密旧文件时在任一步被杀_再来一次补齐(step, put, tmp_path):
    table = services.ensure_table(SYSTEM, "rising", "升级", COLUMNS, ["id"])
    put(table, [secret(1)])
    put(table, [secret(2)], "append")
    services.seal(SYSTEM, table, "升级")
    assert killed(table, step) == signal.SIGKILL
    table.refresh_from_db()
    assert table.sealing and ids(table.current) == [1, 2]
    services.seal_files(SYSTEM, table)
    assert not table.sealing and in_the_clear(tmp_path) == [] and ids(table.current) == [1, 2]
    assert services.sweep() >= 0 and list(checking.problems(everything=True)) == []


def killed(table: LakeTable, step: str) -> int:
    """Seal the files in a child that dies at the second file, before the plain ones go, or before the row says so."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    connection.connection = None
    calls = []

    def die(*args, **kwargs):
        calls.append(args)
        if step != "sealed.keep" or len(calls) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return keep(*args, **kwargs)

    keep = sealed.keep
    try:
        setattr(sealed if step.startswith("sealed.") else sealing, step.removeprefix("sealed."), die)
        services.seal_files(SYSTEM, table)
    finally:
        os._exit(99)


@pytest.mark.django_db(transaction=True)
def test_计算中被强杀_打开的内容由清理收走(people, put, memory):
    put(people, [secret(1)])
    child = os.fork()
    if child == 0:
        connection.connection = None
        try:
            sealed.move = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
            put(people, [secret(2)], "append")
        finally:
            os._exit(99)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert any(path.read_bytes().startswith(b"PAR1") for path in memory.rglob("*.parquet"))
    assert tidy() > 0 and ids(people.current) == [1]


def test_密文被换被改被删_没有密钥_都说得出(people, put, settings):
    held = put(people, [secret(1)])
    other = put(people, [secret(2)], "append")
    first, second = (sealed.at(Path(path)) for path in queries.paths(other))
    kept = first.read_bytes()
    first.chmod(0o640)
    first.write_bytes(second.read_bytes())
    assert any("打不开" in each for each in checking.problems())
    with pytest.raises(Refused, match=r"打不开，没有读取：.*不属于此处"):
        queries.rows(held)
    first.write_bytes(kept)
    second.rename(second.with_suffix(".moved"))
    assert any("湖文件缺失" in each for each in checking.problems())
    second.with_suffix(".moved").rename(second)
    Path(queries.paths(held)[0]).write_bytes(b"planted")
    assert [each.partition("：")[0] for each in checking.problems()] == [
        "湖文件内容与登记不符",
        "湖文件应加密存放而有明文",
    ]
    assert ids(held) == [1]
    Path(queries.paths(held)[0]).unlink()
    settings.SECRET_KEY = "somebody-elses-key"
    with pytest.raises(Refused, match="密钥已不在配置中"):
        queries.rows(held)
    assert all("密钥已不在配置中" in each for each in checking.problems())


def test_更换密钥_中断后接着换_换完旧密钥可弃(people, put, settings, monkeypatch, capsys):
    for number in range(1, 5):
        put(people, [secret(number)], "append")
    old, bodies = settings.SECRET_KEY, {file.pk: body(file) for file in DataFile.objects.all()}
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another-secret-of-the-site", [old]
    call_command("verify_files")
    assert "还有 4 个加密文件需要旧密钥" in capsys.readouterr().out and ids(people.current) == [1, 2, 3, 4]
    rewrap, calls = sealed.sealing.rewrap, []

    def cut(*args):
        calls.append(args)
        if len(calls) == 3:
            raise InterruptedError
        rewrap(*args)

    monkeypatch.setattr(sealed.sealing, "rewrap", cut)
    with pytest.raises(InterruptedError):
        renew_keys()
    assert sealed.behind() == 2 and ids(people.current) == [1, 2, 3, 4]
    assert renew_keys() == 2 and sealed.behind() == 0 == renew_keys()
    settings.SECRET_KEY_FALLBACKS = []
    assert ids(people.current) == [1, 2, 3, 4] and list(checking.problems(everything=True)) == []
    assert {file.pk: body(file) for file in DataFile.objects.all()} == bodies  # only the first line is another
    settings.SECRET_KEY = old
    with pytest.raises(CryptoProblem, match="备用密钥"):
        renew_keys()


def body(file: DataFile) -> bytes:
    return sealed.at(Path(places.absolute(file.path))).read_bytes().partition(b"\n")[2]


def test_未加密的表照旧_参数不动(db, put):
    table = services.ensure_table(SYSTEM, "plain", "公开", COLUMNS, ["id"])
    held = put(table, [row(1)])
    with engine.running.Opened() as opened:
        params = {"source": queries.source(held).described(), "keys": [[1, None]]}
        assert opened.within(params) is params and opened.size == 0
    assert not sealed.opened_root().exists()
