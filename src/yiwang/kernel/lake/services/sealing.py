"""From a table in the clear to a sealed one."""

from pathlib import Path

from django.db import transaction

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.files import sealed
from yiwang.kernel.lake import engine, places
from yiwang.kernel.lake.models import DataFile, LakeTable
from yiwang.kernel.lake.services.exporting import MEMORY_MB, SECONDS, facts
from yiwang.kernel.lake.services.locks import no_backup, take
from yiwang.kernel.ledger.services import record


def seal(actor: Actor, table: LakeTable, reason: str) -> bool:
    """From now on files of the table are written sealed; those that are there follow (`seal_files`). False: it was so.

    Tables that were made from it go with it (就高从严). There is no way back: what was protected once stays so.
    """
    with transaction.atomic():
        held = LakeTable.objects.select_for_update().get(pk=table.pk)
        fresh = not held.sealed
        if fresh:
            held.sealed = held.sealing = True
            held.save(update_fields=["sealed", "sealing"])
            record(actor, "lake.table.sealed", ("lake.table", held.pk), reason=reason)
            for made in LakeTable.objects.filter(edges_in__source=held, sealed=False).distinct():
                seal(actor, made, f"由“{held.title}”得来")
    table.sealed, table.sealing = held.sealed, held.sealing
    return fresh


def seal_files(actor: Actor, table: LakeTable) -> int:
    """Seal the files of every snapshot that is kept, then remove the plain ones; how many plain ones there were.

    Killed, it goes on where it was: sealed copies have their name when they are complete, and plain files go when all
    have one. Under a backup, which copies by name, the plain ones wait for the next turn. The Iceberg side, which other
    engines would read them by, goes first.
    """
    with transaction.atomic():
        take(table)
        table.refresh_from_db()
        kept = DataFile.objects.filter(table=table, removed_at=None).values_list("path", flat=True)
        plain = [path for path in map(Path, map(places.absolute, kept)) if path.exists()]
        if not table.sealing:
            return 0
        engine.run(
            "yiwang.kernel.lake.work.iceberg:forget", facts(table), memory_mb=MEMORY_MB, seconds=SECONDS
        )  # fmt: skip
        for path in plain:
            if not sealed.at(path).exists():
                with path.open("rb") as content:
                    sealed.keep(content, path)
        if not no_backup():
            return 0
        for path in plain:
            path.unlink()
        table.snapshots.exclude(iceberg_id=None).update(iceberg_id=None)
        LakeTable.objects.filter(pk=table.pk).update(sealing=False, rebuild=False)
        record(actor, "lake.files.sealed", ("lake.table", table.pk), after={"files": len(plain)})
    table.refresh_from_db()
    return len(plain)
