"""From the lake to the serving tables and deliveries, in the worker: never in a web request."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.utils import timezone

from yiwang.data.catalog.contract import ResourceFacts
from yiwang.data.sharing import queries
from yiwang.data.sharing.gateway import reading
from yiwang.data.sharing.models import Grant, ServingTable
from yiwang.data.sharing.services import serving
from yiwang.data.sharing.services.filters import compiled
from yiwang.data.sharing.services.grants import refresh
from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.lake import engine, places
from yiwang.kernel.lake import queries as lake
from yiwang.kernel.lake.expressions import condition
from yiwang.kernel.lake.models import LakeTable, Snapshot

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

    def met_by(self, table: ServingTable | None) -> bool:
        if table is None or table.snapshot != self.snapshot.number:
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
    needed = set(keys)
    for grant in grants:
        needed |= set(queries.projection(grant, facts))
        needed |= compiled(grant.row_filter, queries.column_types(facts.items)).columns
    columns = tuple((name, types[name]) for name in types if name in needed)
    return Wanted(facts, snapshot, columns, keys)


def _exported(
    snapshot: Snapshot, columns: Sequence[tuple[str, str]], folder: Path | None, where: str = ""
) -> dict[str, Any]:
    found: dict[str, Any] = engine.run(
        EXPORT + "rows",
        {"source": lake.source(snapshot).described(), "columns": [name for name, _ in columns], "where": where,
         "text": serving.row_text(columns), "write": folder is not None},
        memory_mb=settings.LAKE_MEMORY_MB, seconds=settings.LAKE_SECONDS, folder=folder,
    )  # fmt: skip
    return found


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def serve(actor: Actor, resource_id: int) -> ServingTable | None:
    """Bring the serving table of a resource to the lake's current snapshot; the same table when it is already there."""
    found, table = wanted(resource_id), queries.serving(resource_id)
    if found is None:
        return table
    refresh(actor, resource_id)
    if found.met_by(table):
        return table
    if not set(found.keys) <= {name for name, _ in found.columns}:
        raise Refused(
            f"“{found.facts.name}”的主键字段在数据表里没有，不能建服务表。请核对目录与数据。",
            rule="服务表按键查询",
            code="columns",
        )
    with places.work_folder() as folder:
        made = _exported(found.snapshot, found.columns, folder)
        built = serving.build(
            actor, resource_id, found.columns, found.keys, _chunks(folder / "rows.csv"), snapshot=found.snapshot.number,
            lake_table=found.facts.table,
        )  # fmt: skip
    if not serving.checked(actor, built, made["digest"]):
        raise Refused(
            f"“{found.facts.name}”的服务表与湖中快照 {found.snapshot.number} 的校验和不一致，请重建。", code="digest"
        )
    return built


def check(actor: Actor, table: ServingTable) -> bool:
    """Compare a serving table with the lake's snapshot it was made from."""
    snapshot = lake.numbered(lake.table(table.lake_table), table.snapshot)
    columns = [(str(name), str(kind)) for name, kind in table.columns]
    return serving.checked(actor, table, _exported(snapshot, columns, None)["digest"])


def due_checks() -> list[ServingTable]:
    """Current tables not compared since last night."""
    before = timezone.now() - CHECK_EVERY
    return list(ServingTable.objects.filter(current=True, synthetic=False, checked_at__lt=before))


@dataclass(frozen=True)
class Extract:
    """What of a grant's rows left the lake: files with masked values, and the counts."""

    facts: ResourceFacts
    rows: Path
    removed: Path | None
    columns: tuple[tuple[str, str], ...]
    keys: tuple[str, ...]
    snapshot: Snapshot
    count: int
    removed_count: int


@contextmanager
def extract(grant: Grant, since: int | None = None) -> Iterator[Extract]:
    """The granted rows of the current snapshot, or what changed in them since an earlier one; only what may leave now."""
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
    keys = tuple(facts.key or table.key)
    where = condition(grant.row_filter, types).duckdb() if grant.row_filter else ""
    with places.work_folder() as folder, TemporaryDirectory(dir=folder) as inner:
        if since is None:
            count, gone = _exported(snapshot, columns, folder, where)["rows"], 0
        else:
            if not set(keys) <= set(shown):
                raise Refused(
                    "增量推送须授权主键字段；请改为全量，或重新申请包含主键。", rule="增量按键比对", code="keys"
                )
            written = engine.run(
                EXPORT + "changes",
                {"before": lake.source(lake.numbered(table, since)).described(), "after": lake.source(snapshot).described(),
                 "columns": [name for name, _ in columns], "key": list(keys), "where": where},
                memory_mb=settings.LAKE_MEMORY_MB, seconds=settings.LAKE_SECONDS, folder=folder,
            )  # fmt: skip
            count, gone = written["rows"], written["removed"]
        masked = _masked(folder / "rows.csv", Path(inner) / "masked.csv", [name for name, _ in columns], grant.masks)
        yield Extract(
            facts, masked, folder / "removed.csv" if since is not None else None, columns, keys, snapshot, count, gone
        )


def _masked(path: Path, target: Path, names: list[str], masks: dict[str, str]) -> Path:
    kinds = {position: masks[name] for position, name in enumerate(names) if name in masks}
    if not kinds:
        return path
    with path.open(encoding="utf-8", newline="") as source, target.open("w", encoding="utf-8", newline="") as output:
        writer = csv.writer(output)
        for row in csv.reader(source):
            for position, kind in kinds.items():
                row[position] = row[position] if row[position] == NULL else reading.masked(kind, row[position])
            writer.writerow(row)
    return target
