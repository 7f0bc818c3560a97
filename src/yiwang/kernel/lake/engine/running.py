"""The parent's side: start a run, wait for it, end it when it overruns, and say why in words."""

import atexit
import logging
import math
import os
import resource
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yiwang.kernel.access.actors import Conflict, Invalid, Refused
from yiwang.kernel.jobs import services as jobs
from yiwang.kernel.lake import places
from yiwang.kernel.lake.engine.guard import refuse_in_a_request
from yiwang.kernel.lake.opening import Opened
from yiwang.kernel.lake.process.wire import Lines, encode

logger = logging.getLogger(__name__)
THREADS = min(os.cpu_count() or 1, 4)
LARGEST_FILE_MB = 64 << 10
LOOK_SECONDS = 0.1
RULE = "数据计算的资源限额"


@dataclass(frozen=True)
class Usage:
    """What one run took: wall clock and processor seconds, the largest resident set in MiB."""

    function: str
    seconds: float
    cpu_seconds: float
    rss_mb: int


_observed: ContextVar[list[Usage] | None] = ContextVar("what runs took", default=None)


@contextmanager
def observed() -> Iterator[list[Usage]]:
    """Collects what every run inside takes."""
    found: list[Usage] = []
    token = _observed.set(found)
    try:
        yield found
    finally:
        _observed.reset(token)


class EngineFailed(Refused):
    """A run that ended without an answer; `detail` is for the log, not for officers."""

    status = 500

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message, rule=RULE, code="engine")
        self.detail = detail


class _Nursery:
    """The one nursery of this process, begun again when it died."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.control: socket.socket | None = None

    def send(self, functions: Iterable[str], stream: socket.socket | None) -> None:
        modules = " ".join(dict.fromkeys(name.partition(":")[0] for name in functions))
        with self.lock:
            for _ in range(2):
                try:
                    socket.send_fds(self._alive(), [modules.encode()], [] if stream is None else [stream.fileno()])
                    return
                except OSError:
                    self.stop()
        raise EngineFailed("数据计算进程无法启动，没有执行。请联系系统管理员查看运行日志。")

    def _alive(self) -> socket.socket:
        # That the other end is gone is told by sending; a forked process goes on with the nursery of its parent.
        if self.control is not None:
            return self.control
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Fewer arenas: address space is limited, and threads are few.
        environment = {**os.environ, "MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "1"}
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "yiwang.kernel.lake.process.nursery", str(theirs.fileno())],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=environment,
            )  # fmt: skip
        self.control = ours
        return ours

    def stop(self) -> None:
        if self.control is not None:
            self.control.close()
        if self.process is not None:
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.control = self.process = None


_nursery = _Nursery()
atexit.register(_nursery.stop)


def warm(functions: Iterable[str]) -> None:
    """Have the nursery ready before the first run of these functions."""
    _nursery.send(functions, None)


def run(
    function: str, params: Mapping[str, Any], *, memory_mb: int = 1024, seconds: float = 300.0, threads: int = THREADS,
    folder: Path | None = None, job_id: int | None = None, progress: Callable[[int, int, str], None] | None = None,
) -> Any:  # fmt: skip
    """Run `module:function` as `function(task, **params)` in a limited process; its small JSON result.

    `memory_mb` and `seconds` (wall clock) end the run with a sentence. Files the function writes into `task.folder`
    stay when the caller gives the `folder`, else they go with the run. Files of the lake that lie sealed are open for
    the run. A refusal inside is raised here unchanged.
    """
    refuse_in_a_request()
    with ExitStack() as stack:
        opened = stack.enter_context(Opened())
        given = opened.within(params)
        chosen = folder or stack.enter_context(places.work_folder(opened.size))
        child = stack.enter_context(_born((function,), chosen, memory_mb, seconds, threads))
        watch = _Watch(child, function, seconds, progress or _job_progress(job_id))
        watch.send(given, last=True)
        return watch.result()


class Session:
    """Several runs in one process, one after the other. What a run leaves in `task.kept` the next one finds there; all
    write into `folder`. A run that is refused ends nothing; one that overruns or dies ends the session."""

    def __init__(self, child: "_Child", opened: Opened) -> None:
        self._child, self._opened = child, opened
        self.folder = child.folder

    def run(
        self, function: str, params: Mapping[str, Any], *, seconds: float = 300.0, job_id: int | None = None,
        progress: Callable[[int, int, str], None] | None = None,
    ) -> Any:  # fmt: skip
        """As `run`; `seconds` of wall clock are this run's own. What is opened for it stays open for those that follow."""
        return self.begin(function, params, seconds=seconds, progress=progress or _job_progress(job_id))()

    def begin(
        self, function: str, params: Mapping[str, Any], *, seconds: float = 300.0,
        progress: Callable[[int, int, str], None] | None = None,
    ) -> Callable[[], Any]:  # fmt: skip
        """As `run`, but go on meanwhile: what it gives waits for the result. Until then the session runs nothing else."""
        watch = _Watch(self._child, function, seconds, progress)
        watch.send(self._opened.within(params), last=False)
        return watch.result


@contextmanager
def session(
    functions: Iterable[str], *, memory_mb: int = 1024, seconds: float = 300.0, threads: int = THREADS, clear: int = 0
) -> Iterator[Session]:
    """A process for runs that share what they read; it ends with the block, and its folder goes.

    `functions`: those it will run, imported beforehand. `seconds`: what all of them together may take. `clear`: bytes
    of what it reads that may not lie in the clear on a disk, as `places.work_folder` has it.
    """
    refuse_in_a_request()
    with (
        Opened() as opened,
        places.work_folder(clear) as folder,
        _born(functions, folder, memory_mb, seconds, threads) as child,
    ):
        yield Session(child, opened)


