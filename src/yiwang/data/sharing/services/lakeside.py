"""From the lake to the serving tables and deliveries, in the worker: never in a web request."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from yiwang.data.catalog.contract import ResourceFacts
from yiwang.data.sharing import queries
from yiwang.data.sharing.gateway import cells, reading
from yiwang.data.sharing.models import Grant, ServingTable
from yiwang.data.sharing.services import serving
from yiwang.data.sharing.services.filters import compiled
from yiwang.data.sharing.services.grants import masks_now, refresh
from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.crypto import sm3
from yiwang.kernel.crypto.cells import current as key_name
from yiwang.kernel.crypto.masks import in_form
from yiwang.kernel.lake import engine, places
from yiwang.kernel.lake import queries as lake
from yiwang.kernel.lake.expressions import Expression, condition, over
from yiwang.kernel.lake.models import LakeTable, Snapshot
from yiwang.kernel.lake.terms import Kind

EXPORT = "yiwang.data.sharing.services.exporting:"
CHUNK, NULL = 1 << 20, r"\N"
CHECK_EVERY = timedelta(hours=20)


@dataclass(frozen=True)
class Wanted:
    """What a resource's serving table must hold now: `snapshot` with `columns` (name, lake type), keyed."""

    facts: ResourceFacts
    snapshot: Snapshot
    columns: tuple[tuple[str, str], ...]
    keys: tuple[str, ...]
    filters: dict[str, Expression]
    sealed: frozenset[str]

    def met_by(self, table: ServingTable | None) -> bool:
        if table is None or table.snapshot != self.snapshot.number or set(table.sealed) != self.sealed:
            return False
        if self.sealed and table.sealed_with != key_name():
            return False
        return {tuple(column) for column in table.columns} == set(self.columns)


def wanted(resource_id: int) -> Wanted | None:
    """None when there is nothing to serve: no live interface grant, or no published data yet."""
    facts = queries.facts_of(resource_id)
    grants = list(queries.live_grants(resource_id).filter(way="api").select_related("request"))
    table = LakeTable.objects.filter(name=facts.table).first() if facts else None
    snapshot = lake.current(table) if table else None
    if facts is None or table is None or snapshot is None or not grants:
        return None
    types = {column["name"]: column["type"] for column in snapshot.columns}
    keys = tuple(facts.key or table.key)
    needed, filters = set(keys), dict[str, Expression]()
    for grant in grants:
        needed |= set(queries.projection(grant, facts))
        used = compiled(grant.row_filter, queries.column_types(facts.items)).columns
        if used & facts.sealed:
            # PostgreSQL can't judge what it can't read: the lake does, and the table has the answer.
            filters[reading.filter_column(grant.pk)] = condition(grant.row_filter, types)
        else:
            needed |= used
    columns = tuple((name, types[name]) for name in types if name in needed)
    judged = tuple((name, "boolean") for name in filters)
    return Wanted(facts, snapshot, columns + judged, keys, filters, facts.sealed & needed & set(types))


