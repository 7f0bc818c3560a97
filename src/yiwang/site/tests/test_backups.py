"""What was backed up comes back whole, a damaged backup does not, and time can be turned back."""

import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from yiwang.site import backups, pointintime
from yiwang.site.localdb import Cluster, DatabaseProblem


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    own = Cluster(tmp_path_factory.mktemp("backups") / "var")
    own.ensure()
    yield own
    own.stop()
    for left in (own.socket, own.library):
        shutil.rmtree(left, ignore_errors=True)


@pytest.fixture
def url(cluster: Cluster) -> str:
    """An empty database."""
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS yiwang WITH (FORCE)")
    return cluster.ensure()


def fill(url: str, *numbers: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int PRIMARY KEY, word text DEFAULT '数据\t“资源”')")
        connection.execute("CREATE INDEX IF NOT EXISTS kept_word ON kept USING gin (word gin_trgm_ops)")
        for number in numbers:
            connection.execute("INSERT INTO kept (n) VALUES (%s)", [number])


def held(url: str) -> list[tuple[int, str]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT n, word FROM kept ORDER BY n").fetchall()


@pytest.fixture
def var(tmp_path: Path) -> Path:
    (tmp_path / "files" / "ab").mkdir(parents=True)
    (tmp_path / "files" / "ab" / "cd").write_bytes(b"attachment")
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "end.json").write_text("{}")
    return tmp_path


def test_备份恢复后逐行相同_后来的表消失_附件与缺失的锚点回来(url: str, var: Path) -> None:
    fill(url, 1, 2)
    folder = backups.backup(url, var=var)
    before = held(url)
    fill(url, 3)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE later (n int)")
    (var / "files" / "ab" / "cd").unlink()
    (var / "ledger" / "end.json").write_text('{"position": 9}')
    backups.restore(url, folder, replace=True, var=var)
    assert held(url) == before
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT to_regclass('later')").fetchone() == (None,)
    assert (var / "files" / "ab" / "cd").read_bytes() == b"attachment"
    assert (var / "ledger" / "end.json").read_text() == '{"position": 9}', "going back must show in verify"
    (var / "ledger" / "end.json").unlink()
    backups.restore(url, folder, replace=True, var=var)
    assert (var / "ledger" / "end.json").read_text() == "{}"


def test_已有数据的库不经确认不覆盖(url: str, var: Path) -> None:
    fill(url, 1)
    folder = backups.backup(url, var=var)
    fill(url, 2)
    with pytest.raises(DatabaseProblem, match="--replace"):
        backups.restore(url, folder, var=var)
    assert [row[0] for row in held(url)] == [1, 2]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda f: (f / "files" / "ab" / "cd").write_bytes(b"changed"), "files/ab/cd 内容与清单不符"),
        (lambda f: (f / "files" / "ab" / "cd").unlink(), "缺少 files/ab/cd"),
        (lambda f: (f / "files" / "more").write_bytes(b""), "多出 files/more"),
        (lambda f: (f / "database.dump").write_bytes(b"PGDMP"), "database.dump 内容与清单不符"),
        (lambda f: (f / "manifest.json").unlink(), "不是完整的备份"),
    ],
)
def test_损坏的备份被拒绝并指出何处(harm: object, said: str, url: str, var: Path) -> None:
    fill(url, 1)
    folder = backups.backup(url, var=var)
    assert callable(harm)
    harm(folder)
    with pytest.raises(DatabaseProblem, match=said):
        backups.restore(url, folder, replace=True, var=var)
    assert [row[0] for row in held(url)] == [1]


def test_恢复中途失败则数据库保持原样(url: str, var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backups, "START_AGAIN", backups.START_AGAIN.replace("'5s'", "'0.3s'"))
    fill(url, 1)
    folder = backups.backup(url, var=var)
    fill(url, 2)
    with psycopg.connect(url) as other:
        other.execute("SELECT * FROM kept")
        with pytest.raises(DatabaseProblem, match="还有进程在使用数据库"):
            backups.restore(url, folder, replace=True, var=var)
    assert [row[0] for row in held(url)] == [1, 2]


def test_密钥不同不恢复(url: str, var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(url, 1)
    folder = backups.backup(url, var=var)
    monkeypatch.setenv("YIWANG_SECRET_KEY", "another")
    with pytest.raises(DatabaseProblem, match="YIWANG_SECRET_KEY"):
        backups.restore(url, folder, replace=True, var=var)


def test_连不上的库不留下半个备份(var: Path) -> None:
    with pytest.raises(DatabaseProblem, match="备份没有完成"):
        backups.backup("postgresql://nobody@/absent?host=/nonexistent", var=var)
    assert not list((var / "backups").glob("*Z"))


@pytest.mark.slow
def test_时间点恢复(cluster: Cluster, url: str) -> None:
    with pytest.raises(DatabaseProblem, match="还没有做过基础备份"):
        pointintime.restore(cluster, None)
    fill(url, 1)
    pointintime.base(cluster)
    fill(url, 2)
    time.sleep(0.2)
    moment = datetime.now(UTC)
    time.sleep(0.2)
    fill(url, 3)
    with pytest.raises(DatabaseProblem, match="没有早于该时间的基础备份"):
        pointintime.restore(cluster, moment - timedelta(days=1))
    with pytest.raises(DatabaseProblem, match=r"已退回原样.*更早的时间"):
        pointintime.restore(cluster, moment + timedelta(days=1))
    assert [row[0] for row in held(url)] == [1, 2, 3]
    before = pointintime.restore(cluster, moment)
    assert [row[0] for row in held(url)] == [1, 2]
    assert before.is_dir()
    fill(url, 4)
    cluster.stop()
    cluster.ensure()
    assert [row[0] for row in held(url)] == [1, 2, 4]


def test_只保留所需的基础备份与日志(cluster: Cluster, url: str) -> None:
    fill(url, 1)
    for number in range(3):
        fill(url, 10 + number)
        pointintime.base(cluster, keep=1)
    assert len(pointintime.finished(cluster)) == 1
    fill(url, 20)
    pointintime.restore(cluster, None)
    assert [row[0] for row in held(url)] == [1, 10, 11, 12, 20]


def test_时间按北京时间理解(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pointintime.instant("2026-05-01 08:00:00") == datetime(2026, 5, 1, tzinfo=UTC)
    assert pointintime.instant("2026-05-01T08:00:00+00:00") == datetime(2026, 5, 1, 8, tzinfo=UTC)
    assert pointintime.instant("latest") is None
    with pytest.raises(DatabaseProblem, match="昨天"):
        pointintime.instant("昨天")
