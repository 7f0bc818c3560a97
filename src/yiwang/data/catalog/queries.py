"""目录的读取：按操作人范围。"""

from django.db.models import Prefetch, Q, QuerySet

from yiwang.data.catalog.models import Item, Resource
from yiwang.data.catalog.terms import PASSES, UNGRADED
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor

LIVE_ITEMS = Prefetch("items", Item.objects.filter(retired=False).order_by("number"), to_attr="live_items")


def visible(actor: Actor) -> QuerySet[Resource]:
    """Resources of the actor's scope in any state, and all published ones when the actor may search the catalogue."""
    entries = doors.rows(actor, "catalog.entry").values("pk")
    own = doors.rows(actor, "catalog.resource").values("pk")
    return Resource.objects.filter(Q(pk__in=entries) | Q(pk__in=own))


def passes(share_type: str, open_type: str, level: int | None, door: str) -> bool:
    """Whether data of an item so classified may go through a door; an unknown door lets nothing pass."""
    if door not in PASSES:
        return False
    share_types, open_types, highest = PASSES[door]
    if (share_types and share_type not in share_types) or (open_types and open_type not in open_types):
        return False
    return (level or UNGRADED) <= highest
