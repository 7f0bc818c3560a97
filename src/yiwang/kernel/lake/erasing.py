"""Where else than in lake tables a person's data lie: rooms above register how they search and how they erase."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from yiwang.kernel.access.actors import Actor

WIDE, NARROW = "０１２３４５６７８９Ｘ", "0123456789X"
TABLE = str.maketrans(WIDE, NARROW)


@dataclass(frozen=True)
class Subject:
    """Whom to look for: `texts` as they may be written, and the resources in whose tables something was found."""

    texts: tuple[str, ...]
    resources: frozenset[int] = frozenset()


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


Search = Callable[[Subject], Report]
Erase = Callable[[Actor, Subject, str], Report]
_places: dict[str, tuple[Search, Erase]] = {}


def register(place: str, search: Search, erase: Erase) -> None:
    """`place` in the officer's words. `erase` is repeated until nothing is found: cut off, it goes on."""
    _places[place] = (search, erase)


def places() -> list[str]:
    return sorted(_places)


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
