"""Who depends on a column: rooms above register how they answer, so that the lake need not know them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from yiwang.kernel.access.actors import Actor

Place = tuple[str, str]  # name of a lake table, name of its column


@dataclass(frozen=True)
class Dependant:
    """Something that shows or uses a column. `kind` and `title` in the officer's words; `url` "" when there is no page."""

    kind: str
    title: str
    place: Place
    url: str = ""
    detail: str = ""


Finder = Callable[[Actor, frozenset[Place]], Iterable[Dependant]]
_finders: dict[str, Finder] = {}


def register(name: str, finder: Finder) -> None:
    """`finder` answers within the actor's scope, in a bounded number of statements however many places."""
    known = _finders.get(name)
    if known is not None and (known.__module__, known.__qualname__) != (finder.__module__, finder.__qualname__):
        raise ValueError(f"dependants {name} registered twice")
    _finders[name] = finder


def of(actor: Actor, places: Iterable[Place]) -> list[Dependant]:
    """All that the actor may know of, by kind and title."""
    wanted = frozenset(places)
    found = [each for _, finder in sorted(_finders.items()) for each in finder(actor, wanted)] if wanted else []
    return sorted(found, key=lambda each: (each.kind, each.title, each.place))
