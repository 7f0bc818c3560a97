"""Statements asked at every page or act: prepared by the server, values bound there, no query built between."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import psycopg
from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

Row = tuple[Any, ...]
Facts = Mapping[str, Any]
# Values that no row has, by kind of parameter: they mark in the statement where the true ones go.
SAMPLES: dict[type, Callable[[int], Any]] = {
    int: lambda index: -1_987_654_321 - index,
    date: lambda index: date(1, 1, 1 + index),
    datetime: lambda index: datetime(1, 2, 1 + index, 3, 4, 5, tzinfo=UTC),
    str: lambda index: f"\x01{index}",
}


def ask(statement: str, facts: Facts | Sequence[Any] | None = None) -> list[Row]:
    """Rows of a statement. It goes through Django's cursor wrapper: transactions, errors and logs stay Django's."""
    connection.ensure_connection()
    # Where statements are logged they go by Django's own cursor: the driver forgets the text of a prepared one.
    raw: Any = None if connection.queries_logged else psycopg.Cursor(connection.connection)
    with connection.make_cursor(raw) if raw else connection.cursor() as cursor:
        cursor.execute(statement, facts)
        return list(cursor.fetchall()) if cursor.description else []


class Compiled:
    """A query set of plain values whose statement Django builds once: building a join of many tables takes longer than
    answering it.

    `make` takes the named parameters, each `int`, `str`, `date` or `datetime`, and may only pass them on.
    A date or an instant that is no parameter would stay as it was on the first day, so it is refused (ValueError).
    """

    def __init__(self, make: Callable[..., QuerySet[Any, Any]], **kinds: type) -> None:
        self._make, self._kinds = make, kinds
        self._sql, self._places = "", tuple[Any, ...]()

    def __call__(self, **given: Any) -> list[Row]:
        return ask(*self._filled(given))

    def within(self, **given: Any) -> RawSQL:
        """The statement as a part of another: `filter(pk__in=kept.within(day=day))`."""
        # The text is what Django wrote; values stay parameters.
        return RawSQL(*self._filled(given))  # noqa: S611

    def _filled(self, given: Facts) -> tuple[str, list[Any]]:
        if not self._sql:
            self._build()
        return self._sql, [self._bound(place, given) for place in self._places]

    def _build(self) -> None:
        samples = {name: SAMPLES[kind](index) for index, (name, kind) in enumerate(self._kinds.items())}
        sql, values = self._make(**samples).query.sql_with_params()
        names = {value: name for name, value in samples.items()}
        self._places = tuple(
            (names.get(value) if isinstance(value, int | date | str) else None, value) for value in values
        )
        unmarked = [value for name, value in self._places if name is None and isinstance(value, date)]
        if unmarked or {name for name, _ in self._places if name} != set(samples):
            raise ValueError(f"parameters {sorted(samples)} do not stand in the statement as given; also {unmarked}")
        self._sql = sql

    @staticmethod
    def _bound(place: tuple[str | None, Any], given: Facts) -> Any:
        name, sample = place
        if name is None:
            return sample
        # Django marks the width of an integer by a type of its own.
        return type(sample)(given[name]) if isinstance(sample, int) else given[name]
