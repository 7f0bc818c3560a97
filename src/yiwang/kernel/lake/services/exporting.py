"""Publishing to Iceberg: after the pointer has moved, by a job, as often as needed."""

from typing import Any
from urllib.parse import quote

from django.db import connection, transaction

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.lake import engine, places
from yiwang.kernel.lake.models import DataFile, LakeTable, Snapshot
from yiwang.kernel.lake.services.locks import take
from yiwang.kernel.ledger.services import record

SCHEMA = "iceberg"
MEMORY_MB, SECONDS = 1024, 600.0


def catalog_uri() -> str:
    """The platform's own database, in the schema of the Iceberg catalog."""
    settings = connection.settings_dict
    user = quote(settings["USER"], safe="") + (
        ":" + quote(settings["PASSWORD"], safe="") if settings["PASSWORD"] else ""
    )
    query = f"?options=-csearch_path%3D{SCHEMA}"
    host, port = settings["HOST"], f":{settings['PORT']}" if settings["PORT"] else ""
    if host.startswith("/"):
        return f"postgresql+psycopg://{user}@/{settings['NAME']}{query}&host={quote(host, safe='')}"
    return f"postgresql+psycopg://{user}@{host or 'localhost'}{port}/{settings['NAME']}{query}"


def facts(table: LakeTable) -> dict[str, Any]:
    """What the engine is told of a table's Iceberg side."""
    return {
        "uri": catalog_uri(), "warehouse": str(places.root()),
        "table": {
            "name": table.name, "uid": table.uid.hex, "columns": table.columns, "partition": table.partition,
            "location": str(places.root() / table.folder),
        },
    }  # fmt: skip


def _content(snapshot: Snapshot) -> dict[str, Any]:
    files = DataFile.objects.filter(pk__in=snapshot.files)
    return {
        "number": snapshot.number, "digest": snapshot.digest,
        "files": [
            {"path": places.absolute(file.path), "rows": file.rows, "bytes": file.bytes, "partition": file.partition}
            for file in files
        ],
    }  # fmt: skip


def export(actor: Actor, table: LakeTable) -> int:
    """Write what was published since to the Iceberg table; how many snapshots. Safe to repeat and to interrupt.

    Nothing is written of a sealed table: other engines can't read it. An Iceberg table that somebody else wrote to, or whose history had to go, is made anew from the current snapshot.
    """
    with transaction.atomic():
        take(table)
        table.refresh_from_db()
        if table.current is None or table.sealed:
            return 0
        pending = list(
            table.snapshots.filter(publications__isnull=False, expired_at=None, iceberg_id=None)
            .filter(number__gte=_followed(table)).distinct().order_by("number")
        )  # fmt: skip
        ended = table.snapshots.exclude(expired_at=None).exclude(iceberg_id=None).values_list("iceberg_id", flat=True)
        answer = engine.run(
            "yiwang.kernel.lake.work.iceberg:follow",
            {
                **facts(table), "rebuild": table.rebuild, "pending": [_content(each) for each in pending],
                "current": _content(table.current), "ended": list(ended),
            },
            memory_mb=MEMORY_MB, seconds=SECONDS,
        )  # fmt: skip
        _remember(actor, table, answer)
    return len(answer["ids"])


def _followed(table: LakeTable) -> int:
    last = table.snapshots.exclude(iceberg_id=None).order_by("-number").first()
    return last.number if last else table.current.number if table.current else 0


def _remember(actor: Actor, table: LakeTable, answer: dict[str, Any]) -> None:
    if answer["rebuilt"]:
        table.snapshots.exclude(iceberg_id=None).update(iceberg_id=None)
        LakeTable.objects.filter(pk=table.pk).update(rebuild=False)
    for number, each in answer["ids"].items():
        table.snapshots.filter(number=int(number)).update(iceberg_id=each)
    if answer["ids"]:
        after = {"numbers": sorted(map(int, answer["ids"])), "rebuilt": answer["rebuilt"]}
        record(actor, "lake.exported", ("lake.table", table.pk), after=after)