def _exported(
    snapshot: Snapshot, columns: Sequence[tuple[str, str]], folder: Path | None, where: Expression | None = None,
    filters: Mapping[str, Expression] | None = None,
) -> dict[str, Any]:  # fmt: skip
    names = list(filters or {})
    given, said = over([*(filters or {}).values(), *([where] if where else [])], "t")
    found: dict[str, Any] = engine.run(
        EXPORT + "rows",
        {"source": lake.source(snapshot).described(), "columns": [name for name, _ in columns], "given": given,
         "where": said[len(names)] if where else "", "made": dict(zip(names, said, strict=False)), "text": serving.row_text(columns), "write": folder is not None},
        memory_mb=settings.LAKE_MEMORY_MB, seconds=settings.LAKE_SECONDS, folder=folder,
    )  # fmt: skip
    return found


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def serve(actor: Actor, resource_id: int, *, anew: bool = False) -> ServingTable | None:
    """Bring the serving table of a resource to the lake's current snapshot; the same table when it is already there.

    `anew` builds it also then. A table that differs from the lake is never switched to.
    """
    found, table = wanted(resource_id), queries.serving(resource_id)
    if found is None:
        return table
    refresh(actor, resource_id)
    if found.met_by(table) and not anew:
        return table
    if not set(found.keys) <= {name for name, _ in found.columns}:
        raise Refused(
            f"“{found.facts.name}”的主键字段在数据表里没有，不能建服务表。请核对目录与数据。",
            rule="服务表按键查询",
            code="columns",
        )
    with places.work_folder(found.snapshot.clear) as folder:
        made = _exported(found.snapshot, found.columns, folder, filters=found.filters)
        rows = folder / "rows.csv"
        sealing = _sealing(resource_id, found.columns, found.keys, found.sealed) if found.sealed else None
        with transaction.atomic():
            built = serving.build(
                actor, resource_id, found.columns, found.keys, _sealed(rows, sealing) if sealing else _chunks(rows),
                snapshot=found.snapshot.number, lake_table=found.facts.table, sealed=found.sealed,
                keep_old=not _erased_since(found.snapshot, table),
            )  # fmt: skip
            if not serving.checked(actor, built, sealing.digest if sealing else made["digest"]):
                raise Refused(
                    f"“{found.facts.name}”的服务表与湖中快照 {found.snapshot.number} 的校验和不一致，没有切换，仍用原来的。",
                    rule="服务表须与湖一致", code="digest",
                )  # fmt: skip
    return built


def check(actor: Actor, table: ServingTable) -> bool:
    """Compare a serving table with the lake's snapshot it was made from."""
    snapshot = lake.numbered(lake.table(table.lake_table), table.snapshot)
    columns = [(str(name), str(kind)) for name, kind in table.columns]
    sealed, filters = frozenset(table.sealed), _filters(table, snapshot)
    if not sealed:
        return serving.checked(actor, table, _exported(snapshot, columns, None, filters=filters)["digest"])
    sealing = _sealing(table.resource_id, columns, table.keys, sealed, table.sealed_with)
    with places.work_folder(snapshot.clear) as folder:
        _exported(snapshot, columns, folder, filters=filters)
        for _ in _sealed(folder / "rows.csv", sealing):
            pass
    return serving.checked(actor, table, sealing.digest)


def _filters(table: ServingTable, snapshot: Snapshot) -> dict[str, Expression]:
    """The judged columns of a table and their conditions."""
    types = {column["name"]: column["type"] for column in snapshot.columns}
    grants = {reading.filter_column(grant.pk): grant for grant in Grant.objects.filter(resource_id=table.resource_id)}
    return {name: condition(grants[name].row_filter, types) for name, _ in table.columns if name in grants}


def _sealing(
    resource_id: int, columns: Sequence[tuple[str, str]], keys: Sequence[str], sealed: frozenset[str], sealed_with: str = ""
) -> cells.Sealing:  # fmt: skip
    return cells.Sealing(cells.Rows(resource_id, keys, sealed, sealed_with), columns)


def _sealed(path: Path, sealing: cells.Sealing) -> Iterator[bytes]:
    with path.open(encoding="utf-8", newline="") as lines:
        yield from sealing.chunks(lines)


def due_checks() -> list[ServingTable]:
    """Current tables not compared since last night."""
    before = timezone.now() - CHECK_EVERY
    return list(ServingTable.objects.filter(current=True, synthetic=False, checked_at__lt=before))


@dataclass(frozen=True)
class Position:
    """What a receiver has: a snapshot, and how its rows looked (`shape`: fields, masks, filter)."""

    snapshot: int
    shape: str


@dataclass(frozen=True)
class Extract:
    """What of a grant's rows left the lake: files with masked values, and the counts.

    `since` is the snapshot the changes are counted from; None when the rows are all there are.
    """

    facts: ResourceFacts
    rows: Path
    removed: Path | None
    columns: tuple[tuple[str, str], ...]
    keys: tuple[str, ...]
    masks: dict[str, str]
    snapshot: Snapshot
    since: int | None
    shape: str
    count: int
    removed_count: int

    @property
    def position(self) -> Position:
        return Position(self.snapshot.number, self.shape)


