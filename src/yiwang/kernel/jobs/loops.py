"""Work that every worker process repeats: the sealer, timers, outboxes. Each loop must stand several at once."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Loop:
    """`callable` returns how much it did; after some work it is called again at once. First, `after_seconds`."""

    name: str
    callable: Callable[[], int | None]
    every_seconds: float
    after_seconds: float = 0.0


_loops: dict[str, Loop] = {}


def register(name: str, callable: Callable[[], int | None], every: float, after: float = 0.0) -> None:  # noqa: A002
    _loops[name] = Loop(name, callable, every, after)


def all_loops() -> list[Loop]:
    return list(_loops.values())
