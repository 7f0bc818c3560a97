"""别的领域告诉目录的事实：定级、更新、质量、需求。"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from yiwang.data.catalog.models import Demand, Item, Load, Quality, Resource
from yiwang.data.catalog.services.resources import lock
from yiwang.data.catalog.terms import CYCLE_DAYS, Cycle, DemandState
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.ledger import services as ledger


@transaction.atomic
def set_levels(actor: Actor, resource_id: int, levels: Mapping[int, tuple[int, str]], reason: str) -> int:
    """Grade items (id → level 1..4 and kind of sensitive data or ""); returns how many changed."""
    doors.row(actor, "catalog.resource", resource_id, "grade")
    resource = lock(resource_id)
    items = {item.pk: item for item in resource.items.filter(pk__in=levels)}
    if items.keys() != set(levels):
        raise Invalid("有信息项不属于本资源，一项也没有定级。", errors={"items": ["不属于本资源"]})
    if any(level not in (1, 2, 3, 4) for level, _ in levels.values()):
        raise Invalid("分级只能是 1 至 4 级，一项也没有定级。", errors={"level": ["1 至 4"]})
    if not reason.strip():
        raise Invalid("定级须写明理由。", errors={"reason": ["必填"]})
    changed = [items[pk] for pk, given in levels.items() if (items[pk].level, items[pk].kind) != given]
    before = {item.title: _grade(item) for item in changed}
    for item in changed:
        item.level, item.kind = levels[item.pk]
    Item.objects.bulk_update(changed, ["level", "kind"])
    if changed:
        ledger.record(
            actor, "catalog.grade", ("catalog.resource", resource.pk), before=before, reason=reason,
            after={item.title: _grade(item) for item in changed}, organisation_id=resource.organisation_id,
        )  # fmt: skip
    return len(changed)


def _grade(item: Item) -> str:
    """By title and in words, because names of items may be those of the resource's own fields."""
    return "未定级" if item.level is None else f"{item.level} 级{f'，{item.get_kind_display()}' if item.kind else ''}"


def due_after(cycle: str, loaded_at: datetime) -> datetime | None:
    """When the next update is due; None for cycles that promise nothing."""
    days = CYCLE_DAYS.get(Cycle(cycle))
    return loaded_at + timedelta(days=days) if days else None


@transaction.atomic
def record_load(actor: Actor, resource_id: int, snapshot: int, loaded_at: datetime, rows: int) -> bool:
    """Note that a resource has new data; False when this snapshot is known already."""
    resource = lock(resource_id)
    if resource.number == 0:
        raise Refused(f"资源 {resource.code} 尚未发布目录，不能登记数据。请先发布。", rule="先编目后归集")
    if Load.objects.filter(resource=resource, snapshot=snapshot).exists():
        return False
    Load.objects.create(resource=resource, snapshot=snapshot, rows=rows, loaded_at=loaded_at, due_at=resource.due_at)
    if resource.loaded_at is None or loaded_at >= resource.loaded_at:
        resource.loaded_at, resource.snapshot, resource.rows = loaded_at, snapshot, rows
        resource.due_at = due_after(resource.cycle, loaded_at)
        resource.save(update_fields=["loaded_at", "snapshot", "rows", "due_at", "updated_at"])
    return True


@transaction.atomic
def record_return(actor: Actor, resource_id: int, snapshot: int, of: int, rows: int) -> None:
    """Note that content of an earlier snapshot `of` is the data again: no update, and no fresher than it was then."""
    resource = lock(resource_id)
    load = Load.objects.filter(resource=resource, snapshot=of).first()
    if load is None:
        raise Refused(f"资源 {resource.code} 没有第 {of} 号快照的更新记录，不能退回到它。", rule="更新记录只增不改")
    Load.objects.create(resource=resource, snapshot=snapshot, rows=rows, loaded_at=load.loaded_at)
    resource.loaded_at, resource.snapshot, resource.rows = load.loaded_at, snapshot, rows
    resource.due_at = due_after(resource.cycle, load.loaded_at)
    resource.save(update_fields=["loaded_at", "snapshot", "rows", "due_at", "updated_at"])


