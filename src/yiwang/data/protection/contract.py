"""What other domains may do with protection."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from django.utils import timezone

from yiwang.data.catalog.contract import ItemFacts, ResourceFacts
from yiwang.data.protection import queries, services
from yiwang.data.protection.services import masking, persons, tombstones
from yiwang.data.protection.terms import AccessDoor, Method, Recipient
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.crypto.sealing import open_file, seal_file
from yiwang.standards.sensitive import SensitiveKind

__all__ = [
    "AccessDoor",
    "Method",
    "Recipient",
    "SensitiveKind",
    "delete_again",
    "deletions_due",
    "mask",
    "mask_plan",
    "open_file",
    "purpose_of",
    "record_access",
    "seal_file",
]


def deletions_due() -> list[str]:
    """Cases of persons deleted since this database's time: what a restored backup has to do again."""
    return [stone.case for stone in tombstones.due()]


def delete_again(actor: Actor) -> Iterator[tuple[str, int]]:
    """Do them, one after the other: (case, rows that went)."""
    for stone in tombstones.due():
        yield stone.case, persons.erase_again(actor, stone)


def mask(kind: str, method: str, value: object, key: str = "") -> str | None:
    """A value as it leaves, see `services.masking.apply`; `key` names the recipient (a grant, a published file)."""
    return masking.apply(kind, method, value, key)


def mask_plan(items: Iterable[ItemFacts], recipient: str, on: date | None = None) -> dict[str, tuple[str, str]]:
    """Field → (kind, method) for the sensitive items, by the rules in force.

    A sensitive item that no rule speaks of is replaced: what nobody thought of does not leave. So is a kind that is not
    of the list, and an item its department declared sensitive without saying of what kind.
    """
    methods = queries.methods(recipient, on or timezone.localdate())
    plan = {}
    for item in items:
        if item.sensitive or item.declared_sensitive:
            method = methods.get(item.sensitive, Method.REPLACE)
            if method != Method.PLAIN:
                plan[item.name] = (item.sensitive, method)
    return plan


def purpose_of(given: str) -> str:
    """The purpose for which somebody asks to see plain values; Invalid when it says nothing."""
    return queries.purpose_of(given)


def record_access(
    actor: Actor, resource: ResourceFacts, fields: Sequence[str], rows: int, *, door: str, purpose: str, reference: str = ""
) -> bool:  # fmt: skip
    """Note that data left, in the caller's transaction; False when none of the fields is sensitive or of level 3 up."""
    return services.record_access(actor, resource, fields, rows, door=door, purpose=purpose, reference=reference)
