"""Deleting a person reaches what was handed out: files that still lie here are destroyed, tables that were pushed are
replaced by the next push, and whatever left the house is listed for those who have to be told.
"""

from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Min, QuerySet, Sum
from django.utils import timezone

from yiwang.data.sharing import queries
from yiwang.data.sharing.models import Delivery, Grant, Package, UsageDay
from yiwang.data.sharing.terms import GrantKind, Way
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.lake.erasing import Copy, Report, Subject, Trace
from yiwang.kernel.ledger import services as ledger

PLACE, OUTLET = "共享文件包", "共享交付"


def _held(subject: Subject) -> list[Package]:
    """Sealed with a key only the receiver has, so they can't be searched: all of these resources go."""
    found = Package.objects.filter(delivery__grant__resource_id__in=subject.resources).select_related("delivery__grant")
    return [
        each
        for each in found.order_by("pk")
        if subject.may_be_in(each.delivery.grant.resource_id, each.delivery.snapshot)
        and (Path(settings.VAR) / each.path).exists()
    ]


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


def _grants(subject: Subject) -> QuerySet[Grant]:
    return Grant.objects.filter(resource_id__in=subject.resources, kind=GrantKind.FORMAL).order_by("pk")


def _pushed(subject: Subject, grant: Grant) -> Copy | None:
    gone = [each for each in grant.deliveries.order_by("pk") if subject.may_be_in(grant.resource_id, each.snapshot)]
    if not gone:
        return None
    clean = subject.resources[grant.resource_id]
    again: Delivery | None = None
    if clean is not None:
        again = grant.deliveries.filter(snapshot__gte=clean, since=None).order_by("pk").first()
    said = (
        f"平台已于 {timezone.localtime(again.created_at):%Y-%m-%d %H:%M} 用删除后的数据整表替换（交付记录 {again.pk}，"
        f"快照 {again.snapshot}，{again.rows} 行，摘要 {again.digest[:12]}…）"
        if again else ""
    )  # fmt: skip
    return Copy(grant.resource_id, grant.organisation_id, grant.get_way_display(), f"{grant.code}，{gone[-1].target}",
                gone[-1].created_at, sum(each.rows for each in gone), said)  # fmt: skip


def _fetched(subject: Subject, grant: Grant) -> Copy | None:
    taken = Package.objects.filter(delivery__grant=grant, fetched_at__isnull=False).select_related("delivery")
    gone = [
        each for each in taken.order_by("fetched_at") if subject.may_be_in(grant.resource_id, each.delivery.snapshot)
    ]
    if not gone or gone[-1].fetched_at is None:
        return None
    said = "、".join(f"第 {each.pk} 包" for each in gone)
    return Copy(grant.resource_id, grant.organisation_id, grant.get_way_display(), f"{grant.code}，已下载{said}",
                gone[-1].fetched_at, sum(each.delivery.rows for each in gone))  # fmt: skip


def _read(subject: Subject, grant: Grant) -> Copy | None:
    """What was asked for is kept as digests only: whoever read rows of the resource may have read this one."""
    told = UsageDay.objects.filter(grant=grant, rows__gt=0).aggregate(
        rows=Sum("rows"), first=Min("day"), last=Max("created_at")
    )
    if told["rows"] is None:
        return None
    reference = f"{grant.code}，自 {told['first']} 起经接口读取"
    return Copy(
        grant.resource_id, grant.organisation_id, grant.get_way_display(), reference, told["last"], told["rows"]
    )


FINDERS = {Way.TABLE: _pushed, Way.FILE: _fetched, Way.API: _read}


def handed_out(subject: Subject) -> list[Copy]:
    return [copy for grant in _grants(subject) if (copy := FINDERS[Way(grant.way)](subject, grant)) is not None]


def to_push(subject: Subject) -> list[int]:
    """Live grants whose pushed table still has to be replaced by the data without the person."""
    live = set(queries.live_grants().values_list("pk", flat=True))
    behind = (grant for grant in _grants(subject).filter(way=Way.TABLE, target__isnull=False) if grant.pk in live)
    return [grant.pk for grant in behind if (copy := _pushed(subject, grant)) is not None and not copy.recalled]
