"""Rows of models read and written by statements of our own, at every act and every timer."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from django.db.models import Model

from yiwang.kernel.bulk.statements import Facts, Row, ask


@dataclass(frozen=True)
class Table:
    """The columns of a model as statements name them; `own` leaves the key out, for rows to be inserted."""

    name: str
    columns: tuple[str, ...]
    own: tuple[str, ...]
    values: Callable[[Any], Row]

    @classmethod
    def of(cls, model: type[Model]) -> "Table":
        fields = model._meta.concrete_fields
        own = [field for field in fields if not field.primary_key]
        return cls(
            model._meta.db_table, tuple(field.attname for field in fields), tuple(field.attname for field in own),
            attrgetter(*(field.attname for field in own)),
        )  # fmt: skip

    def selected(self, alias: str) -> str:
        return ", ".join(f"{alias}.{column}" for column in self.columns)


class Writing:
    """Inserts and updates that go to the server as one statement. All of them see the rows as they were before, so
    none may touch a row that another one writes."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._facts: dict[str, Any] = {}

    def _bind(self, value: Any) -> str:
        name = f"v{len(self._facts)}"
        self._facts[name] = value
        return f"%({name})s"

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
        """Returns the name under which the keys of the new rows come back."""
        lines = ", ".join(
            "(" + ", ".join(value.text if isinstance(value, Term) else self._bind(value) for value in row) + ")"
            for row in rows
        )
        return self._part(f"insert into {table} ({', '.join(columns)}) values {lines} returning id")  # noqa: S608 - names of our own models

    def update(self, table: str, values: Facts, keys: Sequence[int], *, by: str = "id") -> str:
        pairs = ", ".join(f"{name} = {self._bind(value)}" for name, value in values.items())
        return self._part(f"update {table} set {pairs} where {by} = any({self._bind(list(keys))}) returning id")  # noqa: S608 - names of our own models

    def _part(self, text: str) -> str:
        name = f"w{len(self._parts)}"
        self._parts.append(f"{name} as ({text})")
        return name

    def run(self) -> dict[str, list[int]]:
        """Write; the keys of the rows written, by part, in the order given."""
        if not self._parts:
            return {}
        names = [part.split(" ", 1)[0] for part in self._parts]
        keys = " union all ".join(f"select '{name}', id from {name}" for name in names)  # noqa: S608 - our own names
        found: dict[str, list[int]] = {name: [] for name in names}
        for name, key in ask(f"with {', '.join(self._parts)} {keys}", self._facts):
            found[name].append(key)
        return found


@dataclass(frozen=True)
class Term:
    """A value that the server works out, e.g. the key of a row inserted by another part."""

    text: str
