"""Deleting a person reaches what was handed out: files of the resources in whose data the person was found."""

from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from yiwang.data.sharing.models import Package
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.lake.erasing import Report, Subject, Trace
from yiwang.kernel.ledger import services as ledger

PLACE = "共享文件包"


def _held(subject: Subject) -> list[Package]:
    """Sealed with a key only the receiver has, so they can't be searched: all of these resources go."""
    found = Package.objects.filter(delivery__grant__resource_id__in=subject.resources).select_related("delivery__grant")
    return [each for each in found.order_by("pk") if (Path(settings.VAR) / each.path).exists()]


def _traces(held: list[Package], action: str = "") -> list[Trace]:
    return [Trace(f"{each.delivery.grant.code} 第 {each.pk} 包", 0, action, each.delivery.digest) for each in held]


def search(subject: Subject) -> Report:
    held = _held(subject)
    return Report(len(held), _traces(held))


def erase(actor: Actor, subject: Subject, reason: str) -> Report:
    held = _held(subject)
    for each in held:
        with transaction.atomic():
            Package.objects.filter(pk=each.pk, fetched_at=None).update(expires_at=timezone.now())
            after = {"digest": each.delivery.digest}
            ledger.record(actor, "sharing.erase", ("sharing.delivery", each.delivery_id), reason=reason, after=after)
            transaction.on_commit(partial((Path(settings.VAR) / each.path).unlink, missing_ok=True))
    return Report(len(held), _traces(held, "文件包整份删除，未下载的链接失效"))
