"""What many people write about: near-duplicates and topics, from sparse similarities only.

Average linkage, not density: one bridge message cannot chain two events together, because a merge needs the mean over
all pairs. Similarity is kept for the nearest messages of each row only, so memory grows with the number of messages.
"""

import heapq
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.search import grams
from yiwang.kernel.search.arrays import Floats, Sparse, np, sparse
from yiwang.kernel.search.text import compact, tokens

HALF_LIFE_DAYS = 30.0
HEAT_FORMULA = "热度＝每位诉求人 0.5 的（最近一次诉求距统计时的天数÷30）次方之和；点赞数另列，不计入热度。"
# Mean similarity of all pairs below which two groups stay apart; the golden events hold from 0.06 to 0.12.
COHESION = 0.08
_NEIGHBOURS = 128
_FLOOR = 0.02
_BLOCK = 512
_LARGEST_SHARE = 0.05


@dataclass(frozen=True)
class Pair:
    first: int
    second: int
    score: float


@dataclass(frozen=True)
class Topic:
    """Members are positions in the caller's list; likes stand apart and never count as heat."""

    members: tuple[int, ...]
    terms: tuple[str, ...]
    people: int
    heat: float
    first: datetime
    last: datetime
    likes: int
    # Evidence: the most typical member, the mean similarity of all pairs, the share of members holding each term.
    typical: int
    cohesion: float
    shares: tuple[tuple[str, float], ...]


def near_duplicates(texts: Sequence[str], least: float = 0.8) -> list[Pair]:
    """Pairs of texts whose passages agree; `first` < `second`, best first."""
    stream = grams.characters([compact(text) for text in texts])
    near = _nearest(_unit(_family(stream, (2, 3), len(texts))), least, _NEIGHBOURS).tocoo()
    rows = zip(near.row.tolist(), near.col.tolist(), near.data.tolist(), strict=True)
    found = [Pair(row, column, min(1.0, score)) for row, column, score in rows if row < column]
    return sorted(found, key=lambda pair: (-pair.score, pair.first, pair.second))


def duplicate_groups(texts: Sequence[str], least: float = 0.8) -> list[int]:
    """A group number per text, near-duplicates joined, for folds that must not be straddled."""
    group = list(range(len(texts)))

    def root(index: int) -> int:
        while group[index] != index:
            group[index] = group[group[index]]
            index = group[index]
        return index

    for pair in near_duplicates(texts, least):
        low, high = sorted((root(pair.first), root(pair.second)))
        group[high] = low
    return [root(index) for index in range(len(texts))]


def clusters(
    texts: Sequence[str],
    times: Sequence[datetime],
    people: Sequence[Hashable],
    *,
    likes: Sequence[int] = (),
    now: datetime | None = None,
    cohesion: float = COHESION,
    least_members: int = 3,
) -> list[Topic]:
    """Topics by falling heat. Title and body belong into one text. The order of the input changes nothing."""
    if not len(texts) == len(times) == len(people) or (likes and len(likes) != len(texts)):
        raise Invalid("话题分析的正文、时间、诉求人数量不一致。")
    if not texts:
        return []
    bodies = [compact(text) for text in texts]
    order = sorted(range(len(texts)), key=lambda i: (bodies[i], times[i], repr(people[i])))
    cut = [tokens(texts[i]) for i in order]
    near = _nearest(_features([bodies[i] for i in order], cut), _FLOOR, _NEIGHBOURS)
    largest = max(20, int(_LARGEST_SHARE * len(texts)))
    spread = Counter(term for row in cut for term in set(_phrases(row)))
    at = now or max(times)
    found = []
    for group in _Linkage(near, cohesion, largest).groups():
        if len(group) >= least_members:
            typical, mean = _centre(near, group)
            shares = _shares([cut[i] for i in group], spread, len(texts))
            members = [order[i] for i in group]
            found.append(_topic(members, order[typical], mean, shares, times, people, likes, at))
    return sorted(found, key=lambda topic: (-topic.heat, topic.first, topic.terms, topic.members))


def heat(times: Sequence[datetime], people: Sequence[Hashable], now: datetime) -> float:
    """Distinct people, each weighted by how recently they last wrote."""
    latest: dict[Hashable, datetime] = {}
    for time, person in zip(times, people, strict=True):
        latest[person] = max(time, latest.get(person, time))
    ages = sorted(max(0.0, (now - time).total_seconds() / 86400) for time in latest.values())
    return float(sum(0.5 ** (age / HALF_LIFE_DAYS) for age in ages))


def _topic(
    members: list[int],
    typical: int,
    mean: float,
    shares: list[tuple[str, float]],
    times: Sequence[datetime],
    people: Sequence[Hashable],
    likes: Sequence[int],
    at: datetime,
) -> Topic:
    when, who = [times[i] for i in members], [people[i] for i in members]
    return Topic(
        members=tuple(sorted(members)),
        terms=tuple(term for term, _ in shares),
        people=len(set(who)),
        heat=heat(when, who, at),
        first=min(when),
        last=max(when),
        likes=sum(likes[i] for i in members) if likes else 0,
        typical=typical,
        cohesion=mean,
        shares=tuple(shares),
    )


