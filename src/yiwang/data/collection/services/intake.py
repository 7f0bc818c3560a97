"""报送人与审定人对数据包做的事：交来、确认表头、撤回、退回、重放。成包与排队在一个事务里。"""

from collections.abc import Mapping
from typing import BinaryIO

from django.db import transaction

from yiwang.data.catalog import contract as catalog
from yiwang.data.collection import queries, terms
from yiwang.data.collection.models import HeaderMemory, Package, Source
from yiwang.data.collection.services import erasing, packages, processing
from yiwang.kernel.access.actors import SYSTEM, Actor, Conflict, Invalid
from yiwang.kernel.files.queries import plain as plain_of
from yiwang.kernel.jobs.services import enqueue
from yiwang.kernel.lake import services as lake
from yiwang.kernel.lake.models import Snapshot
from yiwang.kernel.ledger.services import record
from yiwang.kernel.tables.headers import plain

RULE = packages.RULE
State = terms.State


def receive(
    actor: Actor, source: Source, name: str, content: BinaryIO, *, batch: str = "", replay_of: Package | None = None
) -> tuple[Package, bool]:
    """Keep a file as a package and queue its processing; False: the same content is there already (`packages.keep`)."""
    with transaction.atomic():
        package, fresh = packages.keep(actor, source, name, content, batch=batch, replay_of=replay_of)
        if fresh:
            _queue(package)
    return package, fresh


def _queue(package: Package) -> None:
    enqueue(
        processing.process, key=str(package.pk), owner=package.created_by_id, package=package.pk,
        title=f"处理 {package.number} {package.resource_name}"[:200],
    )  # fmt: skip


def confirm_mapping(actor: Actor, package_id: int, columns: Mapping[int, str]) -> Package:
    """A person says which column is which item; what was said is remembered for this organisation and resource."""
    package = queries.package(actor, package_id, "confirm")
    facts = catalog.resource(SYSTEM, package.resource_id)
    titles = {item["column"]: item["title"] for item in package.looked.get("columns", [])}
    chosen = {column: item for column, item in columns.items() if item}
    _check_mapping(chosen, titles, facts)
    with transaction.atomic():
        for column, item in chosen.items():
            HeaderMemory.objects.update_or_create(
                organisation_id=package.organisation_id, resource_id=package.resource_id, title=plain(titles[column])[:120],
                defaults={"item": item, "confirmed_by_id": actor.person_id},
            )  # fmt: skip
        package = packages.move(
            actor, package.pk, (State.MAPPING,), State.RECEIVED, "表头已由人确认", facts={"mapping": chosen},
            mapping={str(column): item for column, item in chosen.items()},
        )  # fmt: skip
        _queue(package)
        record(actor, "collection.confirm_mapping", (queries.PACKAGE, package.pk), after={"mapping": package.mapping})
    return package


def _check_mapping(chosen: Mapping[int, str], titles: Mapping[int, str], facts: catalog.ResourceFacts) -> None:
    names = {item.name: item.title for item in facts.items}
    problems = []
    if strange := [item for item in chosen.values() if item not in names]:
        problems.append(f"没有这些信息项：{'、'.join(strange)}")
    if set(chosen) - set(titles):
        problems.append("有的列不在表里")
    if twice := sorted(
        {names[item] for item in chosen.values() if list(chosen.values()).count(item) > 1 and item in names}
    ):
        problems.append(f"一个信息项只能对应一列：{'、'.join(twice)}")
    lacking = [item.title for item in facts.items if item.is_key and item.name not in chosen.values()]
    if lacking:
        problems.append(f"主键“{'、'.join(lacking)}”没有对应的列")
    if problems:
        raise Invalid("；".join(problems) + "。对应表没有保存，请改正后再确认。", errors={"columns": problems})


def withdraw(actor: Actor, package_id: int, reason: str) -> Package:
    """The provider takes a package back before it has become data."""
    package = queries.package(actor, package_id, "withdraw")
    return _end(actor, package, State.WITHDRAWN, reason, "撤回")


def refuse(actor: Actor, package_id: int, reason: str) -> Package:
    """The bureau does not let a package become data."""
    package = queries.package(actor, package_id, "approve")
    return _end(actor, package, State.REFUSED, reason, "退回")


def _end(actor: Actor, package: Package, state: str, reason: str, what: str) -> Package:
    if not reason.strip():
        raise Invalid(f"请写明{what}理由。", errors={"reason": ["必填"]})
    with transaction.atomic():
        ended = packages.move(actor, package.pk, terms.OPEN, state, f"{what}：{reason.strip()}")
        if ended.snapshot_id:
            lake.discard(actor, Snapshot.objects.get(pk=ended.snapshot_id), reason)
        record(actor, f"collection.{state}", (queries.PACKAGE, package.pk), reason=reason)
    return ended


def replay(actor: Actor, package_id: int, reason: str) -> Package:
    """The same file once more, by today's catalogue and rules, as a new package."""
    old = queries.package(actor, package_id, "replay")
    if not reason.strip():
        raise Invalid("请写明重放理由。", errors={"reason": ["必填"]})
    if old.state in terms.OPEN:
        raise Conflict(f"数据包 {old.number} 还在处理，不需要重放。", rule=RULE)
    file = erasing.current(old)
    if file is None:
        raise Conflict(
            f"数据包 {old.number} 的原件已依法整份删除，不能重放。请重新报送。", rule="个人信息保护法第四十七条"
        )
    with plain_of(file) as path, path.open("rb") as content, transaction.atomic():
        made, _ = receive(actor, old.source, old.file_name if file == old.file else file.name, content, replay_of=old)
        record(actor, "collection.replay", (queries.PACKAGE, made.pk), after={"of": old.number}, reason=reason)
    return made
