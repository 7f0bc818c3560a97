"""Which records are one entity: accepted matches under people's decisions. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

Pair = tuple[str, str]


@dataclass(frozen=True)
class Verdict:
    """A decision in force: `same`, or apart: no record of `left` with one of `right`. `keeps`: whose identity goes on."""

    same: bool
    left: tuple[str, ...]
    right: tuple[str, ...]
    keeps: UUID | None = None


def identity(uids: Sequence[UUID], verdicts: Sequence[Verdict]) -> UUID:
    """Which of `uids`, the oldest record's first, goes on for all: what a person chose last, else the oldest."""
    chosen = {each.keeps: place for place, each in enumerate(verdicts)}
    return max((uid for uid in uids if uid in chosen), key=lambda uid: chosen[uid], default=uids[0])


def pair(a: str, b: str) -> Pair:
    return (a, b) if a <= b else (b, a)


def clusters(
    refs: Iterable[str], edges: Iterable[tuple[str, str, float]], verdicts: Sequence[Verdict]
) -> list[frozenset[str]]:
    """Partition of `refs`. People's word goes before matches, the later word about a pair before the earlier one.

    Matches join from the surest down; one that would bring together what a person held apart is left out. The result
    does not depend on the order of `refs` or `edges`; edges to unknown records are ignored.
    """
    groups = _Groups(refs)
    apart, same = _by_pair(verdicts)
    for a, b in apart:
        groups.hold_apart(a, b)
    for a, b in same:
        groups.join(a, b)
    for _, (a, b) in sorted({(-probability, pair(a, b)) for a, b, probability in edges}):
        groups.join(a, b)
    return groups.all()


def _by_pair(verdicts: Sequence[Verdict]) -> tuple[list[Pair], list[Pair]]:
    """Pairs held apart and pairs said to be one, each by the last word about it."""
    last: dict[Pair, bool] = {}
    for verdict in verdicts:
        for a in verdict.left:
            for b in verdict.right:
                last.pop(pair(a, b), None)
                last[pair(a, b)] = verdict.same
    return [each for each, same in last.items() if not same], [each for each, same in last.items() if same]


class _Groups:
    """Union-find with enemies."""

    def __init__(self, refs: Iterable[str]) -> None:
        self.parent = {ref: ref for ref in refs}
        self.members: dict[str, list[str]] = {}
        self.enemies: dict[str, set[str]] = {}

    def root(self, ref: str) -> str:
        while self.parent[ref] != ref:
            self.parent[ref] = self.parent[self.parent[ref]]
            ref = self.parent[ref]
        return ref

    def hold_apart(self, a: str, b: str) -> None:
        if a in self.parent and b in self.parent and a != b:
            self.enemies.setdefault(a, set()).add(b)
            self.enemies.setdefault(b, set()).add(a)

    def join(self, a: str, b: str) -> None:
        if a not in self.parent or b not in self.parent:
            return
        one, two = sorted((self.root(a), self.root(b)))
        if one == two or any(self.root(enemy) == two for enemy in self.enemies.get(one, ())):
            return
        self.parent[two] = one
        if foes := self.enemies.pop(two, None):
            self.enemies.setdefault(one, set()).update(foes)

    def all(self) -> list[frozenset[str]]:
        found: dict[str, list[str]] = {}
        for ref in self.parent:
            found.setdefault(self.root(ref), []).append(ref)
        return sorted((frozenset(each) for each in found.values()), key=min)


def scored(found: Iterable[frozenset[str]], truth: Mapping[str, str]) -> dict[str, float | int]:
    """Pairwise precision, recall and F1 of a partition against known entities (ref → entity)."""
    wanted, made, right = _pairs(_sizes(truth.values())), 0, 0
    for cluster in found:
        known = [truth[ref] for ref in cluster if ref in truth]
        made += _pairs([len(known)])
        right += _pairs(_sizes(known))
    precision, recall = right / made if made else 1.0, right / wanted if wanted else 1.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {
        "true_pairs": wanted,
        "found_pairs": made,
        "right_pairs": right,
        "precision": precision,
        "recall": recall,
        "f1": f1,
    }


def _sizes(values: Iterable[str]) -> list[int]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return list(counts.values())


def _pairs(sizes: Iterable[int]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes)
