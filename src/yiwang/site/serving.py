"""Start, watch and stop the processes of a demonstration: web and worker."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType

from yiwang.site import backups, localdb, preparation
from yiwang.site.console import fail, say

HOST = "127.0.0.1"
LOCK = localdb.VAR / "up.lock"
CHILDREN = localdb.VAR / "run" / "children.json"
LOG = localdb.VAR / "log"
ACCOUNTS = localdb.VAR / "demo-accounts.json"
BUSY = "另一个 ./run up 已在运行（进程 {holder}）。先执行 ./run down，或直接使用它打印的地址。"
START_SECONDS = 60.0
STARTED = "一网已启动"


class Stopped(Exception):  # noqa: N818 - not an error: somebody asked
    """SIGTERM or Ctrl-C."""


def _stopped(signum: int, frame: FrameType | None) -> None:
    raise Stopped


def refuse_taken_port(port: int, instead: int = 0) -> None:
    """`instead`: the port to change when another one follows from it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise fail(
                    f"端口 {port} 已被其他程序占用。请换一个：./run up --port {(instead or port) + 1}"
                ) from error
            raise fail(f"端口 {port} 不能使用：{error.strerror}。请换一个大于 1024 的端口。") from error


def healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/health/", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def gateway_port(port: int) -> int:
    """The sharing gateway's own port: 8090 beside 8000."""
    return port + 90


def commands(port: int) -> dict[str, list[str]]:
    programs = Path(sys.executable).parent
    return {
        "web": [
            str(programs / "granian"), "--interface", "wsgi", "--host", HOST, "--port", str(port), "--workers", "1",
            "--blocking-threads", "4", "--log-level", "warning", "--workers-lifetime", "86400",
            "yiwang.site.wsgi:application",
        ],
        "worker": [sys.executable, "-m", "yiwang.site", "worker"],
        "gateway": [
            str(programs / "granian"), "--interface", "asgi", "--factory", "--host", HOST, "--port", str(gateway_port(port)),
            "--workers", "1", "--log-level", "warning", "yiwang.data.sharing.gateway.server:create",
        ],
    }  # fmt: skip


def _spawn(name: str, port: int, children: dict[str, subprocess.Popen[bytes]]) -> None:
    LOG.mkdir(parents=True, exist_ok=True)
    with (LOG / f"{name}.log").open("ab") as log:
        children[name] = subprocess.Popen(commands(port)[name], stdout=log, stderr=log, start_new_session=True)
    CHILDREN.parent.mkdir(parents=True, exist_ok=True)
    CHILDREN.write_text(json.dumps([child.pid for child in children.values()]))


def _end_group(process: int, grace: float = 10.0) -> None:
    """End a child and its own children: politely, then by force."""
    for signum, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 2.0)):
        deadline = time.monotonic() + seconds
        try:
            os.killpg(process, signum)
            while time.monotonic() < deadline:
                os.killpg(process, 0)
                _collect(process)
                time.sleep(0.05)
        except ProcessLookupError:
            return


def _collect(process: int) -> None:
    try:
        os.waitpid(process, os.WNOHANG)
    except ChildProcessError:
        return


def end_orphans() -> None:
    """A supervisor that was killed -9 leaves its children; end those that are still ours."""
    if not CHILDREN.exists():
        return
    for process in json.loads(CHILDREN.read_text()):
        command = Path(f"/proc/{process}/cmdline")
        if command.exists() and b"yiwang." in command.read_bytes():
            _end_group(process)
    CHILDREN.unlink(missing_ok=True)


def _await(port: int, children: dict[str, subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not healthy(port):
        _refuse_dead(children)
        if time.monotonic() > deadline:
            raise fail(f"网页服务 {START_SECONDS:.0f} 秒内没有应答，请看日志 {LOG / 'web.log'}。")
        time.sleep(0.05)


def _refuse_dead(children: dict[str, subprocess.Popen[bytes]]) -> None:
    for name, child in children.items():
        if child.poll() is not None:
            tail = (LOG / f"{name}.log").read_text(errors="replace").splitlines()[-15:]
            raise fail(f"进程 {name} 意外退出（{child.returncode}），全部停止。日志末尾：\n" + "\n".join(tail))


def banner(port: int) -> None:
    say(f"\n{STARTED}：http://{HOST}:{port}/    按 Ctrl-C 停止\n", "bold green")
    say(f"共享网关：http://{HOST}:{gateway_port(port)}/health")
    if ACCOUNTS.exists():
        say("演示账号（仅限演示，口令见右）：")
        for username, password, who in json.loads(ACCOUNTS.read_text()):
            say(f"  {username:<16}{password:<20}{who}")


def up(port: int) -> None:
    """Serve until told to stop. Whoever is second is told who is first."""
    with localdb.exclusive(LOCK, BUSY):
        end_orphans()
        refuse_taken_port(port)
        refuse_taken_port(gateway_port(port), port)
        os.environ.setdefault("YIWANG_GATEWAY_URL", f"http://{HOST}:{gateway_port(port)}")
        ours = not os.environ.get("DATABASE_URL") and not localdb.running()
        signal.signal(signal.SIGTERM, _stopped)
        children: dict[str, subprocess.Popen[bytes]] = {}
        try:
            url = preparation.database_url()
            backups.refuse_while_due()
            if not preparation.prepare(url):
                say("· 数据库、静态文件与示范数据均无变化，直接启动", "dim")
            _spawn("web", port, children)
            _await(port, children)
            # Nobody waits for the worker; beside the web it would take the processor the first page needs.
            _spawn("worker", port, children)
            _spawn("gateway", port, children)
            banner(port)
            while True:
                time.sleep(1)
                _refuse_dead(children)
        except (Stopped, KeyboardInterrupt):
            say("\n正在停止 …")
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            for child in children.values():
                _end_group(child.pid)
            CHILDREN.unlink(missing_ok=True)
            if ours:
                localdb.stop()
    say("已全部停止。")


def up_detached(port: int) -> None:
    LOG.mkdir(parents=True, exist_ok=True)
    log = LOG / "up.log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "yiwang.site.cli", "up", "--port", str(port)],
            stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    while STARTED not in log.read_text(errors="replace"):
        if child.poll() is not None:
            raise fail(f"启动失败：\n{log.read_text(errors='replace')}")
        time.sleep(0.2)
    say(log.read_text(errors="replace"))
    say(f"在后台运行（进程 {child.pid}），停止用 ./run down。")


def down() -> None:
    """Stop what `up` started, and the embedded database."""
    try:
        with localdb.exclusive(LOCK, "{holder}"):
            end_orphans()
            say("没有正在运行的 ./run up。")
    except localdb.DatabaseProblem as busy:
        process = int(str(busy))
        os.kill(process, signal.SIGTERM)
        deadline = time.monotonic() + 30
        while _alive(process):
            if time.monotonic() > deadline:
                raise fail(f"进程 {process} 30 秒内没有停下，请检查后手工结束。") from None
            time.sleep(0.1)
        say("已停止。")
    if not os.environ.get("DATABASE_URL"):
        localdb.stop()


def _alive(process: int) -> bool:
    """A zombie whose parent has not collected it yet is not alive."""
    try:
        os.kill(process, 0)
        state = Path(f"/proc/{process}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
