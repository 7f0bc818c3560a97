"""Staging: new files and a snapshot that nobody reads until it is published."""

from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Invalid
from yiwang.kernel.lake import engine
from yiwang.kernel.lake.models import DataFile, Edge, LakeTable, Snapshot
from yiwang.kernel.lake.opening import bytes_sealed
from yiwang.kernel.lake.services.locks import WAIT_SECONDS, take
from yiwang.kernel.lake.services.sealing import seal
from yiwang.kernel.lake.services.writing import described, named, snapshot, table_facts, workplace
from yiwang.kernel.lake.sources import Source
from yiwang.kernel.lake.sources import source as source_of
from yiwang.kernel.lake.terms import Mode
from yiwang.kernel.ledger.services import record


def stage(
    actor: Actor,
    table: LakeTable,
    source: Source | str | PathLike[str] | Iterable[str | PathLike[str]],
    mode: str,
    cause: Mapping[str, Any],
    *,
    edges: Iterable[Mapping[str, Any]] = (),
    wait: float = WAIT_SECONDS,
    memory_mb: int | None = None,
    seconds: float | None = None,
    job_id: int | None = None,
) -> Snapshot:
    """Make a snapshot from the table's current one and a source; it is not current until `publish`.

    `source`: Parquet path(s), `Files`, `Query` or `Made`; columns are matched by name, cast strictly, extra ones refused.
    `mode`: replace · append · merge (by key) · partition (replaces the partitions that occur) · remove (by key).
    `edges`: lineage, each {column, source: LakeTable or None, source_column, origin, transform}.
    A table made from sealed ones is sealed from then on. One writer per table: waits up to `wait` seconds, then Conflict. Runs the engine: call it from a job.
    """
    chosen, given = Mode(mode), source_of(source)
    if chosen in (Mode.MERGE, Mode.REMOVE) and not table.key:
        raise Invalid(f"“{table.title}”没有主键，不能{chosen.label}。", errors={"mode": ["表没有主键。"]})
    if chosen == Mode.PARTITION and not table.partition:
        raise Invalid(f"“{table.title}”没有分区列，不能整分区替换。", errors={"mode": ["表没有分区列。"]})
    with transaction.atomic():
        take(table, wait)
        table.refresh_from_db()
        base = table.current
        kept = list(DataFile.objects.filter(pk__in=base.files)) if base else []
        reads = given.reads()
        if not table.sealed and bytes_sealed(reads):
            seal(actor, table, "由加密存放的湖表得来")
        size = sum(Path(path).stat().st_size for path in reads if Path(path).exists()) if table.sealed else 0
        with workplace(table, kept, size=size + bytes_sealed(reads)) as folder:
            answer = engine.run(
                "yiwang.kernel.lake.work.staging:stage",
                {"source": given.described(), "table": table_facts(table), "base": described(kept), "mode": str(chosen)},
                memory_mb=memory_mb or settings.LAKE_MEMORY_MB, seconds=seconds or settings.LAKE_SECONDS,
                folder=folder, job_id=job_id,
            )  # fmt: skip
            made_files = named(table, answer["files"])
        by_id = {file.pk: file for file in kept}
        files = [by_id[each] for each in answer["kept"]] + made_files
        made = snapshot(
            actor, table, str(chosen), files, base=base, cause=dict(cause), counts=answer["counts"]
        )  # fmt: skip
        _draw(table, made, edges)
        after = {
            "number": made.number,
            "kind": made.kind,
            "rows": made.rows,
            "digest": made.digest,
            "cause": made.cause,
        }
        record(actor, "lake.snapshot.staged", ("lake.table", table.pk), after=after)
    return made


def _draw(table: LakeTable, made: Snapshot, edges: Iterable[Mapping[str, Any]]) -> None:
    """Keep the edges, and what lineage the table has from now on: they join the base's, or replace them with the rows."""
    names = {column["name"].lower(): column["name"] for column in table.columns}
    given = list(edges)
    if unknown := sorted({edge["column"] for edge in given if edge["column"].lower() not in names}):
        raise Invalid(f"血缘写到了表中没有的列：{'、'.join(unknown)}。", errors={"edges": ["列不存在。"]})
    drawn = [
        Edge(
            target=table, snapshot=made, column=names[edge["column"].lower()], source=edge.get("source"),
            source_column=edge.get("source_column", ""), origin=edge.get("origin", ""),
            transform=edge.get("transform", ""),
        )
        for edge in given
    ]  # fmt: skip
    Edge.objects.bulk_create(drawn)
    before = made.base.lineage if made.base and not (drawn and made.kind == Mode.REPLACE) else []
    kept = {_sort_of(edge): edge.pk for edge in [*Edge.objects.filter(pk__in=before).order_by("pk"), *drawn]}
    made.lineage = sorted(kept.values())
    made.save(update_fields=["lineage"])


def _sort_of(edge: Edge) -> tuple[Any, ...]:
    """Edges that say the same: the newest stands for all, whichever package it came with."""
    return edge.column, edge.source_id, edge.source_column, edge.transform


def discard(actor: Actor, snapshot: Snapshot, reason: str) -> None:
    """Give up a staged snapshot (refused approval): it can't be published any more and its files go."""
    with transaction.atomic():
        take(snapshot.table)
        held = Snapshot.objects.select_for_update().get(pk=snapshot.pk)
        if held.publications.exists():
            raise Invalid("已发布过的快照不能作废；要恢复旧内容请用回退。", errors={"snapshot": ["已发布。"]})
        if held.expired_at is None:
            held.expired_at = timezone.now()
            held.save(update_fields=["expired_at"])
            after = {"number": held.number}
            record(actor, "lake.snapshot.discarded", ("lake.table", held.table_id), after=after, reason=reason)
