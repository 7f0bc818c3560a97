"""The embedded database: found, made, guarded, and every trouble said in a sentence."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from yiwang.site import database, localdb
from yiwang.site.localdb import Cluster


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    own = Cluster(tmp_path / "var")
    yield own
    own.stop()
    for left in (own.socket, own.data, own.library):
        shutil.rmtree(left, ignore_errors=True)


def answer(url: str, question: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(question).fetchone()
        assert row is not None
        return row[0]


def test_新库识别汉字_要口令_关掉再开数据还在(cluster: Cluster) -> None:
    url = cluster.ensure()
    assert "汉字三元组可用" in database.assert_fit(url)
    assert cluster.password_file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url.replace(cluster.password, "wrong"))
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    cluster.stop()
    assert not cluster.running()
    assert answer(cluster.ensure(), "SELECT n FROM kept") == 7


def test_被强杀后的残留文件不妨碍启动(cluster: Cluster) -> None:
    url = cluster.ensure()
    process = cluster.server_process()
    os.kill(process, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while cluster.running() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (cluster.data / "postmaster.pid").exists()
    # The number may belong to another program by now: here to this test.
    pid_file = cluster.data / "postmaster.pid"
    pid_file.write_text(pid_file.read_text().replace(str(process), str(os.getpid()), 1))
    time.sleep(1)
    assert not cluster.running()
    assert answer(cluster.ensure(), "SELECT 1") == 1
    assert url == cluster.url()


def test_两个进程同时启动只有一个建库(cluster: Cluster) -> None:
    code = "from yiwang.site import localdb; print(localdb.ensure())"
    own = {**os.environ, "YIWANG_VAR": str(cluster.var)}
    command = [sys.executable, "-c", code]
    both = [subprocess.Popen(command, env=own, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = {process.communicate(timeout=60)[0].strip() for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert said == {cluster.url()}


def test_第二个持锁者得知是谁(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    with localdb.exclusive(lock, "进程 {holder} 正在运行"):
        second = localdb.exclusive(lock, "进程 {holder} 正在运行")
        with pytest.raises(localdb.DatabaseProblem, match=f"进程 {os.getpid()} 正在运行"), second:
            pytest.fail("locked twice")
    with localdb.exclusive(lock, "{holder}"):
        assert lock.read_text() == str(os.getpid())


def test_磁盘不足时说出剩余与需要(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10 << 30, 10 << 30, 5 << 20))
    with pytest.raises(localdb.DatabaseProblem, match="只剩 5 MB，至少需要 1024 MB"):
        localdb.require_space(tmp_path / "not" / "yet")


def test_服务账户到不了的目录另行安放(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert not localdb.reachable(closed / "pg")
    placed = Cluster(closed).data
    assert placed == (Cluster(closed).library / "pg" if os.geteuid() == 0 else closed / "pg")


def test_套接字路径不随目录变长() -> None:
    assert len(str(localdb.LOCAL.socket / ".s.PGSQL.5432").encode()) < 100


def test_别人占了套接字目录就拒绝(cluster: Cluster) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to give a folder away")
    cluster.socket.mkdir()
    os.chown(cluster.socket, 12345, -1)
    with pytest.raises(localdb.DatabaseProblem, match="属于账户 12345"):
        cluster.ensure()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://x/y", "postgresql://"),
        ("nonsense", "postgresql://"),
        ("postgresql://u:secret@nowhere.invalid/x", "主机名无法解析"),
        ("postgresql://u:secret@127.0.0.1:{port}/x", "没有数据库在监听"),
    ],
)
def test_错误的数据库地址各有一句话且不泄露口令(url: str, said: str) -> None:
    with pytest.raises(localdb.DatabaseProblem, match=said) as caught:
        database.assert_fit(url.format(port=free_port()))
    assert "secret" not in str(caught.value)


def test_库名或口令不对(cluster: Cluster) -> None:
    url = cluster.ensure()
    with pytest.raises(localdb.DatabaseProblem, match="库名或用户名不存在"):
        database.connect(cluster.url("absent"))
    with pytest.raises(localdb.DatabaseProblem, match="口令不正确"):
        database.connect(url.replace(cluster.password, "wrong"))


def test_不识别汉字的库被拒绝(cluster: Cluster) -> None:
    url = cluster.ensure()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE plain TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE 'C'")
    with pytest.raises(localdb.DatabaseProblem, match="show_trgm"):
        database.assert_fit(cluster.url("plain"))


def test_重建的库换了身份(cluster: Cluster) -> None:
    before = database.identity(cluster.ensure())
    assert before == database.identity(cluster.url())
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE yiwang")
    assert database.identity(cluster.ensure()) != before
