"""What other domains may do with the catalogue."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q

from yiwang.data.catalog import queries, services
from yiwang.data.catalog.models import Item, Quality, Resource
from yiwang.data.catalog.services import set_levels
from yiwang.data.catalog.terms import (
    CYCLE_DAYS,
    SEALED_FROM,
    SERVING,
    UNGRADED,
    Content,
    Cycle,
    DemandState,
    Description,
    Door,
    ItemSpec,
    OpenType,
    PublishState,
    ShareType,
)
from yiwang.kernel.access.actors import SYSTEM, Actor, Refused
from yiwang.kernel.ui.sections import Section

__all__ = [
    "Content", "Cycle", "DemandState", "Description", "Door", "ItemFacts", "ItemSpec", "OpenType", "PublishState",
    "ResourceFacts", "ShareType", "add_panel", "allowed", "late", "published_counts", "quality_of", "record_demand", "record_load",
    "record_quality", "record_return", "register_published", "resource", "resources", "sealed_tables", "set_levels", "settle_demand",
]  # fmt: skip


@dataclass(frozen=True)
class ItemFacts:
    """An item of the current version. `id` and `name` stay the same from version to version.

    data_type: text integer decimal date timestamp boolean. share_type, open_type: see `ShareType`, `OpenType`.
    level: 1..4; an item not `graded` yet counts as 4. sensitive: kind of sensitive data or "".
    """

    id: int
    name: str
    title: str
    data_type: str
    length: int
    is_key: bool
    is_timestamp: bool
    nullable: bool
    share_type: str
    share_condition: str
    share_basis: str
    open_type: str
    open_condition: str
    level: int
    graded: bool
    sensitive: str
    declared_sensitive: bool
    standard: str
    code_table: str
    source_level: str


@dataclass(frozen=True)
class ResourceFacts:
    """A resource with its current version. `version` 0: never published, then `items` is empty.

    table: name of its lake table. cycle_days: longest promised time between updates, None when nothing is promised.
    status: publish state; online: whether it serves. share_type and open_type are rolled up from the items.
    """

    id: int
    code: str
    name: str
    abstract: str
    organisation_id: int
    organisation: str
    version: int
    status: str
    online: bool
    online_state: str
    category: str
    theme: str
    format: str
    share_type: str
    open_type: str
    share_method: str
    cycle: str
    cycle_days: int | None
    table: str
    published_at: datetime | None
    loaded_at: datetime | None
    snapshot: int
    rows: int
    due_at: datetime | None
    items: tuple[ItemFacts, ...]
    is_demo: bool

    def item(self, name: str) -> ItemFacts | None:
        return next((item for item in self.items if item.name == name), None)

    @property
    def sealed(self) -> frozenset[str]:
        """Names of the items whose values lie encrypted on the disk; with any, so do the files they arrive in."""
        return frozenset(item.name for item in self.items if item.level >= SEALED_FROM)

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the key items, in the order of the items."""
        return tuple(item.name for item in self.items if item.is_key)


def _taken(kind: type, found: Any, **own: Any) -> dict[str, Any]:
    """Values of the facts: its own where the model says it otherwise, else the field of the same name."""
    return {item.name: own[item.name] if item.name in own else getattr(found, item.name) for item in fields(kind)}


def _item(found: Item) -> ItemFacts:
    own = {"level": found.level or UNGRADED, "graded": found.level is not None, "sensitive": found.kind,
           "declared_sensitive": found.is_sensitive}  # fmt: skip
    return ItemFacts(**_taken(ItemFacts, found, **own))


def _facts(found: Any) -> ResourceFacts:
    own = {
        "organisation": str(found.organisation), "version": found.number, "status": found.publish_state,
        "online": found.online_state in SERVING, "category": found.category.code, "theme": found.theme.code if found.theme else "",
        "cycle_days": CYCLE_DAYS.get(Cycle(found.cycle)), "items": tuple(map(_item, found.live_items)),
    }  # fmt: skip
    return ResourceFacts(**_taken(ResourceFacts, found, **own))


def _found(actor: Actor) -> Any:
    return (
        queries.visible(actor).select_related("organisation", "category", "theme").prefetch_related(queries.LIVE_ITEMS)
    )


def resource(actor: Actor, key: str | int) -> ResourceFacts:
    """A resource by its code or id, within what the actor may see. Raises Refused when there is none."""
    by = {"code": key} if isinstance(key, str) else {"pk": key}
    found = _found(actor).filter(**by).first()
    if found is None:
        raise Refused("没有找到该信息资源，或它不在您的数据范围内。", rule="数据范围", code="absent")
    return _facts(found)


