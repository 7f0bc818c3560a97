"""What was found wrong cell by cell, said so that it can be accepted once and holds for every later package.

A value that is wrong in one place may be right in another: 江岸区 is no mistake but in a row whose street lies elsewhere.
So a value is rewritten everywhere only where no other row of the table has it rightly; else together with what the row
has in the fields that gave it away.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from yiwang.data.governance.jobs.mending import Depends, Mend, Table

# These give a value away by its writing alone.
PLAIN = frozenset({"unit", "float", "escape", "empty", "typo", "spilled"})


@dataclass(frozen=True)
class Value:
    """where: what the row has in the fields of `by`; old: "" for nothing; cells: how many were found."""

    where: tuple[str, ...]
    old: str
    new: str
    cells: int


@dataclass(frozen=True)
class Correction:
    """Values of one field, each written otherwise, looked up by the fields `by` besides its own."""

    field: str
    why: str
    by: tuple[str, ...]
    values: tuple[Value, ...]


def corrections(table: Table, mends: Sequence[Mend], dependencies: Sequence[Depends]) -> list[Correction]:
    """The mends of a table as received; those that no field of the row tells from a right value are left out."""
    outcome = {(each.row, each.field): each.new for each in mends}
    groups: dict[tuple[str, str], list[Mend]] = {}
    for each in mends:
        groups.setdefault((each.field, each.why), []).append(each)
    found: list[Correction] = []
    for (field, why), pending in groups.items():
        for by in _contexts(field, why, pending, dependencies):
            told = _told(table, field, by, pending, outcome)
            if told:
                values = Counter(((*_where(table, by, each.row),), each.old, each.new) for each in told)
                listed = (
                    Value(*key, cells) for key, cells in sorted(values.items(), key=lambda one: (-one[1], one[0]))
                )
                found.append(Correction(field, why, by, tuple(listed)))
            settled = {each.row for each in told}
            pending = [each for each in pending if each.row not in settled]
    return found


def _contexts(
    field: str, why: str, pending: Sequence[Mend], dependencies: Sequence[Depends]
) -> Iterator[tuple[str, ...]]:
    """Fields to look a value up by, those first that most of the mends were found by."""
    if why in PLAIN:
        yield ()
    named = Counter(each.by for each in pending if each.by)
    if why == "spilled":
        yield from ((name,) for name, _ in named.most_common())
        return
    known = [(determinants, confidence) for determinants, dependent, confidence in dependencies if dependent == field]
    known.sort(key=lambda one: (-named["、".join(one[0])], -one[1], one[0]))
    yield from (determinants for determinants, _ in known)


def _where(table: Mapping[str, Sequence[str]], by: tuple[str, ...], row: int) -> tuple[str, ...]:
    return tuple(table[name][row] for name in by)


def _told(
    table: Table, field: str, by: tuple[str, ...], pending: Sequence[Mend], outcome: Mapping[tuple[int, str], str]
) -> list[Mend]:
    """Mends whose value, looked up by these fields, is the same mistake in every row of the table."""
    wanted = {(_where(table, by, each.row), each.old): set[str]() for each in pending}
    for row, old in enumerate(table[field]):
        key = (_where(table, by, row), old)
        if key in wanted:
            wanted[key].add(outcome.get((row, field), old))
    return [
        each for each in pending
        if (by or each.old) and all(where := _where(table, by, each.row)) and wanted[where, each.old] == {each.new}
    ]  # fmt: skip