def _job_progress(job_id: int | None) -> Callable[[int, int, str], None] | None:
    return None if job_id is None else lambda done, total, message: jobs.progress(job_id, done, total, message)


@dataclass
class _Child:
    """A forked process before or after its first request; `born_mb`: what it had of its own at that moment."""

    stream: socket.socket
    lines: Lines
    folder: Path
    limits: dict[str, int]
    pid: int | None = None
    born_mb: int = 0


@contextmanager
def _born(functions: Iterable[str], folder: Path, memory_mb: int, seconds: float, threads: int) -> Iterator[_Child]:
    file_mb = max(1, min(LARGEST_FILE_MB, shutil.disk_usage(folder).free >> 20))
    limits = {
        "memory_mb": memory_mb, "threads": threads, "cpu_seconds": math.ceil(seconds * threads) + 5, "file_mb": file_mb,
    }  # fmt: skip
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            _nursery.send(functions, theirs)
        yield _Child(ours, Lines(ours), folder, limits)


class _Watch:
    """Waits for one run."""

    def __init__(
        self, child: _Child, function: str, seconds: float, progress: Callable[[int, int, str], None] | None
    ) -> None:
        self.child, self.function, self.seconds, self.progress = child, function, seconds, progress
        self.memory_mb = child.limits["memory_mb"]
        self.answer: dict[str, Any] | None = None
        self.begun, self.last = time.monotonic(), False

    def send(self, params: Mapping[str, Any], *, last: bool) -> None:
        """`last`: the process ends with this run, and its end is waited for."""
        self.last = last
        request = {**self.child.limits, "function": self.function, "params": params, "folder": str(self.child.folder),
                   "last": last}  # fmt: skip
        stream = self.child.stream
        if stream.fileno() < 0:
            raise self._ended(None)
        stream.settimeout(self.seconds)
        try:
            stream.sendall(encode(request))
        except (BrokenPipeError, ConnectionResetError) as error:
            raise self._ended(None) from error

    def result(self) -> Any:
        deadline = self.begun + self.seconds
        self.child.stream.settimeout(LOOK_SECONDS)
        while True:
            try:
                message = self.child.lines.next()
            except TimeoutError:
                self._look(deadline)
                continue
            if message is None or "exit" in message:
                return self._judge(message)
            self._hear(message)
            if self.answer is not None and not self.last:
                return self._judge(self.answer)
            if time.monotonic() > deadline and self.answer is None:
                self._overrun()

    def _hear(self, message: dict[str, Any]) -> None:
        if "pid" in message:
            self.child.pid, self.child.born_mb = message["pid"], private_mb(message["pid"])
        elif "progress" in message:
            if self.progress is not None:
                self.progress(*message["progress"])
        else:
            self.answer = message

    def _look(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            self._overrun()
        used = private_mb(self.child.pid) - self.child.born_mb if self.child.pid is not None else 0
        if used > self.memory_mb:
            raise self._memory(f"{used} MB in use")

    def _overrun(self) -> None:
        self.child.stream.close()
        raise EngineFailed(
            f"数据计算超过 {self.seconds:g} 秒的上限，已中止，没有留下结果。请缩小数据范围、简化规则，或请系统管理员放宽限额。",
            f"{self.function} overran {self.seconds} s",
        )

    def _memory(self, detail: str) -> EngineFailed:
        logger.warning("engine: %s out of %d MB: %s", self.function, self.memory_mb, detail)
        self.child.stream.close()
        return EngineFailed(
            f"数据计算超过 {self.memory_mb} MB 内存的上限，已中止，没有留下结果。请缩小数据范围，或请系统管理员放宽限额。",
            detail,
        )

    def _judge(self, end: dict[str, Any] | None) -> Any:
        answer, seen = self.answer, _observed.get()
        if seen is not None and end is not None:
            seen.append(Usage(self.function, time.monotonic() - self.begun, end["cpu_seconds"], end["rss_mb"]))
        if answer is None:
            raise self._ended(end)
        if "refused" in answer:
            if answer["refused"] == "invalid":
                raise Invalid(answer["message"], errors=answer["errors"], rule=answer["rule"])
            kind = Conflict if answer["refused"] == "conflict" else Refused
            raise kind(answer["message"], rule=answer["rule"])
        if "failed" in answer:
            raise self._failed(answer)
        return answer["result"]

    def _failed(self, answer: dict[str, Any]) -> EngineFailed:
        if answer["failed"] == "memory":
            return self._memory(answer["detail"])
        kind, detail = answer.get("kind", answer["failed"]), answer.get("detail", "")
        logger.error("engine: %s failed: %s: %s\n%s", self.function, kind, detail, answer.get("where", ""))
        return EngineFailed(
            f"数据计算出错（{kind}），没有留下结果。请联系系统管理员查看运行日志。", f"{kind}: {detail}"
        )

    def _ended(self, end: dict[str, Any] | None) -> EngineFailed:
        self.child.stream.close()
        code = None if end is None else end["exit"]
        logger.error("engine: %s ended without an answer: %s", self.function, end)
        if code in (-24, -9) and end is not None:
            return EngineFailed(
                "数据计算用完了处理器时间或内存，被系统中止，没有留下结果。请缩小数据范围，或请系统管理员放宽限额。",
                str(end),
            )
        return EngineFailed("数据计算进程意外结束，没有留下结果。请稍后重试；再次出现请联系系统管理员。", str(end))


def private_mb(pid: int) -> int:
    """Resident memory that is the child's own, in MiB; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0
    return ((int(fields[1]) - int(fields[2])) * resource.getpagesize()) >> 20
