"""Which source's value a golden record takes, field by field. Pure."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from yiwang.data.masters.terms import Survival

NO_PRIORITY = 100


@dataclass(frozen=True)
class Row:
    """One source row of an entity. `seen`: ISO date or time of its last change, "" unknown. `position`: of its source."""

    ref: str
    source: str
    position: int
    seen: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class Chosen:
    """A field's value with where it came from, why, and the refs that say something else."""

    value: str
    ref: str
    source: str
    seen: str
    rule: str
    against: tuple[str, ...]


def same(a: str, b: str) -> bool:
    """Full width, case and blanks make no difference."""
    return _plain(a) == _plain(b)


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).upper()


def survive(
    rows: Sequence[Row], fields: Sequence[str], priorities: Mapping[str, Mapping[str, int]]
) -> dict[str, Chosen]:
    """Field → choice; fields nobody fills are left out. `priorities`: source → field or "*" → 1 is first.

    The lowest priority number wins, then the latest `seen`, then the earlier declared source, then the ref: the choice
    depends on the rows alone, not on their order.
    """
    return {field: _choose(field, filled, priorities) for field in fields
            if (filled := [row for row in rows if row.values.get(field)])}  # fmt: skip


def _choose(field: str, filled: Sequence[Row], priorities: Mapping[str, Mapping[str, int]]) -> Chosen:
    def priority(row: Row) -> int:
        given = priorities.get(row.source, {})
        return given.get(field, given.get("*", NO_PRIORITY))

    # Stable sorts from the least to the most important; `seen` descends.
    ranked = sorted(filled, key=lambda row: (row.position, row.ref))
    ranked.sort(key=lambda row: row.seen, reverse=True)
    ranked.sort(key=priority)
    best, value = ranked[0], ranked[0].values[field]
    against = [row for row in ranked[1:] if not same(row.values[field], value)]
    rule = Survival.ONLY
    if len({row.source for row in filled}) > 1 or len(filled) > 1:
        rival = ranked[1]
        rule = (
            Survival.PRIORITY if priority(rival) != priority(best)
            else Survival.FRESH if rival.seen != best.seen else Survival.STEADY
        )  # fmt: skip
    return Chosen(value, best.ref, best.source, best.seen, str(rule), tuple(row.ref for row in against))
