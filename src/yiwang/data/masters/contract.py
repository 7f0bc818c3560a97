"""What other domains may do with the base libraries."""

from dataclasses import dataclass
from datetime import datetime

from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Refused

__all__ = ["LibraryFacts", "library"]


@dataclass(frozen=True)
class LibraryFacts:
    """A library as it stands: `table` is its lake table, `snapshot` the number that is current."""

    code: str
    name: str
    kind: str
    entity: str
    table: str
    rows: int
    snapshot: int | None
    built_at: datetime | None


def library(actor: Actor, code: str) -> LibraryFacts:
    """A library by its code, within what the actor may see. Raises Refused when there is none."""
    found = doors.rows(actor, "masters.library").filter(code=code).first()
    if found is None:
        raise Refused("没有找到这个库，或它不在您的数据范围内。", rule="数据范围", code="absent")
    return LibraryFacts(
        found.code, found.name, found.kind, found.entity, found.table, found.rows, found.snapshot, found.built_at
    )