@transaction.atomic
def record_quality(actor: Actor, resource_id: int, month: date, score: Decimal, parts: Mapping[str, Any]) -> None:
    """The data quality of a month, 0..100; said again it replaces what was said."""
    if not Decimal(0) <= score <= Decimal(100):
        raise Invalid("质量得分须在 0 至 100 之间。", errors={"score": ["0 至 100"]})
    lock(resource_id)
    Quality.objects.update_or_create(
        resource_id=resource_id, month=month.replace(day=1), defaults={"score": score, "parts": dict(parts)}
    )


@transaction.atomic
def record_demand(
    actor: Actor, reference: str, *, organisation_id: int, wanted: str, purpose: str, asked_at: datetime,
    resource_id: int | None = None, provider_id: int | None = None,
) -> Demand:  # fmt: skip
    """Put a demand on the list, once per `reference` (the request's own number)."""
    provider = Resource.objects.get(pk=resource_id).organisation_id if resource_id else provider_id
    found, _ = Demand.objects.get_or_create(
        reference=reference,
        defaults={"organisation_id": organisation_id, "resource_id": resource_id, "provider_id": provider,
                  "wanted": wanted[:300], "purpose": purpose[:300], "asked_at": asked_at, "created_by_id": actor.person_id},
    )  # fmt: skip
    return found


@transaction.atomic
def settle_demand(
    actor: Actor, reference: str, outcome: str, *, settled_at: datetime, reason: str = "", basis: str = ""
) -> Demand:
    """Close a demand; a refusal needs reason and legal basis, and stands on the negative list from then on."""
    found = Demand.objects.select_for_update().filter(reference=reference).first()
    if found is None:
        raise Invalid(f"没有编号为 {reference} 的需求。")
    if found.state == outcome:
        return found
    if found.state != DemandState.OPEN:
        raise Conflict(f"需求 {reference} 已办结（{found.get_state_display()}），不能再改。")
    if outcome not in (DemandState.MET, DemandState.REFUSED, DemandState.WITHDRAWN):
        raise Invalid("办结结果只能是已满足、不予提供或已撤回。")
    if outcome == DemandState.REFUSED and not (reason.strip() and basis.strip()):
        raise Invalid(
            "不予提供的须写明理由和依据。", errors={"basis": ["必填"]}, rule="政务数据共享条例：不予共享应当书面说明理由",
        )  # fmt: skip
    found.state, found.settled_at, found.reason, found.basis = outcome, settled_at, reason[:300], basis[:300]
    found.save(update_fields=["state", "settled_at", "reason", "basis", "updated_at"])
    ledger.record(
        actor, "catalog.settle_demand", ("catalog.demand", found.pk), after={"reference": reference, "outcome": outcome},
        organisation_id=found.organisation_id,
    )  # fmt: skip
    return found


@transaction.atomic
def mark_synced(actor: Actor, resource_id: int, receipt: str, synced_at: datetime) -> None:
    """Note that the entry stands in the upper level's catalogue, with its receipt there."""
    doors.row(actor, "catalog.resource", resource_id, "sync")
    resource = lock(resource_id)
    if resource.number == 0:
        raise Refused("目录尚未发布，不能同步上级平台。", code="unpublished")
    if not receipt.strip():
        raise Invalid("请填写上级平台的目录代码或回执号。", errors={"receipt": ["必填"]})
    resource.synced_at, resource.receipt = synced_at, receipt.strip()[:80]
    resource.save(update_fields=["synced_at", "receipt", "updated_at"])
    ledger.record(
        actor, "catalog.sync", ("catalog.resource", resource.pk), after={"receipt": resource.receipt},
        organisation_id=resource.organisation_id,
    )  # fmt: skip