def _features(bodies: Sequence[str], cut: Sequence[Sequence[str]]) -> Sparse:
    names = {word: number for number, word in enumerate(sorted({word for row in cut for word in row}))}
    words = grams.numbered([[names[word] for word in row] for row in cut])
    letters = grams.characters(bodies)
    parts = [_family(words, (1, 2), len(bodies)), _family(letters, (2, 3), len(bodies)) * 0.7]
    return _unit(sparse.hstack(parts, format="csr"))


def _family(stream: grams.Stream, sizes: tuple[int, ...], total: int) -> Sparse:
    counts = grams.counted(stream, sizes)
    spread = counts.spread()
    # What stands in one text links nothing; what stands in a tenth of all is no place and no event.
    kept = (spread >= 2) & (spread <= max(50, total // 10))
    return grams.weighted(counts, counts.codes[kept], grams.inverse_frequency(spread[kept], total))


def _unit(table: Sparse) -> Sparse:
    return grams.unit_rows(table).astype(np.float32)


def _nearest(table: Sparse, floor: float, most: int) -> Sparse:
    """Symmetric cosines of at least `floor`, each row's `most` best, without itself."""
    across = table.T.tocsr()
    rows = []
    for start in range(0, table.shape[0], _BLOCK):
        block = (table[start : start + _BLOCK] @ across).tocsr()
        block.sort_indices()
        own = np.repeat(np.arange(start, start + block.shape[0]), np.diff(block.indptr))
        block.data[(block.data < floor) | (block.indices == own)] = 0
        block.eliminate_zeros()
        for row in range(block.shape[0]):
            values = block.data[block.indptr[row] : block.indptr[row + 1]]
            if len(values) > most:
                values[values < np.partition(values, -most)[-most]] = 0
        block.eliminate_zeros()
        rows.append(block)
    if not rows:
        return sparse.csr_matrix((0, 0))
    near = sparse.vstack(rows, format="csr").astype(np.float64)
    return near.maximum(near.T).tocsr()


class _Linkage:
    """Average linkage on sparse similarities: absent pairs count as zero, so loose groups never grow."""

    def __init__(self, near: Sparse, least: float, largest: int) -> None:
        self.least, self.largest = least, largest
        self.members: dict[int, list[int]] = {i: [i] for i in range(near.shape[0])}
        # Sums of similarities between two groups; the mean over all pairs is the sum over the product of sizes.
        self.sums: list[dict[int, float]] = [
            dict(zip(near.indices[a:b].tolist(), near.data[a:b].tolist(), strict=True))
            for a, b in pairwise(near.indptr.tolist())
        ]
        self.heap: list[tuple[float, int, int]] = []

    def groups(self) -> list[list[int]]:
        for one, others in enumerate(self.sums):
            self._offer(one, [other for other in others if other > one])
        heapq.heapify(self.heap)
        while self.heap:
            negative, one, other = heapq.heappop(self.heap)
            alive = one in self.members and other in self.members
            if alive and -negative == self._mean(one, other):
                self._merge(one, other)
        return [sorted(group) for _, group in sorted(self.members.items())]

    def _mean(self, one: int, other: int) -> float:
        total = self.sums[one].get(other, 0.0)
        return total / (len(self.members[one]) * len(self.members[other]))

    def _offer(self, one: int, others: Sequence[int]) -> None:
        for other in others:
            mean = self._mean(one, other)
            if mean >= self.least and len(self.members[one]) + len(self.members[other]) <= self.largest:
                heapq.heappush(self.heap, (-mean, min(one, other), max(one, other)))

    def _merge(self, one: int, other: int) -> None:
        if len(self.sums[one]) < len(self.sums[other]):
            one, other = other, one
        mine, theirs = self.sums[one], self.sums[other]
        del mine[other], theirs[one]
        self.members[one].extend(self.members.pop(other))
        for third, total in theirs.items():
            mine[third] = mine.get(third, 0.0) + total
            del self.sums[third][other]
            self.sums[third][one] = mine[third]
        self.sums[other] = {}
        self._offer(one, list(mine))


def _centre(near: Sparse, group: list[int]) -> tuple[int, float]:
    inner: Floats = np.asarray(near[group][:, group].sum(axis=1)).ravel()
    pairs = len(group) * (len(group) - 1)
    return group[int(inner.argmax())], float(inner.sum() / pairs) if pairs else 0.0


def _phrases(row: Sequence[str]) -> list[str]:
    return [*row, *(one + two for one, two in pairwise(row))]


def _shares(rows: Sequence[Sequence[str]], spread: Counter[str], total: int, most: int = 6) -> list[tuple[str, float]]:
    """Terms that most members hold and the rest of the corpus hardly does; longer phrases swallow their parts."""
    held = Counter(term for row in rows for term in set(_phrases(row)) if len(term) > 1)
    scored = []
    for term, count in held.items():
        share = count / len(rows)
        if count > 1 and share >= 0.3:
            scored.append((share * np.log(total / spread[term] + 1) * min(len(term), 6) ** 0.5, term, share))
    chosen: list[tuple[str, float]] = []
    for _, term, share in sorted(scored, key=lambda entry: (-entry[0], entry[1])):
        if len(chosen) < most and not any(term in other or other in term for other, _ in chosen):
            chosen.append((term, share))
    return chosen