def _erased_since(snapshot: Snapshot, table: ServingTable | None) -> bool:
    """Whether a person was deleted from the lake after the table in service was made (个人信息保护法第四十七条)."""
    if table is None:
        return False
    return Snapshot.objects.filter(
        table_id=snapshot.table_id, kind=Kind.REWRITE, number__gt=table.snapshot, number__lte=snapshot.number
    ).exists()


def _comparable(
    table: LakeTable, snapshot: Snapshot, last: Position | None, shape: str, keyed: bool
) -> Snapshot | None:
    """The snapshot from which changes tell everything; None when only all rows do.

    Masked keys meet each other; rows of another shape have to be given again; a person deleted from every snapshot
    (个人信息保护法第四十七条) is no difference between two of them; an expired snapshot can't be compared.
    """
    if last is None or last.shape != shape or not keyed:
        return None
    if table.snapshots.filter(kind=Kind.REWRITE, number__gt=last.snapshot, number__lte=snapshot.number).exists():
        return None
    return table.snapshots.filter(number=last.snapshot, expired_at=None).first()


@contextmanager
def extract(grant: Grant, last: Position | None = None) -> Iterator[Extract]:
    """The granted rows of the current snapshot, or what changed since `last`; only what may leave now, masked as now."""
    facts = queries.facts_of(grant.resource_id)
    table = LakeTable.objects.filter(name=facts.table).first() if facts else None
    snapshot = lake.current(table) if table else None
    shown = queries.projection(grant, facts) if facts else []
    if facts is None or table is None or snapshot is None or not shown:
        raise Refused(
            "没有可交付的数据：资源没有数据，或授权字段目前都不允许共享。", rule="目录决定可出字段", code="nothing"
        )
    types = {column["name"]: column["type"] for column in snapshot.columns}
    columns = tuple((name, types[name]) for name in shown if name in types)
    names, keys, masks = [name for name, _ in columns], tuple(facts.key or table.key), masks_now(grant, facts)
    where = condition(grant.row_filter, types) if grant.row_filter else None
    shape = sm3(json.dumps([columns, keys, masks, grant.row_filter], sort_keys=True).encode())
    before = _comparable(table, snapshot, last, shape, set(keys) <= set(names) - set(masks))
    with places.work_folder(snapshot.clear) as folder, TemporaryDirectory(dir=folder) as inner:
        if before is None:
            count, gone = _exported(snapshot, columns, folder, where)["rows"], 0
        else:
            old, new = (where.over(side) if where else (side, "") for side in ("old", "new"))
            written = engine.run(
                EXPORT + "changes",
                {"before": lake.source(before).described(), "after": lake.source(snapshot).described(),
                 "columns": names, "key": list(keys), "old": old, "new": new},
                memory_mb=settings.LAKE_MEMORY_MB, seconds=settings.LAKE_SECONDS, folder=folder,
            )  # fmt: skip
            count, gone = written["rows"], written["removed"]
        yield Extract(
            facts, _masked(folder / "rows.csv", Path(inner) / "masked.csv", names, masks),
            folder / "removed.csv" if before is not None else None, columns, keys, masks, snapshot,
            before.number if before is not None else None, shape, count, gone,
        )  # fmt: skip


def _masked(path: Path, target: Path, names: list[str], masks: dict[str, str]) -> Path:
    kinds = {position: masks[name] for position, name in enumerate(names) if name in masks}
    if not kinds:
        return path
    with path.open(encoding="utf-8", newline="") as source, target.open("w", encoding="utf-8", newline="") as output:
        writer = csv.writer(output)
        for row in csv.reader(source):
            for position, kind in kinds.items():
                row[position] = row[position] if row[position] == NULL else in_form(kind, row[position])
            writer.writerow(row)
    return target
