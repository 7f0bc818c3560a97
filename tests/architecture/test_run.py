"""`./run` on poor machines, and what it starts: in folders of their own, through the script itself."""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import city
from tests.house import House, closed
from yiwang.site.localdb import ROOT, Cluster

from .test_checks import checks

assert checks  # the import puts tools on the path
import locked_uv  # noqa: E402


def script(folder: Path, python: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of `run` with nothing on the path but `python` and the base system."""
    shutil.copy(ROOT / "run", folder / "run")
    (folder / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "locked_uv.py", folder / "tools")
    (folder / "uv.lock").write_text("")
    (folder / "pyproject.toml").write_text("")
    programs = folder / "programs"
    programs.mkdir()
    for name in ("bash", "mkdir", "cat", "cksum", "rm", "tail", "dirname", "echo"):
        (programs / name).symlink_to(shutil.which(name) or name)
    stub = programs / "python3"
    stub.write_text(f"#!{shutil.which('bash')}\n{python}\n")
    stub.chmod(0o755)
    environment = {"PATH": str(programs), "HOME": str(folder)}
    return subprocess.run(
        [str(folder / "run"), "doctor"], env=environment, capture_output=True, text=True, check=False, timeout=180
    )


def test_Python太旧时说明版本与办法(tmp_path: Path) -> None:
    done = script(tmp_path, 'if [ "$1" = --version ]; then echo "Python 3.9.2"; else exit 1; fi')
    assert done.returncode == 1
    assert "需要 Python 3.11" in done.stderr and "Python 3.9.2" in done.stderr


def test_连不上软件源时是一句话(tmp_path: Path) -> None:
    broken = f'if [ "$1" = -m ] || [ "$1" = tools/locked_uv.py ]; then echo "no route" >&2; exit 1; fi\nexec {sys.executable} "$@"'
    done = script(
        tmp_path,
        broken.replace("exec", 'if [ "$1" = -c ]; then case "$2" in *print*) echo "$0"; exit;; esac; fi\nexec'),
    )
    assert done.returncode == 1
    assert "连不上 Python 软件源" in done.stderr and "no route" in done.stderr
    assert "Traceback" not in done.stderr


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{shutil.which('bash')}\n{text}\n")
    path.chmod(0o755)


def test_锁文件未变不再装依赖_字节码留在var里(tmp_path: Path) -> None:
    shutil.copy(ROOT / "run", tmp_path / "run")
    for name in ("uv.lock", "pyproject.toml"):
        (tmp_path / name).write_text("")
    executable(tmp_path / "var/tools/uv/bin/uv", 'echo "$*" >>uv.calls')
    interpreter = tmp_path / ".venv/bin/python"
    executable(interpreter, 'echo "$PYTHONPYCACHEPREFIX|${PYTHONDONTWRITEBYTECODE-written}"')

    def run() -> tuple[str, int]:
        done = subprocess.run(
            [str(tmp_path / "run"), "doctor"], env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        calls = (tmp_path / "uv.calls").read_text().splitlines()
        return done.stdout.splitlines()[-1], sum(call.startswith("sync") for call in calls)

    written = f"{tmp_path / 'var' / 'pycache'}|written"
    assert run() == (written, 1)
    assert run() == (written, 1)
    (tmp_path / "uv.lock").write_text("changed")
    assert run() == (written, 2)
    interpreter.write_text(interpreter.read_text().replace("\necho", '\n[ "$1" = -ISc ] && exit 1\necho'))
    assert run() == (written, 3), "an interpreter that no longer starts is replaced"


def wheel(folder: Path) -> tuple[Path, str]:
    path = folder / "uv-1-py3-none-manylinux_2_17_x86_64.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("uv-1.data/scripts/uv", "#!/bin/sh\necho uv 1\n")
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def lock(folder: Path, address: str, digest: str) -> Path:
    path = folder / "uv.lock"
    path.write_text(f'[[package]]\nname = "uv"\nwheels = [{{ url = "{address}", hash = "sha256:{digest}" }}]\n')
    return path


def test_没有venv与pip时按锁文件取uv并核对摘要(tmp_path: Path) -> None:
    path, digest = wheel(tmp_path)
    locked = lock(tmp_path, path.as_uri(), digest)
    target = locked_uv.install(*locked_uv.wheel(locked, "x86_64", "Linux"), tmp_path / "uv")
    assert subprocess.run([str(target)], capture_output=True, text=True, check=True).stdout == "uv 1\n"


def test_摘要不符或没有本机的包则不装(tmp_path: Path) -> None:
    path, _ = wheel(tmp_path)
    locked = lock(tmp_path, path.as_uri(), "0" * 64)
    with pytest.raises(locked_uv.NoWheel, match="the lock says"):
        locked_uv.install(*locked_uv.wheel(locked, "x86_64", "Linux"), tmp_path / "uv")
    with pytest.raises(locked_uv.NoWheel, match="no uv for Linux riscv64"):
        locked_uv.wheel(locked, "riscv64", "Linux")


def test_锁文件里有uv() -> None:
    address, digest = locked_uv.wheel(ROOT / "uv.lock", "x86_64", "Linux")
    assert address.endswith(".whl") and len(digest) == 64


@pytest.fixture
def house(tmp_path: Path) -> Iterator["House"]:
    own = House(tmp_path / "var")
    yield own
    own.clear()


@pytest.fixture
def first() -> Iterator[city.FirstUp]:
    """How a newcomer's first `./run up` went: a run does that once, and its tests use the city it built."""
    yield city.first_up()
    House(city.HOUSE).clear()


@pytest.mark.serial
@pytest.mark.slow
def test_起停_第二次被告知_强杀监督者后能再起(first: city.FirstUp) -> None:
    house = House(city.HOUSE, first.port)
    assert first.returncode == 0, first.stdout + first.stderr
    assert f"http://127.0.0.1:{first.port}/" in first.stdout
    assert first.health == 200
    assert closed(house.port) and not Cluster(house.var).running(), "down ends what up began"
    resumed = house.up("--detach")
    assert resumed.returncode == 0 and "均无变化" in resumed.stdout, resumed.stdout + resumed.stderr
    second = house.up()
    assert second.returncode == 1 and f"进程 {house.supervisor()}" in second.stdout
    restore = house.command("restore", "--to", "latest")
    assert restore.returncode == 1 and "./run down" in restore.stdout
    os.kill(house.supervisor(), signal.SIGKILL)
    time.sleep(0.5)
    again = house.up("--detach")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "均无变化" in again.stdout
    assert house.health() == 200
    down = house.command("down")
    assert down.returncode == 0 and "已停止" in down.stdout
    assert closed(house.port)
    assert not Cluster(house.var).running()


@pytest.mark.serial
def test_端口被占时说明并建议(house: House) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", house.port))
        taken.listen()
        done = house.up()
    assert done.returncode == 1
    assert f"端口 {house.port} 已被其他程序占用" in done.stdout and f"--port {house.port + 1}" in done.stdout


@pytest.mark.serial
def test_错误的数据库地址没有调用栈(house: House) -> None:
    house.environment["DATABASE_URL"] = "postgresql://u:p@nowhere.invalid/x"
    for command in ("verify", "backup", "up"):
        done = house.command(command)
        assert done.returncode == 1 and "主机名无法解析" in done.stdout
        assert "Traceback" not in done.stdout + done.stderr


def test_生产环境不用up(house: House) -> None:
    house.environment["YIWANG_ENV"] = "production"
    done = house.up()
    assert done.returncode == 1 and "systemd" in done.stdout
