"""The engine process: its limits hold, its DuckDB sees nothing but what it was given, and every end has words."""

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from django.http import HttpRequest, HttpResponse

from yiwang.kernel.access.actors import Conflict, Invalid, Refused
from yiwang.kernel.lake import engine
from yiwang.kernel.lake.engine.guard import NoEngineMiddleware
from yiwang.kernel.lake.engine.running import EngineFailed, _nursery

HERE = "yiwang.kernel.lake.tests.attacks:"


def run(name, seconds=30.0, memory_mb=300, **params):
    return engine.run(HERE + name, params, memory_mb=memory_mb, seconds=seconds)


def test_结果_进度_文件(tmp_path):
    told = []
    assert engine.run(HERE + "double", {"value": 21}, progress=lambda *each: told.append(each)) == 42
    assert told == [(1, 2, "一半")]
    assert engine.run(HERE + "made", {}, folder=tmp_path) == {"count": 50_000, "read": 50_000}
    assert (tmp_path / "out.parquet").exists()


def test_不给文件夹时什么也不留下(settings):
    run("made")
    assert not list((Path(settings.VAR) / "lake" / ".work").iterdir())


def test_一个进程先后算几件事_前一件留下的后一件还在():
    told = []
    with engine.observed() as used, engine.session([HERE + "add", HERE + "made"], seconds=60) as session:
        assert session.run(HERE + "add", {"value": 1}) == [1]
        with pytest.raises(Conflict, match="正忙"):
            session.run(HERE + "refuse", {"kind": "conflict"})
        assert session.run(HERE + "add", {"value": 2}) == [1, 2]
        assert session.run(HERE + "made", {}) == {"count": 50_000, "read": 50_000}
        assert (session.folder / "out.parquet").exists()
        assert session.run(HERE + "double", {"value": 3}, progress=lambda *each: told.append(each)) == 6
    assert told == [(1, 2, "一半")]
    assert [each.function for each in used] == [HERE + name for name in ("add", "refuse", "add", "made", "double")]
    assert not session.folder.exists()
    assert run("add", value=7) == [7]
    deadline = time.monotonic() + 5
    while _children() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _children()


@pytest.mark.parametrize(
    ("name", "words"), [("sleep", r"超过 0\.3 秒的上限"), ("slow_bomb", "内存的上限"), ("die", "意外结束")]
)
def test_一件越限或崩溃_整个进程结束_后面的有明白的话(name, words):
    with engine.session([HERE + name], memory_mb=300, seconds=60) as session:
        with pytest.raises(EngineFailed, match=words):
            session.run(HERE + name, {}, seconds=0.3 if name == "sleep" else 30)
        with pytest.raises(EngineFailed, match="意外结束"):
            session.run(HERE + "double", {"value": 1})


def test_里面的拒绝原样出来():
    with pytest.raises(Conflict, match="正忙"):
        run("refuse", kind="conflict")
    with pytest.raises(Invalid) as caught:
        run("refuse", kind="invalid")
    assert (caught.value.message, caught.value.errors, caught.value.rule) == ("写错了", {"a": ["错"]}, "规则")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sleep", r"超过 0\.3 秒的上限"),
        ("spin", "用完了处理器时间或内存"),
        ("bomb", "超过 300 MB 内存的上限"),
        ("slow_bomb", "超过 300 MB 内存的上限"),
        ("die", "意外结束"),
        ("large", "数据计算出错"),
        ("absent", "数据计算出错（AttributeError）"),
        ("network", "数据计算出错（ConnectionRefusedError）"),
    ],
)
def test_越限与崩溃都有明白的话(name, words):
    seconds = 0.3 if name == "sleep" else 30
    with pytest.raises(EngineFailed, match=words):
        engine.run(HERE + name, {}, memory_mb=300, seconds=seconds)
    assert run("double", value=1) == 2


ENDLESS = "SELECT count(*) FROM range(100000000000) a, range(1000000) b"
GREEDY = "SELECT count(DISTINCT a.range + b.range * 1000003) FROM range(30000) a, range(30000) b"


def test_没完没了的查询被中止_进程不再存在():
    with pytest.raises(EngineFailed, match=r"超过 0\.5 秒的上限"):
        run("query", seconds=0.5, sql=ENDLESS)
    deadline = time.monotonic() + 5
    while _children() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _children()


def _children() -> list[str]:
    pid = _nursery.process.pid
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_吃内存的查询被拒绝或写盘_不拖垮机器():
    with pytest.raises(EngineFailed, match="上限"):
        run("query", seconds=1, memory_mb=128, sql=GREEDY)


