"""Suggested values for cells that look wrong, by general means; a person accepts the rule behind each.

Four sources, strongest first: a way of writing (unit, percent sign, word for nothing), a value spilled into its
neighbour, the vote of functional dependencies, and closeness to a far more frequent value or word of the column.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape

import numpy as np

from yiwang.data.governance.jobs.dependencies import contested
from yiwang.standards.functions.writing import is_null_word

Table = dict[str, list[str]]
# Determinants, dependent, confidence.
Depends = tuple[tuple[str, ...], str, float]
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
UNIT = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*([^\d\s.,:/()-][^\d,:/()]{0,15})")
# Two quotes between letters, as SQL writes one.
DOUBLED = re.compile(r"(?<=\w)(['\"])\1(?=\w)")
# Digits of the shortest code with a check letter (GB 11714-1997: nine signs).
CODED = 9
# More decimals than anybody writes are what binary arithmetic left over.
NOISE = 10
# The share of the vote a new value needs, and in how many other rows.
MAJORITY, FEWEST = 0.6, 2
FREQUENT, TIMES, CLOSED = 3, 20, 0.9


@dataclass(frozen=True)
class Mend:
    """why: unit, empty, spilled, dependency or typo; `by`: the determining field of a dependency."""

    row: int
    field: str
    old: str
    new: str
    why: str
    by: str = ""


def plain_number(text: str) -> str:
    """12.0 → 12: the shortest writing of the same number."""
    if len(text.partition(".")[2]) > NOISE:
        text = f"{round(float(text), NOISE):.{NOISE}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def units(table: Table) -> Iterator[Mend]:
    """A column of numbers, some with a unit behind them in changing spelling: the number alone. A column in which
    every value carries the same unit is left alone, and one of codes that end in a check letter."""
    for field, values in table.items():
        filled = [value for value in values if value and not is_null_word(value)]
        marked = [found for value in filled if (found := UNIT.fullmatch(value))]
        bare = sum(NUMBER.fullmatch(value) is not None for value in filled)
        spellings = {found[2] for found in marked}
        if not marked or len(marked) + bare < 0.95 * len(filled) or (len(spellings) == 1 and not bare):
            continue
        if _coded(filled, [found[0] for found in marked]):
            continue
        for row, value in enumerate(values):
            found = UNIT.fullmatch(value)
            if found:
                yield Mend(row, field, value, plain_number(found[1]), "unit")


def _coded(filled: list[str], marked: list[str]) -> bool:
    """Whether the letter counts as a digit: with it a value is as long as nearly all of the column are."""
    usual, count = Counter(map(len, filled)).most_common(1)[0]
    return usual >= CODED and count >= 0.9 * len(filled) and all(len(value) == usual for value in marked)


def floats(table: Table) -> Iterator[Mend]:
    """A column that a program wrote as binary numbers (5.3, 7.0, 4.75): whole numbers without the point. Columns with a
    fixed number of decimals (12.50, 8.00) are written so on purpose."""
    for field, values in table.items():
        filled = [value for value in values if value and not is_null_word(value)]
        decimals = Counter(len(value.partition(".")[2]) for value in filled if NUMBER.fullmatch(value))
        if decimals.total() < 0.95 * len(filled) or len(decimals.keys() - {0}) < 2:
            continue
        for row, value in enumerate(values):
            if value.endswith(".0") and NUMBER.fullmatch(value):
                yield Mend(row, field, value, plain_number(value), "float")


def escapes(table: Table) -> Iterator[Mend]:
    """What a program wrote to protect a sign, and nobody took back: O''Boyle, &amp;."""
    for field, values in table.items():
        for row, value in enumerate(values):
            plain = DOUBLED.sub(r"\1", unescape(value) if "&" in value else value)
            if plain != value:
                yield Mend(row, field, value, plain, "escape")


def empties(table: Table) -> Iterator[Mend]:
    """Words that mean nothing, where the column otherwise holds something else."""
    for field, values in table.items():
        for row, value in enumerate(values):
            if value and is_null_word(value):
                yield Mend(row, field, value, "", "empty")


def spilled(table: Table) -> Iterator[Mend]:
    """The last word of a value belongs to an empty neighbour: “Portland OR | ” → “Portland | OR”."""
    for target, values in table.items():
        domain = {value for value, count in Counter(values).items() if value and count >= FREQUENT}
        if not 2 <= len(domain) <= 200:
            continue
        for source, holders in table.items():
            if source == target:
                continue
            hits = [
                row
                for row, (holder, value) in enumerate(zip(holders, values, strict=True))
                if not value and " " in holder and holder.rsplit(" ", 1)[1] in domain
            ]
            empty = sum(not value for value in values)
            if len(hits) < FEWEST or len(hits) < 0.5 * empty:
                continue
            for row in hits:
                rest, last = holders[row].rsplit(" ", 1)
                yield Mend(row, source, holders[row], rest, "spilled", target)
                yield Mend(row, target, "", last, "spilled", source)


def edits(first: str, second: str, most: int) -> int:
    """Levenshtein distance, or `most` + 1 when it is more."""
    if abs(len(first) - len(second)) > most:
        return most + 1
    before = list(range(len(second) + 1))
    for place, sign in enumerate(first, 1):
        row = [place]
        for other_place, other in enumerate(second, 1):
            row.append(min(before[other_place] + 1, row[-1] + 1, before[other_place - 1] + (sign != other)))
        if min(row) > most:
            return most + 1
        before = row
    return before[-1]


def close(first: str, second: str) -> bool:
    """A slip of the pen, not another value: a few signs in each word that differs; else a few signs of the whole."""
    if only_digits_differ(first, second):
        return False
    ones, others = first.split(), second.split()
    if len(ones) == len(others):
        pairs = [(one, other) for one, other in zip(ones, others, strict=True) if one != other]
        return bool(pairs) and all(_word_close(one, other) for one, other in pairs)
    most = min(4, len(second) // 5)
    return edits(first, second, most) <= most


def _word_close(one: str, other: str) -> bool:
    if only_digits_differ(one, other):
        return False
    most = 1 if len(other) <= 5 else 2 if len(other) <= 9 else 3
    return edits(one, other, most) <= most


DIGITS = str.maketrans("", "", "0123456789")


def only_digits_differ(first: str, second: str) -> bool:
    """12 and 13 are two values; 1x and 13 may be one."""
    if len(first) != len(second):
        return first.translate(DIGITS) == second.translate(DIGITS)
    pairs = [(one, other) for one, other in zip(first, second, strict=True) if one != other]
    return bool(pairs) and all(one.isdigit() and other.isdigit() for one, other in pairs)


@dataclass
class _Ballot:
    """Votes on one cell: weight of each value, and in how many other rows of a group it was seen at most."""

    weights: Counter[str]
    seen: Counter[str]
    by: str = ""


def grouped(table: Table, determinants: tuple[str, ...]) -> list[list[int]]:
    """Rows by what they have in the determining fields; those that lack one are in no group."""
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, key in enumerate(zip(*(table[name] for name in determinants), strict=True)):
        if all(key):
            groups[key].append(row)
    return list(groups.values())


def poll(table: Table, dependencies: Sequence[Depends]) -> dict[tuple[int, str], _Ballot]:
    """Each dependency votes with the other rows of the cell's group; a value that most of the votes are against yields
    to the one they are for. Groups in which the dependency does not hold have no vote."""
    ballots: dict[tuple[int, str], _Ballot] = {}
    for determinants, dependent, confidence in dependencies:
        groups = grouped(table, determinants)
        determinant = "、".join(determinants)
        values = table[dependent]
        counts = [Counter(value for row in rows if (value := values[row])) for rows in groups]
        seconds = [counted.most_common(2)[1][1] if len(counted) > 1 else 0 for counted in counts]
        split = contested(np.array([counted.total() for counted in counts]), np.array(seconds))
        for rows, counted, idle in zip(groups, counts, split, strict=True):
            if idle:
                continue
            if (len(rows) > FEWEST and len(counted) > 1) or (len(counted) == 1 and counted.total() < len(rows)):
                _vote(ballots, values, rows, counted, (determinant, dependent), confidence**8)
            elif len(rows) > FEWEST and counted:
                asked = [row for row in rows if (row, dependent) in ballots]
                _vote(ballots, values, asked, counted, (determinant, dependent), confidence**8)
    return ballots


def outvoted(table: Table, ballots: Mapping[tuple[int, str], _Ballot]) -> Iterator[Mend]:
    for (row, field), ballot in ballots.items():
        old = table[field][row]
        new, weight = ballot.weights.most_common(1)[0]
        if new != old and weight >= MAJORITY * ballot.weights.total() and ballot.seen[new] >= FEWEST:
            yield Mend(row, field, old, new, "dependency", ballot.by)


def _vote(
    ballots: dict[tuple[int, str], _Ballot], values: list[str], rows: list[int], counted: Counter[str], pair: tuple[str, str],
    weight: float,
) -> None:  # fmt: skip
    heard: dict[str, dict[str, int]] = {}
    for row in rows:
        own = values[row]
        if own not in heard:
            heard[own] = {value: count - (value == own) for value, count in counted.items() if count > (value == own)}
        others = heard[own]
        total = counted.total() - bool(own)
        if total < FEWEST:
            continue
        ballot = ballots.setdefault((row, pair[1]), _Ballot(Counter(), Counter(), pair[0]))
        for value, count in others.items():
            ballot.weights[value] += weight * count / total  # type: ignore[assignment]
            ballot.seen[value] = max(ballot.seen[value], count)


def _nearest(value: str, frequent: Counter[str], least: int) -> str:
    """The one frequent value that is close; the more frequent of two, when it is much more so, else none."""
    found = [
        (count, other) for other, count in frequent.items() if count >= least and other != value and close(value, other)
    ]
    found.sort(key=lambda pair: (-edits(value, pair[1], 12), pair[0]), reverse=True)
    if not found:
        return ""
    if (
        len(found) > 1
        and edits(value, found[0][1], 12) == edits(value, found[1][1], 12)
        and found[0][0] < 5 * found[1][0]
    ):
        return ""
    return found[0][1]


def typos(table: Table, ballots: Mapping[tuple[int, str], _Ballot], dependencies: Sequence[Depends]) -> Iterator[Mend]:
    """Where a column has a closed set of values, a rare value close to a frequent one; where it has a closed set of
    words, such a word in a value. A cell its dependencies agree with is left alone, and a new value must fit the row."""
    fits = _fits(table, dependencies)
    for field, values in table.items():
        counted = Counter(value for value in values if value)
        if not counted or all(NUMBER.fullmatch(value) for value in counted):
            continue
        common = sum(count for count in counted.values() if count >= FREQUENT)
        closed = common >= 0.8 * counted.total()
        words = Counter(word for value in values for word in value.split() if not NUMBER.fullmatch(word))
        spoken = words.total() and sum(count for count in words.values() if count >= 20) >= CLOSED * words.total()
        settled: set[int] | None = None
        for value, count in counted.items():
            new = _nearest(value, counted, max(FREQUENT, TIMES * count)) if closed else ""
            new = new or (_reworded(value, words) if spoken else "")
            if not new or new == value:
                continue
            settled = _settled(table, field, dependencies) if settled is None else settled
            for row, found in enumerate(values):
                ballot = ballots.get((row, field))
                agreed = row in settled or (ballot is not None and ballot.weights.most_common(1)[0][0] == value)
                if found == value and not agreed and fits(row, field, new):
                    yield Mend(row, field, value, new, "typo")


def _settled(table: Table, field: str, dependencies: Sequence[Depends]) -> set[int]:
    """Rows whose group all say the same of this field: nothing to vote on, and no slip."""
    found: set[int] = set()
    for determinants, dependent, _ in dependencies:
        if dependent == field:
            for rows in grouped(table, determinants):
                if len(rows) > FEWEST and len({table[field][row] for row in rows}) == 1:
                    found.update(rows)
    return found


def _fits(table: Table, dependencies: Sequence[Depends]) -> Callable[[int, str, str], bool]:
    """Whether what a value usually goes with is what its row would have, as far as the row's own value is usual."""
    usual: dict[tuple[str, str], dict[str, tuple[str, int]]] = {}
    known: dict[str, Counter[str]] = {}
    for determinants, dependent, confidence in dependencies:
        if len(determinants) > 1 or confidence < 0.9:
            continue
        groups: dict[str, Counter[str]] = defaultdict(Counter)
        for value, other in zip(table[determinants[0]], table[dependent], strict=True):
            groups[value][other] += 1
        usual[determinants[0], dependent] = {value: counted.most_common(1)[0] for value, counted in groups.items()}
        known.setdefault(dependent, Counter(table[dependent]))

    def fits(row: int, field: str, new: str) -> bool:
        for (determinant, dependent), values in usual.items():
            if determinant != field or new not in values or values[new][1] < FREQUENT:
                continue
            own = table[dependent][row]
            if own != values[new][0] and known[dependent][own] >= FREQUENT and not close(own, values[new][0]):
                return False
        return True

    return fits


