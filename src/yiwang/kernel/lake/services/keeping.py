"""Retention and compaction."""

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Invalid
from yiwang.kernel.lake import engine
from yiwang.kernel.lake.models import DataFile, LakeTable, Snapshot
from yiwang.kernel.lake.services.locks import take
from yiwang.kernel.lake.services.publishing import point
from yiwang.kernel.lake.services.writing import described, named, snapshot, table_facts, unlink_after_commit, workplace
from yiwang.kernel.lake.terms import Kind
from yiwang.kernel.ledger.services import record

SMALL_BYTES = 64 << 20


def set_retention(actor: Actor, table: LakeTable, keep: int, reason: str) -> None:
    """How many published snapshots a table keeps; 0 keeps all."""
    actor.require("lake.table", "keep")
    if keep < 0:
        raise Invalid("保留快照数不能为负。", errors={"keep": ["不能为负。"]})
    with transaction.atomic():
        held = LakeTable.objects.select_for_update().get(pk=table.pk)
        before, held.keep = held.keep, keep
        held.save(update_fields=["keep"])
        record(actor, "lake.table.retention", ("lake.table", held.pk), before=before, after=keep, reason=reason)


def hold(actor: Actor, snapshot: Snapshot, reason: str) -> None:
    """Keep a snapshot beyond the table's retention (a sealed report reads it); an empty reason lets it go again."""
    actor.require("lake.snapshot", "hold")
    with transaction.atomic():
        held = Snapshot.objects.select_for_update().get(pk=snapshot.pk)
        if held.expired_at is not None:
            raise Invalid(f"{held} 已失效，不能再保留。", errors={"snapshot": ["已失效。"]})
        held.hold = reason
        held.save(update_fields=["hold"])
        record(actor, "lake.snapshot.held", ("lake.table", held.table_id), after={"number": held.number}, reason=reason)


def _expiring(table: LakeTable, keep: int) -> list[Snapshot]:
    """Published ones beyond the newest `keep`, and staged ones that can't be published any more. Never the current."""
    alive = table.snapshots.filter(expired_at=None).order_by("-number").prefetch_related("publications")
    published, lost = [], []
    for held in alive:
        if held.publications.all():
            published.append(held)
        elif held.base_id != table.current_id:
            lost.append(held)
    beyond = published[keep:] if keep else []
    return [held for held in [*beyond, *lost] if held.pk != table.current_id and not held.hold]


def expire(actor: Actor, table: LakeTable, keep: int) -> int:
    """End the snapshots beyond the newest `keep` published ones (0: keep all) and remove files nobody names then.

    Also ends staged snapshots whose base is no longer current. Held ones stay. Returns how many ended.
    """
    with transaction.atomic():
        take(table)
        table.refresh_from_db()
        ended = _expiring(table, keep)
        now = timezone.now()
        Snapshot.objects.filter(pk__in=[held.pk for held in ended]).update(expired_at=now)
        removed = _drop_unnamed(table)
        if ended or removed:
            after = {"ended": [held.number for held in ended], "files": len(removed)}
            record(actor, "lake.expired", ("lake.table", table.pk), after=after)
    return len(ended)


def _drop_unnamed(table: LakeTable) -> list[DataFile]:
    """Mark and later unlink files that no kept snapshot names; the caller holds the table's lock."""
    named_files = {
        each for files in table.snapshots.filter(expired_at=None).values_list("files", flat=True) for each in files
    }
    gone = [file for file in DataFile.objects.filter(table=table, removed_at=None) if file.pk not in named_files]
    DataFile.objects.filter(pk__in=[file.pk for file in gone]).update(removed_at=timezone.now())
    unlink_after_commit(gone)
    return gone


def compact(actor: Actor, table: LakeTable, *, job_id: int | None = None) -> Snapshot | None:
    """Join small files of a partition into one and publish the same rows; None when there is nothing to join.

    Left alone while a staged snapshot waits for its approval, which a new current one would void.
    """
    with transaction.atomic():
        take(table)
        table.refresh_from_db()
        base = table.current
        waiting = table.snapshots.filter(base=base, expired_at=None, publications=None)
        if base is None or waiting.exists():
            return None
        files = list(DataFile.objects.filter(pk__in=base.files))
        groups = _small(files)
        if not groups:
            return None
        joined = {file.pk for group in groups for file in group}
        with workplace(table, [file for group in groups for file in group]) as folder:
            answer = engine.run(
                "yiwang.kernel.lake.work.compacting:compact",
                {"table": table_facts(table), "groups": [described(group) for group in groups]},
                memory_mb=settings.LAKE_MEMORY_MB, seconds=settings.LAKE_SECONDS, folder=folder, job_id=job_id,
            )  # fmt: skip
            left = [file for file in files if file.pk not in joined] + named(table, answer)
        made = snapshot(
            actor, table, Kind.COMPACT, left, base=base, cause={"compacted": len(joined)}, counts={}, like=base,
        )  # fmt: skip
        if made.rows != base.rows:
            raise engine.EngineFailed(
                "合并小文件前后行数不一致，没有发布。请联系系统管理员。", f"{base.rows} → {made.rows}"
            )
        point(actor, table, made, "合并小文件")
    table.refresh_from_db()
    return made


def _small(files: list[DataFile]) -> list[list[DataFile]]:
    """Groups of two or more small files of one partition."""
    groups: dict[str | None, list[DataFile]] = {}
    for file in files:
        if file.bytes < SMALL_BYTES:
            groups.setdefault(file.partition, []).append(file)
    return [group for group in groups.values() if len(group) > 1]
