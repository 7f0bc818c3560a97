"""Removing what no row names: leftovers of killed, refused or postponed work."""

import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from yiwang.kernel.files import sealed
from yiwang.kernel.jobs.services import enqueue
from yiwang.kernel.jobs.tasks import Outcome, job
from yiwang.kernel.lake import places
from yiwang.kernel.lake.models import DataFile, LakeTable
from yiwang.kernel.lake.services.locks import no_backup, try_take

FOLDER_AGE = 7 * 24 * 3600.0
AFTER_BACKUP = timedelta(minutes=5)


def remove(paths: list[Path]) -> None:
    """Unlink files whose rows are given up already; while a backup copies them, later."""
    with transaction.atomic():
        if not no_backup():
            sweep_later()
            return
        for path in paths:
            sealed.remove(path)


def sweep() -> int:
    """Remove files that no row names. Returns how many; after a backup it begins again by itself."""
    removed = sum(_sweep_table(table) for table in LakeTable.objects.all())
    for folder in [*places.abandoned(), *_unknown_folders()]:
        shutil.rmtree(folder, ignore_errors=True)
        removed += 1
    return removed


@job("lake.sweep", title="清理湖目录残留")
def sweep_job() -> Outcome:
    return Outcome(f"清理 {sweep()} 处残留。")


def sweep_later() -> None:
    enqueue(sweep_job, key="sweep", at=timezone.now() + AFTER_BACKUP)


def _sweep_table(table: LakeTable) -> int:
    """The lock says that nobody is writing: whatever is on the disk without a row will never get one."""
    removed = 0
    with transaction.atomic():
        if not try_take(table):
            return 0
        if not no_backup():
            sweep_later()
            return 0
        known = set(DataFile.objects.filter(table=table, removed_at=None).values_list("path", flat=True))
        data = places.root() / table.folder / "data"
        if data.exists():
            with sealed.held(data):
                for path in data.iterdir():
                    if path.relative_to(places.root()).as_posix().removesuffix(sealed.SUFFIX) not in known:
                        path.unlink(missing_ok=True)
                        removed += 1
    return removed


def _unknown_folders() -> Iterator[Path]:
    """Folders of tables whose registration was rolled back, untouched for a week."""
    known = {table.folder for table in LakeTable.objects.all()}
    limit = time.time() - FOLDER_AGE
    for folder in places.root().glob("*-????????"):
        if folder.name in known or not folder.is_dir():
            continue
        if all(path.stat().st_mtime < limit for path in [folder, *folder.rglob("*")]):
            yield folder
