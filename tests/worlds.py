"""Worlds that are built once a module, in a transaction nobody commits; each test is a savepoint of it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

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
            _open.remove(world)


def give_up() -> None:
    """Roll the open worlds back for a test with transactions of its own; pytest-django runs these last in a module."""
    for world in _open:
        world.close()
