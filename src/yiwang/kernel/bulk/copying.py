"""Many new rows in one COPY: what `bulk_create` does, without a statement as long as all its values.

Inserting thousands of rows, Django and the driver spend more on building and quoting the statement than the database
on writing. COPY takes the values as they are. Constraints, triggers and the caller's transaction hold as for INSERT.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from enum import Enum
from itertools import islice
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models

PLAIN = frozenset({type(None), str, int, bool})
KEPT: tuple[tuple[Any, frozenset[type]], ...] = (
    (models.CharField | models.TextField | models.IntegerField | models.BooleanField, PLAIN),
    (models.DurationField, frozenset({type(None), timedelta})),
)
# Below this a statement is as quick, and one row's error names its values.
FEWEST = 50
Reader = Callable[[models.Model], Any]


def insert(model: type[models.Model], rows: Iterable[models.Model]) -> None:
    """Insert new rows of one plain model in the caller's transaction; they get their keys, in the order given.

    As with `bulk_create`, no signals are sent. Database errors are Django's (IntegrityError …).
    """
    found = list(rows)
    if len(found) < FEWEST:
        model._default_manager.bulk_create(found)
        return
    fields = [field for field in model._meta.concrete_fields if not field.generated]
    for row in found:
        # A related row may have got its key after it was assigned; as bulk_create does.
        row._prepare_related_fields_for_save(operation_name="insert")  # type: ignore[attr-defined]
    _number(model, [row for row in found if row.pk is None])
    readers = [reader(field) for field in fields]
    names = ", ".join(connection.ops.quote_name(field.column or "") for field in fields)
    table = connection.ops.quote_name(model._meta.db_table)
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy,
    ):
        for row in found:
            copy.write_row([read(row) for read in readers])
    for row in found:
        row._state.adding, row._state.db = False, connection.alias


def keys(model: type[models.Model], number: int) -> list[int]:
    """Primary keys drawn ahead of the insert, ascending."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [connection.ops.quote_name(model._meta.db_table), model._meta.pk.column, number],
        )
        return [row[0] for row in cursor.fetchall()]


def _number(model: type[models.Model], rows: Sequence[models.Model]) -> None:
    if rows:
        for row, key in zip(rows, islice(keys(model, len(rows)), len(rows)), strict=True):
            row.pk = key


def reader(field: "models.Field[Any, Any]") -> Reader:
    """How the value of a field is taken from a row and made fit for COPY."""
    fit = _fit(field)
    if type(field).pre_save is models.Field.pre_save:
        name = field.attname
        return lambda row: fit(getattr(row, name))
    return lambda row: fit(field.pre_save(row, True))


def _fit(field: "models.Field[Any, Any]") -> Callable[[Any], Any]:
    if isinstance(field, models.JSONField):
        return lambda value: None if value is None else _json(value, field.encoder)
    if isinstance(field, models.ForeignKey):
        return _fit(field.target_field)
    if isinstance(field, ArrayField) and isinstance(field.base_field, models.CharField | models.TextField):
        return lambda value: None if value is None else array(value)
    # Values that go as they are; asking the field for its form took longer than writing the row.
    moments = isinstance(field, models.DateTimeField)
    kept = next((types for kind, types in KEPT if isinstance(field, kind)), frozenset({type(None)}))

    def fit(value: Any) -> Any:
        if type(value) in kept or (moments and type(value) is datetime and value.tzinfo is not None):
            return value
        if kept is PLAIN and isinstance(value, Enum):
            return value.value
        made = field.get_db_prep_save(value, connection)
        return made.value if isinstance(made, Enum) else made

    return fit


def array(values: Iterable[str]) -> str:
    """PostgreSQL's text form of a one-dimensional array of texts."""
    found = list(values)
    joined = "".join(found)
    if "\\" in joined or '"' in joined:
        found = [one.replace("\\", "\\\\").replace('"', '\\"') for one in found]
    return '{"' + '","'.join(found) + '"}' if found else "{}"


def _json(value: Any, encoder: type[json.JSONEncoder] | None) -> str:
    return "{}" if value == {} else json.dumps(value, ensure_ascii=False, cls=encoder)
