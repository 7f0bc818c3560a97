"""What every verb that makes a snapshot shares: the rows of its files."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import transaction

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.files import sealed
from yiwang.kernel.lake import places
from yiwang.kernel.lake.models import DataFile, LakeTable, Snapshot
from yiwang.kernel.lake.services.sweeping import remove


def digest_of(files: Iterable[DataFile]) -> str:
    """SHA-256 over `digest rows\\n` of every file, in the order of their digests."""
    lines = sorted(f"{file.digest} {file.rows}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@contextmanager
def workplace(table: LakeTable, given: Iterable[DataFile], *, size: int = 0) -> Iterator[Path | None]:
    """Where the engine makes files of a sealed table from `given` and `size` bytes more: a private folder, from which
    `named` puts them in place as ciphertext. None for a plain table: the run has a folder of its own."""
    if not table.sealed:
        yield None
        return
    with places.work_folder(1 + size + sum(file.bytes for file in given)) as folder:
        yield folder


def named(table: LakeTable, made: Sequence[dict[str, Any]]) -> list[DataFile]:
    """Rows for files that the engine put in place; those of a sealed table are put there now, sealed."""
    data = Path(table.folder) / "data"
    if table.sealed:
        for file in made:
            sealed.move(Path(file["path"]), places.root() / data)
    return DataFile.objects.bulk_create(
        DataFile(
            table=table, path=(data / Path(file["path"]).name).as_posix(), partition=file["partition"],
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
    """What the engine is told of a table; files of a sealed one stay in the run's folder (`target` is empty)."""
    return {
        "columns": table.columns, "key": table.key, "partition": table.partition, "title": table.title,
        "target": "" if table.sealed else str(places.root() / table.folder / "data"),
    }  # fmt: skip
