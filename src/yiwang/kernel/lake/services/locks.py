"""One writer per table; no removal under a backup. All locks end with the caller's transaction."""

import time

from django.db import connection

from yiwang.kernel.access.actors import Conflict
from yiwang.kernel.lake import places
from yiwang.kernel.lake.models import LakeTable

LOCK = 0x6C616B65  # "lake"
WAIT_SECONDS, PAUSE_SECONDS = 30.0, 0.2


def take(table: LakeTable, wait: float = WAIT_SECONDS) -> None:
    """Be the table's only writer until the transaction ends, or refuse in words after `wait` seconds."""
    deadline = time.monotonic() + wait
    while not try_take(table):
        if time.monotonic() > deadline:
            raise Conflict(
                f"“{table.title}”正在由另一任务写入，本次没有进行。请稍后重试。", rule="一张表同时只有一个写入者"
            )
        time.sleep(PAUSE_SECONDS)


def try_take(table: LakeTable) -> bool:
    return _try(LOCK, table.pk % (1 << 31))


def no_backup() -> bool:
    """Whether files may be removed until the transaction ends: no backup is copying them."""
    return _try(places.BACKUP_LOCK, 0)


def _try(room: int, number: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [room, number])
        return bool(cursor.fetchone()[0])
