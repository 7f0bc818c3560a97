"""Marks of open objections, as governance tells them, in the table the gateway reads."""

from collections.abc import Mapping

from django.db import transaction

from yiwang.data.sharing.gateway import store
from yiwang.data.sharing.models import Mark
from yiwang.data.sharing.services import serving
from yiwang.kernel.access.actors import Actor


@transaction.atomic
def keep(actor: Actor, resource_id: int, found: Mapping[str, Mapping[str, str]]) -> bool:
    """Make the marks of a resource what `found` (key → field → text) says; True when they changed."""
    if not actor.system:
        actor.require("sharing.serving", "build")
    wanted = {
        (store.mark_key(key), field): text[:200] for key, fields in found.items() for field, text in fields.items()
    }
    known = {(mark.key, mark.field): mark for mark in Mark.objects.select_for_update().filter(resource_id=resource_id)}
    if {place: mark.text for place, mark in known.items()} == wanted:
        return False
    Mark.objects.filter(resource_id=resource_id).delete()
    Mark.objects.bulk_create(
        Mark(resource_id=resource_id, key=key, field=field, text=text) for (key, field), text in wanted.items()
    )
    serving.touch(resource_id)
    return True
