"""The same rules on the same rows by each engine, to prove that the verdicts agree."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Protocol

from yiwang.kernel.lake.dialects import Dialect
from yiwang.kernel.lake.expressions import Expression, staged

# True, False or None per rule, for one row.
Verdicts = tuple[bool | None, ...]
NUMBER = "row_number"


class Answering(Protocol):
    """What both engines offer: SQL in, rows out."""

    def __call__(self, sql: str) -> Iterable[Sequence[Any]]: ...


def by_python(rules: Sequence[Expression], rows: Iterable[Mapping[str, Any]], as_of: date) -> list[Verdicts]:
    return [tuple(rule.evaluate(row, as_of) for rule in rules) for row in rows]


def by_engine(ask: Answering, dialect: Dialect, table: str, rules: Sequence[Expression], as_of: date) -> list[Verdicts]:
    """`table` has a column row_number, 0 upwards."""
    source, renderer = staged([rule.root for rule in rules], dialect, table, as_of=as_of)
    columns = ", ".join(f"{renderer.render(rule.root)} AS r{place}" for place, rule in enumerate(rules))
    found = ask(f"SELECT {NUMBER}, {columns} FROM {source}")  # noqa: S608 - rendered
    return [tuple(row[1:]) for row in sorted(found, key=lambda row: row[0])]


def differences(
    rules: Sequence[Expression],
    rows: Sequence[Mapping[str, Any]],
    expected: Sequence[Verdicts],
    found: Sequence[Verdicts],
) -> list[str]:
    """A sentence per rule that an engine judges otherwise, with the first such row."""
    if len(expected) != len(found):
        return [f"{len(found)} rows judged instead of {len(expected)}"]
    wrong = []
    for place, rule in enumerate(rules):
        for row, right, other in zip(rows, expected, found, strict=True):
            if right[place] is not other[place]:
                shown = {name: row[name] for name in sorted(rule.columns)}
                wrong.append(f"{rule.text}: {other[place]} instead of {right[place]} for {shown!r}")
                break
    return wrong
