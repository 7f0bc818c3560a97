"""Where else than in lake tables a person's data lie: rooms above register how they search and how they erase."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from yiwang.kernel.access.actors import Actor

WIDE, NARROW = "０１２３４５６７８９Ｘ", "0123456789X"
TABLE = str.maketrans(WIDE, NARROW)


@dataclass(frozen=True)
class Subject:
    """Whom to look for: `texts` as they may be written, and the resources in whose tables something was found, each
    with the first snapshot that is without the person (None while the tables still have to be rewritten)."""

    texts: tuple[str, ...]
    resources: Mapping[int, int | None] = field(default_factory=dict)

    def may_be_in(self, resource_id: int, snapshot: int) -> bool:
        """Whether a copy made of this snapshot of a resource may hold the person."""
        if resource_id not in self.resources:
            return False
        clean = self.resources[resource_id]
        return clean is None or snapshot < clean


@dataclass(frozen=True)
class Trace:
    """What lies (or lay) in one place. reference: which package, which delivery; rows: 0 when it can't be counted.

    action: what was done, in words; before and after: digests of the content, "" where there is none.
    """

    reference: str
    rows: int
    action: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class Report:
    """searched: how many contents were looked at."""

    searched: int
    traces: Sequence[Trace] = field(default=())


@dataclass(frozen=True)
class Copy:
    """What left the platform and can't be searched there. organisation_id: who has it, None for the public.

    reference: which grant, which edition; rows: how many went out, 0 when it was not counted by row; recalled: in words
    what the platform itself did since to take it back, "" when it can do nothing.
    """

    resource_id: int
    organisation_id: int | None
    way: str
    reference: str
    last_at: datetime
    rows: int
    recalled: str = ""


Search = Callable[[Subject], Report]
Erase = Callable[[Actor, Subject, str], Report]
Find = Callable[[Subject], Sequence[Copy]]
Recall = Callable[[Subject], None]
_places: dict[str, tuple[Search, Erase]] = {}
_outlets: dict[str, tuple[Find, Recall]] = {}


def register(place: str, search: Search, erase: Erase) -> None:
    """`place` in the officer's words. `erase` is repeated until nothing is found: cut off, it goes on."""
    _places[place] = (search, erase)


def places() -> list[str]:
    return sorted(_places)


def register_outlet(outlet: str, find: Find, recall: Recall) -> None:
    """A door through which copies leave. `recall` starts what takes them back by itself; it may be repeated."""
    _outlets[outlet] = (find, recall)


def handed_out(subject: Subject) -> list[Copy]:
    """Copies in others' hands that may hold the person, as far as the records of deliveries tell."""
    return [copy for outlet in sorted(_outlets) for copy in _outlets[outlet][0](subject)]


def recall(subject: Subject) -> None:
    for outlet in sorted(_outlets):
        _outlets[outlet][1](subject)


def search(place: str, subject: Subject) -> Report:
    return _places[place][0](subject)


def erase(actor: Actor, place: str, subject: Subject, reason: str) -> Report:
    return _places[place][1](actor, subject, reason)


def written(identity: str) -> tuple[str, ...]:
    """An identity number as sheets have it: 18 digits, and the 15 of before 1999 (GB 11643)."""
    old = identity[:6] + identity[8:17] if re.fullmatch(r"\d{17}[\dX]", identity) and identity[6:8] == "19" else ""
    return (identity, old) if old else (identity,)


def plain(text: object) -> str:
    """A cell as it is compared: half width, capital X, no blanks."""
    return "".join(str(text).upper().translate(TABLE).split())
