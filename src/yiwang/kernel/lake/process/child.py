"""The life of a forked child: limits first, then the named function, then one answer."""

import ctypes
import importlib
import os
import resource
import signal
import socket
import sys
import time
import traceback
from typing import Any, NoReturn

from yiwang.kernel.access.actors import Conflict, Invalid, Refused
from yiwang.kernel.lake.process import parquet
from yiwang.kernel.lake.process.connections import Connection
from yiwang.kernel.lake.process.task import Task
from yiwang.kernel.lake.process.wire import LONGEST_RESULT, Lines, encode

PR_SET_PDEATHSIG = 1
SLACK_MB = 512  # stacks, and address space that allocators reserve and never touch
KINDS: dict[str, type[Refused]] = {"refused": Refused, "invalid": Invalid, "conflict": Conflict}


def live(stream: socket.socket) -> NoReturn:
    """Never returns into the nursery."""
    code = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        _serve(stream)
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it was, this process ends here
        traceback.print_exc(file=sys.stderr)
    finally:
        sys.stderr.flush()
        os._exit(code)


def _serve(stream: socket.socket) -> None:
    """Answer one request, or as many as come until the one that is the last or the far end closes."""
    lines = Lines(stream)
    kept: dict[str, Any] = {}
    request = lines.next()
    if request is not None:
        _limit(request["memory_mb"], request["cpu_seconds"], request["file_mb"])
        stream.sendall(encode({"pid": os.getpid()}))
    while request is not None:
        before = time.process_time()
        answer = _answer(stream, request, kept)
        used = {"cpu_seconds": time.process_time() - before, "rss_mb": _largest_mb()}
        stream.sendall(encode({**answer, **used}))
        request = None if request["last"] else lines.next()


def _largest_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _limit(memory_mb: int, cpu_seconds: int, file_mb: int) -> None:
    with open("/proc/self/statm") as table:
        used = int(table.read().split()[0]) * resource.getpagesize()
    most = used + ((memory_mb + SLACK_MB) << 20)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_mb << 20, file_mb << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    os.nice(5)


def _answer(stream: socket.socket, request: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    try:
        module, _, name = request["function"].partition(":")
        function = getattr(importlib.import_module(module), name)
        result = function(Task(stream, request, Connection, parquet.write, kept), **request["params"])
        if len(encode({"result": result})) > LONGEST_RESULT:
            return {"failed": "result", "detail": "the result is too large: write a file"}
        return {"result": result}
    except Refused as refusal:
        kind = next(name for name, made in reversed(KINDS.items()) if isinstance(refusal, made))
        errors = getattr(refusal, "errors", {})
        return {"refused": kind, "message": refusal.message, "rule": refusal.rule, "errors": errors}
    except Exception as error:  # noqa: BLE001 - told to the parent, which has the words
        return _failure(error)


def _failure(error: BaseException) -> dict[str, Any]:
    name, detail = type(error).__name__, str(error)[:2000]
    if isinstance(error, MemoryError) or name in ("OutOfMemoryException", "ArrowMemoryError") or "bad_alloc" in detail:
        return {"failed": "memory", "detail": detail}
    where = traceback.format_exc(limit=-3)
    return {"failed": "error", "kind": name, "detail": detail, "where": where}
