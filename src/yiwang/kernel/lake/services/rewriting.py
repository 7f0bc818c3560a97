"""Deleting persons from every retained snapshot, with a proof that can be read again."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Invalid
from yiwang.kernel.crypto import mac
from yiwang.kernel.lake import engine, proofs
from yiwang.kernel.lake.models import DataFile, LakeTable, Proof, Snapshot
from yiwang.kernel.lake.services.locks import take
from yiwang.kernel.lake.services.publishing import point
from yiwang.kernel.lake.services.writing import (
    described,
    digest_of,
    named,
    snapshot,
    table_facts,
    unlink_after_commit,
    workplace,
)
from yiwang.kernel.lake.terms import Kind
from yiwang.kernel.ledger.services import record


def rewrite_without(
    actor: Actor, table: LakeTable, keys: Iterable[Sequence[Any]], reason: str, *, job_id: int | None = None
) -> Proof:
    """Delete the rows of these keys (values in the order of `table.key`) from every snapshot that is still kept.

    个人信息保护法 第四十七条. Files with such a row are written anew without it and the old ones are removed from the
    disk; snapshots keep their numbers. When the current snapshot is touched, a new one takes its place, so that whatever
    copied it sees that it must copy again; snapshots staged before have to be staged again. The proof holds counts and
    digests before and after, never the keys. Runs the engine: call it from a job.
    """
    wanted = sorted({proofs.plain_key(each) for each in keys})
    if not table.key or not wanted or any(len(each) != len(table.key) for each in wanted):
        raise Invalid(
            f"须按主键（{'、'.join(table.key) or '本表没有主键'}）给出要删除的记录，没有删除。",
            errors={"keys": ["与主键不符。"]}, rule="个人信息删除按主键进行",
        )  # fmt: skip
    with transaction.atomic():
        take(table)
        table.refresh_from_db()
        kept = list(table.snapshots.filter(expired_at=None).order_by("number"))
        files = DataFile.objects.in_bulk({each for held in kept for each in held.files})
        with workplace(table, files.values()) as folder:
            found = _without(table, files.values(), wanted, folder, job_id)
            fresh = dict(zip(found, _named(table, found.values()), strict=True))
        proof = _prove(actor, table, kept, files, fresh, wanted, reason)
    table.refresh_from_db()
    return proof


def _without(
    table: LakeTable, files: Iterable[DataFile], wanted: list[tuple[str, ...]], folder: Path | None, job_id: int | None
) -> dict[int, dict[str, Any] | None]:
    """What takes the place of each file that holds a wanted key; None when nothing of it is left."""
    answer = engine.run(
        "yiwang.kernel.lake.work.rewriting:without",
        {"table": table_facts(table), "files": described(files), "keys": wanted},
        memory_mb=settings.LAKE_MEMORY_MB, seconds=settings.LAKE_SECONDS, folder=folder, job_id=job_id,
    )  # fmt: skip
    return {int(old): made for old, made in answer.items()}


def _named(table: LakeTable, made: Iterable[dict[str, Any] | None]) -> list[DataFile | None]:
    each = list(made)
    rows = iter(named(table, [file for file in each if file is not None]))
    return [None if file is None else next(rows) for file in each]


def _prove(
    actor: Actor, table: LakeTable, kept: list[Snapshot], files: dict[int, DataFile],
    fresh: dict[int, DataFile | None], wanted: list[tuple[str, ...]], reason: str,
) -> Proof:  # fmt: skip
    facts = []
    before_current = table.current
    for held in kept:
        rows, digest = held.rows, held.digest
        _swap(held, files, fresh)
        facts.append({"number": held.number, "rows_before": rows, "rows_after": held.rows,
                      "digest_before": digest, "digest_after": held.digest})  # fmt: skip
    made = _replace_current(actor, table, before_current, fresh, reason) if before_current else None
    gone = [files[old] for old in fresh]
    content = {"snapshots": facts, "files": [_swapped(files[old], new) for old, new in fresh.items()],
               "examined": len(files)}  # fmt: skip
    proof = Proof(
        table=table, snapshot=made, keys=len(wanted), keys_mac=mac(json.dumps(wanted).encode(), proofs.KEYS),
        content=content, reason=reason, created_by_id=actor.person_id,
    )  # fmt: skip
    proof.mac = mac(proofs.attested(proof), proofs.PURPOSE)
    proof.save(force_insert=True)
    DataFile.objects.filter(pk__in=list(fresh)).update(removed_at=timezone.now())
    LakeTable.objects.filter(pk=table.pk).update(rebuild=True)
    unlink_after_commit(gone)
    record(
        actor, "lake.rewritten", ("lake.table", table.pk), reason=reason,
        after={"proof": proof.pk, "keys": len(wanted), "mac": proof.mac, "snapshots": facts},
    )  # fmt: skip
    return proof


def _swap(held: Snapshot, files: dict[int, DataFile], fresh: dict[int, DataFile | None]) -> None:
    if not set(held.files) & set(fresh):
        return
    left = [fresh.get(each, files[each]) for each in held.files]
    now = [file for file in left if file is not None]
    held.files, held.digest = sorted(file.pk for file in now), digest_of(now)
    held.rows, held.bytes = sum(file.rows for file in now), sum(file.bytes for file in now)
    held.iceberg_id = None
    held.save(update_fields=["files", "digest", "rows", "bytes", "iceberg_id"])


def _replace_current(
    actor: Actor, table: LakeTable, before: Snapshot, fresh: dict[int, DataFile | None], reason: str
) -> Snapshot | None:
    rows = before.rows
    before.refresh_from_db()
    if rows == before.rows or not fresh:
        return None
    files = list(DataFile.objects.filter(pk__in=before.files))
    made = snapshot(
        actor, table, Kind.REWRITE, files, base=before, cause={"rewritten": before.number},
        counts={"removed": rows - before.rows}, like=before,
    )  # fmt: skip
    point(actor, table, made, reason)
    return made


def _swapped(old: DataFile, new: DataFile | None) -> dict[str, Any]:
    after = {"path": None, "rows": 0, "digest": None} if new is None else {
        "path": new.path, "rows": new.rows, "digest": new.digest
    }  # fmt: skip
    return {"before": {"path": old.path, "rows": old.rows, "digest": old.digest}, "after": after}
