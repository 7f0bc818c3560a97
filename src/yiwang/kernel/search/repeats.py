"""Was this said before? Evidence for a person to decide on; never a verdict.

At a text cosine of 0.9 half of the pairs come from different people: a repeat of one person and a petition of many
look alike, so the evidence keeps person, place, passages, news and time apart.

In memory the index serves one process. For many processes take the candidates from PostgreSQL (GIN on the bigram
array, or pg_trgm on a normalised column with `ORDER BY column <-> text LIMIT 50`) and pass them to `compare`.
"""

import math
import zlib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from yiwang.kernel.search.arrays import np
from yiwang.kernel.search.places import places
from yiwang.kernel.search.text import compact, shingles, tokens

_SIZE = 3
_BUCKETS = 1 << 18
_PASSAGE = 8
_COMMON = 0.1


@dataclass(frozen=True)
class Message:
    key: int
    text: str
    person: str
    time: datetime


@dataclass(frozen=True)
class Evidence:
    """What an earlier message has in common with the new one, and what the new one adds."""

    key: int
    same_person: bool
    # Dice of three-character passages: 1 is the same wording.
    similarity: float
    # Share of the new text that stands word for word in the earlier one.
    contained: float
    passages: tuple[str, ...]
    places: tuple[str, ...]
    news: tuple[str, ...]
    gap: timedelta


def compare(new: Message, old: Message, known_places: Iterable[str] = ()) -> Evidence:
    names = tuple(known_places)
    here, there = ({place.name for place in places(message.text, names)} for message in (new, old))
    mine, theirs = shingles(new.text, _SIZE), shingles(old.text, _SIZE)
    passages = shared_passages(new.text, old.text)
    length = len(compact(new.text))
    before = set(tokens(old.text))
    return Evidence(
        key=old.key,
        same_person=bool(new.person) and new.person == old.person,
        similarity=2 * len(mine & theirs) / (len(mine) + len(theirs)) if mine or theirs else 0.0,
        contained=sum(map(len, passages)) / length if length else 0.0,
        passages=passages,
        places=tuple(sorted(here & there)),
        news=tuple(dict.fromkeys(word for word in tokens(new.text) if word not in before and len(word) > 1)),
        gap=new.time - old.time,
    )


def shared_passages(new: str, old: str, least: int = _PASSAGE) -> tuple[str, ...]:
    """Longest runs of `new`, in order and without overlap, that stand in `old`; punctuation does not count."""
    mine, theirs = compact(new), compact(old)
    starts: dict[str, list[int]] = {}
    for at in range(len(theirs) - least + 1):
        starts.setdefault(theirs[at : at + least], []).append(at)
    found, at = [], 0
    while at <= len(mine) - least:
        # A degenerate text (one character repeated) has thousands of starts; a few of them say enough.
        runs = [_run(mine, at, theirs, other) for other in starts.get(mine[at : at + least], [])[:8]]
        if runs:
            found.append(mine[at : at + max(runs)])
        at += max(runs, default=1)
    return tuple(found)


def _run(mine: str, at: int, theirs: str, other: int) -> int:
    length = 0
    while at + length < len(mine) and other + length < len(theirs) and mine[at + length] == theirs[other + length]:
        length += 1
    return length


class Index:
    """Earlier messages by hashed three-character passages; adding and asking are cheap. Not shared between threads."""

    def __init__(self, messages: Iterable[Message] = ()) -> None:
        self._messages: list[Message] = []
        self._sizes = array("d")
        self._buckets: dict[int, array[int]] = {}
        for message in messages:
            self.add(message)

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, message: Message) -> None:
        keys = _keys(message.text)
        for key in keys:
            self._buckets.setdefault(key, array("I")).append(len(self._messages))
        self._messages.append(message)
        self._sizes.append(len(keys))

    def ask(
        self, new: Message, *, most: int = 5, least: float = 0.15, known_places: Iterable[str] = ()
    ) -> list[Evidence]:
        """The closest earlier messages (never itself, by key); fit to be asked again while the text is being typed."""
        total = len(self._messages)
        if not total:
            return []
        scores = np.zeros(total)
        keys = _keys(new.text)
        for key in keys:
            hits = self._buckets.get(key)
            if hits and len(hits) <= max(50, _COMMON * total):
                scores[np.frombuffer(hits, dtype=np.uint32)] += math.log(1 + total / len(hits))
        # Long texts share passages by chance; the root keeps short ones from winning by being short.
        scores /= np.sqrt(np.frombuffer(self._sizes, dtype=np.float64) + 20)
        wanted = min(total, 4 * most + 1)
        best = np.argpartition(-scores, wanted - 1)[:wanted]
        near = [self._messages[i] for i in best.tolist() if scores[i] > 0 and self._messages[i].key != new.key]
        overlaps = sorted(((self._overlap(keys, old), -old.key, old) for old in near), key=lambda row: row[:2])
        names = tuple(known_places)
        found = [compare(new, old, names) for overlap, _, old in reversed(overlaps[-most:]) if overlap >= least]
        return sorted(found, key=lambda one: (-max(one.similarity, one.contained), one.key))

    @staticmethod
    def _overlap(keys: frozenset[int], old: Message) -> float:
        return len(keys & _keys(old.text)) / len(keys) if keys else 0.0


def _keys(text: str) -> frozenset[int]:
    body = compact(text)
    return frozenset(zlib.crc32(body[i : i + _SIZE].encode()) % _BUCKETS for i in range(len(body) - _SIZE + 1))