def resources(
    actor: Actor, *, ids: Iterable[int] | None = None, codes: Iterable[str] | None = None, organisation_id: int | None = None,
    published: bool = True, online: bool | None = None, share_type: str = "", open_type: str = "", cycle: str = "",
) -> list[ResourceFacts]:  # fmt: skip
    """Resources the actor may see, in the order of their codes; three statements however many."""
    exact = {"organisation_id": organisation_id, "share_type": share_type, "open_type": open_type, "cycle": cycle}
    found = _found(actor).filter(**{name: value for name, value in exact.items() if value})
    if published:
        found = found.filter(number__gt=0)
    if online is not None:
        found = found.filter(online_state__in=SERVING) if online else found.exclude(online_state__in=SERVING)
    if ids is not None:
        found = found.filter(pk__in=list(ids))
    if codes is not None:
        found = found.filter(code__in=list(codes))
    return [_facts(each) for each in found.order_by("code")]


def published_counts(organisation_ids: Iterable[int]) -> dict[int, int]:
    """How many published resources each organisation has; those without any are left out."""
    found = Resource.objects.filter(organisation__in=list(organisation_ids), number__gt=0).order_by()
    return dict(found.values_list("organisation_id").annotate(Count("pk")))


def sealed_tables(names: Iterable[str]) -> list[str]:
    """Those of these lake tables whose resource has items that lie encrypted (`ResourceFacts.sealed`)."""
    high = Item.objects.filter(Q(level=None) | Q(level__gte=SEALED_FROM), retired=False)
    held = Resource.objects.filter(table__in=list(names), number__gt=0, pk__in=high.values("resource"))
    return list(held.values_list("table", flat=True))


def add_panel(code: str, panel: Callable[[Actor, int], Section | None]) -> None:
    """Fill a block of the resource page, for (actor, resource id), e.g. lineage or who reads the data."""
    queries.add_panel(code, panel)


def late(actor: Actor, at: datetime) -> list[ResourceFacts]:
    """Published resources whose promised update has not come by `at`, the longest late first."""
    found = _found(actor).filter(number__gt=0, due_at__lt=at).order_by("due_at", "pk")
    return [_facts(each) for each in found]


def allowed(item: ItemFacts, door: str) -> bool:
    """Whether data of an item may go through a door, see `Door`. The one answer for every door of the platform:

    internal             yes
    share_unconditional  无条件共享, level 2 at most
    share_granted        无条件 or 有条件共享, level 3 at most
    open                 无条件开放, not 不予共享, level 1
    """
    return queries.passes(item.share_type, item.open_type, item.level, door)


def record_load(resource_id: int, snapshot_number: int, loaded_at: datetime, rows: int) -> bool:
    """A published snapshot became the data of the resource; False when told before. In the caller's transaction."""
    # The load was the act of whoever approved it there; here it only becomes visible, whoever that was.
    return services.record_load(SYSTEM, resource_id, snapshot_number, loaded_at, rows)


def record_return(resource_id: int, snapshot_number: int, of: int, rows: int) -> None:
    """The content of an earlier snapshot became the data again, as fresh as it was then. In the caller's transaction."""
    services.record_return(SYSTEM, resource_id, snapshot_number, of, rows)


def record_quality(resource_id: int, month: date, score: Decimal, parts: Mapping[str, Any]) -> None:
    """The data quality (0..100) of a month with its parts, numbers by dimension, said by governance."""
    services.record_quality(SYSTEM, resource_id, month, score, parts)


def quality_of(resource_id: int, month: date) -> tuple[Decimal, dict[str, Any]] | None:
    """What was recorded for a month."""
    found = Quality.objects.filter(resource_id=resource_id, month=month.replace(day=1)).first()
    return (found.score, found.parts) if found else None


def record_demand(reference: str, **given: Any) -> int:
    """A demand for data, once per `reference`; it stands on the 需求清单. Returns its id.

    organisation_id: who asks; wanted, purpose: in words; asked_at; resource_id, or provider_id when nothing is
    catalogued yet.
    """
    return services.record_demand(SYSTEM, reference, **given).pk


def settle_demand(reference: str, outcome: str, *, settled_at: datetime, reason: str = "", basis: str = "") -> None:
    """met, refused (with reason and basis: from then on on the 负面清单) or withdrawn."""
    services.settle_demand(SYSTEM, reference, outcome, settled_at=settled_at, reason=reason, basis=basis)


def register_published(
    actor: Actor, entries: Iterable[tuple[int, Content]], published_at: datetime, *, is_demo: bool = False
) -> list[ResourceFacts]:
    """Take over entries (organisation id, content) that were published before the platform; codes in their order."""
    made = services.register_many(actor, list(entries), published_at=published_at, is_demo=is_demo)
    return resources(actor, ids=[each.pk for each in made])
