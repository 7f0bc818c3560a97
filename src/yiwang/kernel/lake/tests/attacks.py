"""Functions that the engine's tests run inside its process."""

import os
import resource
import socket
import sys
import time
from typing import Any

from django.apps import apps

from yiwang.kernel.access.actors import Conflict, Invalid
from yiwang.kernel.lake.process.task import Task


def double(task: Task, value: int) -> int:
    task.progress(1, 2, "一半")
    return 2 * value


def add(task: Task, value: int) -> list[int]:
    """What runs of one process left so far, this one's value with it."""
    task.kept.setdefault("values", []).append(value)
    return list(task.kept["values"])


def knows(task: Task, module: str) -> list[bool]:
    """Whether this process was born with a module, and with a Django set up."""
    return [module in sys.modules, apps.ready]


def query(task: Task, sql: str, reads: list[str] | None = None) -> list[list[Any]]:
    return [list(row) for row in task.connect(reads or []).rows(sql)]


def made(task: Task) -> dict[str, Any]:
    columns = [{"name": "id", "type": "integer"}, {"name": "name", "type": "text"}]
    count = task.write("out.parquet", columns, ((number, f"户{number}") for number in range(50_000)))
    path = str(task.folder / "out.parquet")
    return {"count": count, "read": task.connect([path]).value("SELECT count(*) FROM read_parquet(?)", [path])}


def refuse(task: Task, kind: str) -> None:
    if kind == "conflict":
        raise Conflict("正忙", rule="规则")
    raise Invalid("写错了", errors={"a": ["错"]}, rule="规则")


def sleep(task: Task) -> None:
    time.sleep(60)


def spin(task: Task) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (1, 2))
    while True:
        pass


def bomb(task: Task) -> None:
    held = []
    while True:
        held.append(bytearray(16 << 20))


def slow_bomb(task: Task) -> None:
    """Below the address space's limit, above the memory's."""
    held = bytearray((task.memory_mb + 200) << 20)
    held[::4096] = b"x" * len(held[::4096])
    time.sleep(60)


def die(task: Task) -> None:
    os.kill(os.getpid(), 11)


def large(task: Task) -> str:
    return "x" * (8 << 20)


def limits(task: Task) -> dict[str, int]:
    return {
        "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
        "nice": os.nice(0),
        "parent": os.getppid(),
        "pid": os.getpid(),
    }


def leaked_handles(task: Task) -> list[str]:
    """Open sockets besides the job's own."""
    found = []
    for handle in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{handle}")
        except OSError:
            continue
        if target.startswith("socket:"):
            found.append(target)
    own = os.readlink(f"/proc/self/fd/{task._stream.fileno()}")
    return sorted({target for target in found if target != own})


def network(task: Task) -> None:
    socket.create_connection(("127.0.0.1", 1), timeout=1)
