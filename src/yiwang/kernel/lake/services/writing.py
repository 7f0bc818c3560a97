"""What every verb that makes a snapshot shares: the rows of its files."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.db import transaction

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.lake import places
from yiwang.kernel.lake.models import DataFile, LakeTable, Snapshot
from yiwang.kernel.lake.services.sweeping import remove


def digest_of(files: Iterable[DataFile]) -> str:
    """SHA-256 over `digest rows\\n` of every file, in the order of their digests."""
    lines = sorted(f"{file.digest} {file.rows}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def named(table: LakeTable, made: Sequence[dict[str, Any]]) -> list[DataFile]:
    """Rows for files that the engine put in place."""
    root = places.root()
    return DataFile.objects.bulk_create(
        DataFile(
            table=table, path=Path(file["path"]).relative_to(root).as_posix(), partition=file["partition"],
            rows=file["rows"], bytes=file["bytes"], digest=file["digest"],
        )
        for file in made
    )  # fmt: skip


def snapshot(
    actor: Actor, table: LakeTable, kind: str, files: list[DataFile], *, base: Snapshot | None,
    cause: dict[str, Any], counts: dict[str, int], like: Snapshot | None = None,
) -> Snapshot:  # fmt: skip
    """The next number of the table; the caller holds its lock. `like`: whose lineage it has."""
    last = Snapshot.objects.filter(table=table).order_by("-number").values_list("number", flat=True).first() or 0
    return Snapshot.objects.create(
        table=table, number=last + 1, kind=kind, base=base, columns=table.columns, files=sorted(file.pk for file in files),
        rows=sum(file.rows for file in files), bytes=sum(file.bytes for file in files), digest=digest_of(files),
        cause=cause, counts=counts, lineage=like.lineage if like else [], created_by_id=actor.person_id,
    )  # fmt: skip


def unlink_after_commit(files: Iterable[DataFile]) -> None:
    """Remove files from the disk once their rows say so; what a kill or a backup leaves, the sweep removes."""
    paths = [Path(places.absolute(file.path)) for file in files]
    if paths:
        transaction.on_commit(lambda: remove(paths))


def described(files: Iterable[DataFile]) -> list[dict[str, Any]]:
    """What the engine is told of files: [{id, path, rows, partition}]."""
    return [
        {"id": file.pk, "path": places.absolute(file.path), "rows": file.rows, "partition": file.partition}
        for file in files
    ]


def table_facts(table: LakeTable) -> dict[str, Any]:
    return {
        "columns": table.columns, "key": table.key, "partition": table.partition, "title": table.title,
        "target": str(places.root() / table.folder / "data"),
    }  # fmt: skip
