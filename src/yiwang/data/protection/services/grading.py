"""定级：按规则表就高从严（GB/T 43697-2024）。纯函数。"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

LOWEST, HIGHEST = 1, 4


@dataclass(frozen=True)
class GradeRule:
    """kinds: all must be present among the items. rows_from: how many rows the data must have. level: at least this."""

    code: str
    kinds: frozenset[str]
    rows_from: int
    level: int
    basis: str
    valid_from: date
    valid_until: date | None = None

    def in_force(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_until is None or on <= self.valid_until)


@dataclass(frozen=True)
class Grade:
    """The level an item must have at least and the rules that ask for it, the strictest first."""

    level: int
    rules: tuple[GradeRule, ...] = ()


def grades(items: Mapping[str, str], rows: int, rules: Iterable[GradeRule], on: date) -> dict[str, Grade]:
    """Item → grade, for items given with their sensitive kind ("" for none).

    A rule of one kind grades the items of that kind. A rule of several kinds (a combination that identifies a person) or
    with `rows_from` (scale) grades every item that takes part. The highest counts, never an average.
    """
    present = {kind for kind in items.values() if kind}
    found: dict[str, list[GradeRule]] = {name: [] for name in items}
    for rule in rules:
        if not rule.in_force(on) or rows < rule.rows_from or not rule.kinds <= present:
            continue
        for name, kind in items.items():
            if kind and kind in rule.kinds:
                found[name].append(rule)
    return {name: _highest(asked) for name, asked in found.items()}


def _highest(asked: list[GradeRule]) -> Grade:
    ordered = tuple(sorted(asked, key=lambda rule: (-rule.level, rule.code)))
    return Grade(ordered[0].level if ordered else LOWEST, ordered)


def of_resource(levels: Iterable[int]) -> int:
    """A resource is as high as its highest item (就高从严); without items, the highest."""
    return max(levels, default=HIGHEST)
