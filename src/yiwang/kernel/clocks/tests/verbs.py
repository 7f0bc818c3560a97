"""The verbs of a case's clocks, each as an act of its own."""

from collections.abc import Callable
from typing import Any

from django.db import transaction

from yiwang.kernel.clocks.services import Book


def alone(verb: Callable[..., Any]) -> Callable[..., Any]:
    """A verb upon the clocks of the case with that key, in a transaction of its own."""

    def done(case_id: int, /, *given: Any, **named: Any) -> Any:
        with transaction.atomic():
            book = Book(case_id)
            made = verb(book, *given, **named)
            book.write()
        return made

    return done


start, suspend, resume, finish = alone(Book.start), alone(Book.suspend), alone(Book.resume), alone(Book.finish)
revive, void, restore, extend = alone(Book.revive), alone(Book.void), alone(Book.restore), alone(Book.extend)