ATTACKS = [
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('{secret}')",
    "SELECT * FROM '{secret}'",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM read_parquet('{given}/../secret.txt')",
    "COPY (SELECT 1) TO '{outside}'",
    "COPY (SELECT 1) TO '{outside}' (FORMAT parquet)",
    "EXPORT DATABASE '{outside}'",
    "IMPORT DATABASE '{outside}'",
    "ATTACH '{outside}' AS other",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{secret}'",
    "SET enable_external_access = true",
    "SET allowed_directories = ['/']",
    "SET lock_configuration = false",
    "RESET lock_configuration",
    "SET memory_limit = '100GB'",
    "SET threads = 64",
    "SET temp_directory = '/tmp'",
    "SET profiling_output = '{outside}'",
    "PRAGMA profiling_output = '{outside}'",
    "SET log_query_path = '{outside}'",
    "CREATE SECRET (TYPE s3)",
    "CREATE PERSISTENT SECRET (TYPE http)",
    "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')",
    "SELECT * FROM read_parquet('s3://bucket/x')",
    "SELECT * FROM sqlite_scan('{secret}', 'x')",
    "SELECT getenv('PATH')",
]


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    """One process for all attacks, each of which connects anew, and a folder with the file given to it and a secret."""
    folder = tmp_path_factory.mktemp("attacked")
    engine.run(HERE + "made", {}, folder=folder)
    (folder / "out.parquet").rename(folder / "given.parquet")
    (folder / "secret.txt").write_text("秘密")
    with engine.session([HERE + "query"], memory_mb=300) as session:
        yield session, folder


@pytest.mark.parametrize("sql", ATTACKS)
def test_数据库够不到给定文件以外的任何东西(sql, locked):
    session, folder = locked
    given = folder / "given.parquet"
    before = sorted(folder.iterdir())
    text = sql.format(secret=folder / "secret.txt", outside=folder / "outside", given=given)
    with pytest.raises(EngineFailed, match="数据计算出错"):
        session.run(HERE + "query", {"sql": text, "reads": [str(given)]})
    assert sorted(folder.iterdir()) == before
    assert session.run(HERE + "query", {"sql": f"SELECT count(*) FROM '{given}'", "reads": [str(given)]}) == [[50_000]]  # noqa: S608


def test_日志写不到外面_进程宁可结束(tmp_path):
    outside = tmp_path / "outside"
    with pytest.raises(EngineFailed, match="意外结束"):
        run("query", sql=f"CALL enable_logging(storage = 'file', storage_path = '{outside}'); SELECT 1")
    assert not outside.exists()


def _sleep_in_vain() -> None:
    with suppress(EngineFailed):
        run("sleep", seconds=1)


def test_每次一个新进程_不继承别人的连接():
    first, second = run("limits"), run("limits")
    assert first["pid"] != second["pid"]
    assert first["parent"] == second["parent"] == _nursery.process.pid
    assert (first["core"], first["nice"]) == (0, 5)
    holder = threading.Thread(target=_sleep_in_vain)
    holder.start()
    time.sleep(0.3)
    assert run("leaked_handles") == []
    holder.join()


def test_同时几个互不相扰():
    results: dict[int, int] = {}
    threads = [threading.Thread(target=lambda n=n: results.update({n: run("double", value=n)})) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: 2 * n for n in range(6)}


def test_预热之后第一件就不用再装载_苗圃没了就再热一个():
    modules = ["yiwang.kernel.tables.reading", "yiwang.data.governance.jobs.checking"]
    _nursery.stop()
    assert [run("knows", module=module)[0] for module in modules] == [False, False]
    pid = _nursery.process.pid
    engine.warm([f"{module}:what" for module in modules])
    assert [run("knows", module=module) for module in modules] == [[True, False]] * 2, "no model, so no Django"
    assert _nursery.process.pid == pid
    os.kill(pid, signal.SIGKILL)
    _nursery.process.wait()
    engine.warm([f"{modules[0]}:what"])
    assert run("knows", module=modules[0])[0]


def test_苗圃被杀后自行重来():
    run("double", value=1)
    os.kill(_nursery.process.pid, signal.SIGKILL)
    _nursery.process.wait()
    assert run("double", value=2) == 4


def _runs(pid: str) -> bool:
    """Neither gone nor waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_苗圃在计算中被杀_说明白_孩子也不留():
    caught: list[BaseException] = []

    def wait():
        try:
            run("sleep", seconds=20)
        except EngineFailed as failure:
            caught.append(failure)

    thread = threading.Thread(target=wait)
    thread.start()
    deadline = time.monotonic() + 10
    while not (_nursery.process and _children()) and time.monotonic() < deadline:
        time.sleep(0.05)
    (child,) = _children()
    os.kill(_nursery.process.pid, signal.SIGKILL)
    thread.join(timeout=10)
    assert "意外结束" in str(caught[0])
    deadline = time.monotonic() + 5  # its socket closes a little before it has ended
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(child)


def test_网页请求里调用即拒绝():
    def page(request: HttpRequest) -> HttpResponse:
        run("double", value=1)
        return HttpResponse()

    with pytest.raises(Refused, match="不在网页请求里进行"):
        NoEngineMiddleware(page)(HttpRequest())
    assert run("double", value=1) == 2


def test_分叉出的进程用同一个苗圃_它被杀_在算的也被杀_苗圃还在():
    run("double", value=1)
    nursery = _nursery.process.pid
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            run("sleep", seconds=60)
        os._exit(99)
    deadline = time.monotonic() + 20
    while not _children() and time.monotonic() < deadline:
        time.sleep(0.05)
    (engine_process,) = _children()
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    deadline = time.monotonic() + 10
    while _runs(engine_process) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(engine_process)
    assert run("double", value=2) == 4
    assert _nursery.process.pid == nursery
