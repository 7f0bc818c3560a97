"""Work that every worker process repeats: the sealer, timers, outboxes. Each loop must stand several at once."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Loop:
    """`callable` returns how much it did; after some work it is called again at once."""

    name: str
    callable: Callable[[], int | None]
    every_seconds: float


_loops: dict[str, Loop] = {}


def register(name: str, callable: Callable[[], int | None], every_seconds: float) -> None:  # noqa: A002 - contract
    _loops[name] = Loop(name, callable, every_seconds)


def all_loops() -> list[Loop]:
    return list(_loops.values())
