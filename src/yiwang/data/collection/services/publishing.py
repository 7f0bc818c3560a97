"""入库：指针、目录、存量账、对账单、催报与数据包在一个事务里一起改变；回退同样。"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.collection import queries, terms
from yiwang.data.collection.models import Package, Statement, Stock
from yiwang.data.collection.services import checking, packages, watching
from yiwang.kernel.access.actors import SYSTEM, Actor, Conflict, Invalid
from yiwang.kernel.lake import queries as lake_queries
from yiwang.kernel.lake import services as lake
from yiwang.kernel.lake.models import LakeTable, Snapshot
from yiwang.kernel.lake.queries import Diff
from yiwang.kernel.lake.sources import Source
from yiwang.kernel.ledger.services import record

State = terms.State


def approve(actor: Actor, package_id: int, reason: str) -> Package:
    """A person lets a waiting package become data. Refused when newer data came in meanwhile."""
    package = queries.package(actor, package_id, "approve")
    if not reason.strip():
        raise Invalid("请写明审定意见。", errors={"reason": ["必填"]})
    if package.created_by_id is not None and package.created_by_id == actor.person_id:
        raise Conflict("您是这包数据的报送人，应由其他人审定。", rule="不得自报自审")
    if package.state != State.WAITING or package.snapshot_id is None:
        raise Conflict(
            f"数据包 {package.number} 现在是“{package.get_state_display()}”，不在待审定。", rule=packages.RULE
        )
    with transaction.atomic():
        packages.locked(package.resource_id)
        return publish(actor, package, Snapshot.objects.get(pk=package.snapshot_id), reason.strip())


def publish(actor: Actor, package: Package, snapshot: Snapshot, reason: str) -> Package:
    """In the caller's transaction, which holds the resource's lock."""
    facts = catalog.resource(SYSTEM, package.resource_id)
    lake.publish(actor, snapshot, f"{package.number}：{reason}")
    now = timezone.now()
    watching.arrived(package, facts, now)
    catalog.record_load(package.resource_id, snapshot.number, now, snapshot.rows)
    checking.published(package, snapshot.number)
    done = packages.move(
        actor, package.pk, (State.WAITING,), State.PUBLISHED, reason, facts={"snapshot": snapshot.number, "rows": snapshot.rows},
        stock=snapshot.rows,
    )  # fmt: skip
    _stock(actor, facts, snapshot, package)
    record(
        actor, "collection.publish", (queries.PACKAGE, package.pk), organisation_id=package.organisation_id, reason=reason,
        after={"number": package.number, "snapshot": snapshot.number, "rows": snapshot.rows, "digest": snapshot.digest},
    )  # fmt: skip
    return done


def take_over(actor: Actor, resource_id: int, snapshot: Snapshot, loaded_at: datetime, reason: str) -> Snapshot:
    """Data the department had before the platform becomes the resource's first data, updated at `loaded_at`."""
    facts = catalog.resource(actor, resource_id)
    actor.require(queries.PACKAGE, "approve")
    with transaction.atomic():
        packages.locked(resource_id)
        if lake_queries.table(facts.table).current is not None:
            raise Conflict(f"“{facts.name}”已有数据，没有承接。请按数据包报送。", rule="承接只在首次入库前")
        lake.publish(actor, snapshot, f"承接：{reason}")
        catalog.record_load(resource_id, snapshot.number, loaded_at, snapshot.rows)
        _stock(actor, facts, snapshot, None)
        record(
            actor, "collection.taken_over", ("catalog.resource", resource_id), organisation_id=facts.organisation_id, reason=reason,
            after={"snapshot": snapshot.number, "rows": snapshot.rows, "digest": snapshot.digest},
        )  # fmt: skip
    return snapshot


def _stock(actor: Actor, facts: catalog.ResourceFacts, snapshot: Snapshot, package: Package | None) -> None:
    """The ledger goes on from its own last line: the changes of a resource always add up to its stock."""
    before = Stock.objects.filter(resource_id=facts.id).order_by("-pk").values_list("rows", flat=True).first() or 0
    Stock.objects.create(
        resource_id=facts.id, resource_name=facts.name, items=len(facts.items), package=package, snapshot=snapshot.number,
        rows=snapshot.rows, change=snapshot.rows - before, at=timezone.now(), organisation_id=facts.organisation_id,
        created_by_id=actor.person_id, is_demo=facts.is_demo,
    )  # fmt: skip


def rollback(actor: Actor, resource_id: int, number: int, reason: str) -> Snapshot:
    """Make an earlier snapshot's content current again; what came later stays in the record."""
    facts = catalog.resource(actor, resource_id)
    if not queries.packages(actor, "rollback").filter(resource_id=resource_id).exists():
        raise Conflict("您没有回退这个资源数据的权限，或它还没有数据。", rule="回退须有权限")
    if not reason.strip():
        raise Invalid("请写明回退理由。", errors={"reason": ["必填"]})
    with transaction.atomic():
        packages.locked(resource_id)
        table = lake_queries.table(facts.table)
        if table.current is not None and table.current.number == number:
            raise Conflict(f"第 {number} 号快照就是现行数据，不需要回退。", rule="回退到较早的快照")
        made = lake.rollback(actor, table, number, reason.strip())
        catalog.record_return(resource_id, made.number, number, made.rows)
        _stock(actor, facts, made, None)
        record(
            actor, "collection.rollback", ("catalog.resource", resource_id), organisation_id=facts.organisation_id,
            before={"snapshot": facts.snapshot}, after={"to": number, "snapshot": made.number}, reason=reason,
        )  # fmt: skip
    return made


def compare(table: LakeTable, local: Snapshot, given: Source) -> tuple[Diff, int]:
    """返还的一包与本地现行数据按主键和行摘要核对。"""
    return lake_queries.reconcile(local, given, key=table.key), local.rows


def state(package: Package, found: tuple[Diff, int]) -> Statement:
    """对账单，一包一份。"""
    diff, local = found
    facts: Mapping[str, Any] = asdict(diff)
    same = not (diff.added or diff.removed or diff.changed)
    return Statement.objects.create(
        package=package, resource_id=package.resource_id, resource_name=package.resource_name,
        month=timezone.localtime(package.received_at).date().replace(day=1),
        state=terms.StatementState.SAME if same else terms.StatementState.DIFFERENT,
        above=diff.same + diff.changed + diff.added, local=local, same=diff.same, only_above=diff.added,
        only_local=diff.removed, changed=diff.changed, details={"by_column": facts["by_column"]},
        organisation_id=package.organisation_id, is_demo=package.is_demo,
    )  # fmt: skip