def _reworded(value: str, words: Counter[str]) -> str:
    out = []
    for word in value.split():
        wrong = len(word) >= 4 and 0 < words[word] <= FREQUENT
        out.append((_nearest(word, words, 20) if wrong else "") or word)
    return " ".join(out) if out != value.split() else value


STEPS: tuple[Callable[[Table], Iterator[Mend]], ...] = (units, floats, escapes, empties, spilled)


def mend(table: Table, dependencies: Sequence[Depends], accepted: frozenset[str] = frozenset()) -> list[Mend]:
    """At most one suggestion a cell. `accepted`: kinds a person agreed to (empty: all)."""
    found: dict[tuple[int, str], Mend] = {}
    current = {field: list(values) for field, values in table.items()}

    def take(mends: Iterator[Mend]) -> None:
        for each in list(mends):
            key = (each.row, each.field)
            if accepted and each.why not in accepted:
                continue
            first = found.get(key)
            found[key] = Mend(each.row, each.field, first.old if first else each.old, each.new, each.why, each.by)
            current[each.field][each.row] = each.new

    for step in STEPS:
        take(step(current))
    for _ in range(2):
        take(outvoted(current, poll(current, dependencies)))
    take(typos(current, poll(current, dependencies), dependencies))
    take(outvoted(current, poll(current, dependencies)))
    return [each for each in found.values() if each.old != each.new]
