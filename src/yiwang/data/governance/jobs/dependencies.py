"""Functional dependencies that nearly hold in dirty data, found pair by pair."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Of the rows in groups of two or more, this share has the group's most frequent value.
CONFIDENT = 0.80
# How much that must be above what one value alone would give.
GAIN = 0.3
# In a very dirty table less will do, where nearly every group has one value at least twice as often as any other.
NOISY, CLEAR = (0.6, 0.5), 0.9
# Where groups of more than the first share do not fulfil it, the others must do so nearly all.
WHOLE, PARTIAL = 0.05, (0.95, 0.9)
# Several reporters of one object: at least so many of each, and what they say has this much in common.
REPORTERS, TOLD = 3, (0.4, 0.4)
# A second value of a group is no slip when so many rows have it, and a multiple of what other groups show (at least this share).
RECURRING, USUAL = 3, 0.01
LARGEST = 20_000
# A second determinant has at most so many values, keeps this share of the rows and leaves at most this of the exceptions.
FEW, COVERED, EXPLAINED, CERTAIN = 50, 0.8, 0.7, 0.995
Coded = tuple[NDArray[np.int64], int]


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
    return found + _reported(table, usable, found)


def _reported(
    table: Mapping[str, Sequence[str]], usable: Mapping[str, Coded], found: Sequence[Dependency]
) -> list[Dependency]:
    """One object told of by several reporters, each once: what they say of it ought to be the same, however much they differ.

    Reporter and object are a key together, and the object determines something anyway. A reporter that is a day, a
    month or a number is none: what differs from month to month is no contradiction.
    """
    known = {(each.determinants, each.dependent) for each in found}
    made = []
    for reporter, (tellers, tellers_size) in usable.items():
        if tellers_size < REPORTERS or _counts_time(table[reporter]):
            continue
        for told in {each.determinants[0] for each in found if len(each.determinants) == 1} - {reporter}:
            left, size = usable[told]
            both = (left >= 0) & (tellers >= 0)
            pairs = np.unique(left[both] * tellers_size + tellers[both]).size
            if pairs < both.sum() or pairs < REPORTERS * max(size, tellers_size):
                continue
            for dependent, (right, right_size) in usable.items():
                if dependent not in (told, reporter) and ((told,), dependent) not in known:
                    one = _measure((told,), dependent, left, right, right_size, TOLD)
                    made += [one] if one else []
    return made


def _counts_time(values: Sequence[str]) -> bool:
    filled = [value for value in values if value]
    return sum(any(sign.isdigit() for sign in value) for value in filled) > 0.5 * len(filled)


def _refined(found: Dependency, usable: Mapping[str, Coded]) -> Dependency:
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


def contested(totals: NDArray[np.int64], seconds: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Groups in which a second value is too frequent for a mistake, by what the other groups of the dependency show.

    Zip 0 of a table that writes 0 for unknown, a county with two hospitals: there the dependency does not hold, and
    nothing may be voted on. totals: rows of each group, seconds: how many have its second most frequent value.
    """
    shares = np.sort((seconds / np.maximum(totals, 1))[totals >= 4])
    usual = max(float(shares[shares.size // 2]) if shares.size else 0.0, USUAL)
    expected = usual * totals
    found: NDArray[np.bool_] = (seconds >= RECURRING) & (seconds > 2 * expected + 3 * np.sqrt(expected))
    return found


def _measure(
    determinants: tuple[str, ...],
    dependent: str,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    size: int,
    asked: tuple[float, float] | None = None,
) -> Dependency | None:
    both = (left >= 0) & (right >= 0)
    a, b = left[both], right[both]
    if a.size < 20:
        return None
    pairs, counts = np.unique(a * size + b, return_counts=True)
    order = np.lexsort((-counts, pairs // size))
    owner, counts = (pairs // size)[order], counts[order]
    starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    totals, tops = np.add.reduceat(counts, starts), counts[starts]
    seconds = np.where(np.diff(np.r_[starts, counts.size]) > 1, np.r_[counts, 0][starts + 1], 0)
    split = contested(totals, seconds)
    held = (totals > 1) & ~split
    rows = int(totals[held].sum())
    if rows < 0.3 * a.size:
        return None
    confidence = float(tops[held].sum()) / rows
    chance = float(np.bincount(b).max()) / b.size
    large = held & (totals >= 4)
    clear = float((tops >= 2 * seconds)[large].sum()) / max(1, int(large.sum()))
    if asked:
        least, gain = asked
    elif totals[split].sum() > WHOLE * a.size:
        least, gain = PARTIAL
    else:
        least, gain = NOISY if confidence < CONFIDENT and clear >= CLEAR else (CONFIDENT, GAIN)
    if confidence < least or confidence - chance < gain * (1 - chance):
        return None
    return Dependency(determinants, dependent, round(confidence, 4), rows, int(held.sum()))
