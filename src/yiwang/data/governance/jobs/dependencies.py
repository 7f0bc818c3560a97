"""Functional dependencies that nearly hold in dirty data, found pair by pair."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Of the rows in groups of two or more, this share has the group's most frequent value.
CONFIDENT = 0.80
# How much that must be above what one value alone would give.
GAIN = 0.3
LARGEST = 20_000
# A second determinant has at most so many values, keeps this share of the rows and leaves at most this of the exceptions.
FEW, COVERED, EXPLAINED, CERTAIN = 50, 0.8, 0.7, 0.995


@dataclass(frozen=True)
class Dependency:
    """confidence: share of grouped rows with their group's majority value; rows: in groups of two or more."""

    determinants: tuple[str, ...]
    dependent: str
    confidence: float
    rows: int
    groups: int


def codes(values: Sequence[str]) -> tuple[NDArray[np.int64], int]:
    """0.. for values, -1 for nothing; how many there are."""
    seen: dict[str, int] = {}
    found = np.fromiter(
        (seen.setdefault(value, len(seen)) if value else -1 for value in values), dtype=np.int64, count=len(values)
    )
    return found, len(seen)


def discover(table: Mapping[str, Sequence[str]]) -> list[Dependency]:
    """Pairs A → B. Skipped: keys (every value once), constants, and a dependency that B's own majority explains."""
    coded = {field: codes(values[:LARGEST]) for field, values in table.items()}
    usable = {field: pair for field, pair in coded.items() if pair[1] > 1}
    found = []
    for determinant, (left, left_size) in usable.items():
        filled = int((left >= 0).sum())
        if left_size > 0.5 * filled:
            continue
        for dependent, (right, right_size) in usable.items():
            if dependent != determinant and (made := _measure((determinant,), dependent, left, right, right_size)):
                found.append(_refined(made, usable) if made.confidence < CERTAIN else made)
    return found


def _refined(found: Dependency, usable: Mapping[str, tuple[NDArray[np.int64], int]]) -> Dependency:
    """With a second determinant of few values, when that explains a good part of the exceptions."""
    first, dependent = found.determinants[0], found.dependent
    best, left = found, usable[first][0]
    for second, (also, size) in usable.items():
        if second in (first, dependent) or size > FEW:
            continue
        both = np.where((left >= 0) & (also >= 0), left * size + also, -1)
        made = _measure((first, second), dependent, both, *usable[dependent])
        if made and made.rows >= COVERED * found.rows and 1 - made.confidence < EXPLAINED * (1 - best.confidence):
            best = made
    return best


def _measure(
    determinants: tuple[str, ...], dependent: str, left: NDArray[np.int64], right: NDArray[np.int64], size: int
) -> Dependency | None:
    both = (left >= 0) & (right >= 0)
    a, b = left[both], right[both]
    if a.size < 20:
        return None
    pairs, counts = np.unique(a * size + b, return_counts=True)
    owner = pairs // size
    starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    totals, tops = np.add.reduceat(counts, starts), np.maximum.reduceat(counts, starts)
    grouped = totals > 1
    rows = int(totals[grouped].sum())
    if rows < 0.3 * a.size:
        return None
    confidence = float(tops[grouped].sum()) / rows
    chance = float(np.bincount(b).max()) / b.size
    if confidence < CONFIDENT or confidence - chance < GAIN * (1 - chance):
        return None
    return Dependency(determinants, dependent, round(confidence, 4), rows, int(grouped.sum()))
