"""Worlds that are built once a module or once a room, in a transaction nobody commits; each test is a savepoint of it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Generic, TypeVar

from django.db import transaction
from pytest_django import DjangoDbBlocker

Made = TypeVar("Made")
_open: list[ExitStack] = []


@contextmanager
def kept(blocker: DjangoDbBlocker, build: Callable[[], Made]) -> Iterator[Made]:
    """What `build` makes, for a fixture of module scope. Tests copy it: they may change what they are handed."""
    with blocker.unblock(), ExitStack() as world:
        world.enter_context(transaction.atomic())
        world.callback(transaction.set_rollback, True)
        _open.append(world)
        try:
            yield build()
        finally:
            if world in _open:
                _open.remove(world)


class _Shared(Generic[Made]):
    """One world for all modules of a room, built when first asked for and again after it was given up."""

    def __init__(self, build: Callable[[], Made]) -> None:
        self._build = build
        self._world: ExitStack | None = None
        self._made: list[Made] = []

    def made(self) -> Made:
        if self._world is None or self._world not in _open:
            with ExitStack() as world:
                world.enter_context(transaction.atomic())
                world.callback(transaction.set_rollback, True)
                self._made[:] = [self._build()]
                # Kept open only when built: each module that asks for a world that can't be built gets the reason.
                self._world = world.pop_all()
            _open.append(self._world)
        return self._made[0]

    def close(self) -> None:
        if self._world is not None and self._world in _open:
            _open.remove(self._world)
            self._world.close()


@contextmanager
def shared(blocker: DjangoDbBlocker, build: Callable[[], Made]) -> Iterator[Callable[[], AbstractContextManager[Made]]]:
    """For a fixture of package scope: what it yields gives each module the room's world in a savepoint of the module."""
    room = _Shared(build)

    @contextmanager
    def module() -> Iterator[Made]:
        with blocker.unblock():
            room.made()
        with kept(blocker, room.made) as made:
            yield made

    try:
        yield module
    finally:
        with blocker.unblock():
            room.close()


def give_up() -> None:
    """Roll the open worlds back, innermost first, for a test with transactions of its own; pytest-django runs these last
    in a module."""
    while _open:
        _open.pop().close()
