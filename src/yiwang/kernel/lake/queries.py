"""Reading: which snapshot is current, which files it has; rows and comparisons through the engine.

Domains scope their own reads: what an officer may see of a table is decided at the domain's door, not here.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings

from yiwang.kernel.access.actors import Refused
from yiwang.kernel.files import sealed
from yiwang.kernel.lake import engine, places
from yiwang.kernel.lake.lineage import Lineage, Step, downstream, upstream
from yiwang.kernel.lake.models import DataFile, LakeTable, Snapshot
from yiwang.kernel.lake.sources import Files, Source

__all__ = [
    "Condition", "Diff", "Lineage", "Step", "current", "diff", "downstream", "files", "keys_naming", "numbered", "paths", "reconcile", "rows",
    "source", "table", "upstream",
]  # fmt: skip
MOST_ROWS = 10_000


class Condition(Protocol):
    """A checked expression (`expressions.parse`)."""

    def over(self, source: str) -> tuple[str, str]: ...


@dataclass(frozen=True)
class Diff:
    """Rows by key from one snapshot to another; `by_column` counts the changed rows a column differs in."""

    added: int
    removed: int
    changed: int
    same: int
    by_column: dict[str, int]
    samples: dict[str, list[dict[str, Any]]]


def table(name: str) -> LakeTable:
    return LakeTable.objects.select_related("current").get(name=name)


def current(table: LakeTable) -> Snapshot | None:
    """The published snapshot, as PostgreSQL says now."""
    return Snapshot.objects.filter(pk__in=LakeTable.objects.filter(pk=table.pk).values("current")).first()


def numbered(table: LakeTable, number: int) -> Snapshot:
    """A snapshot by its number, for reads pinned to it; refused when it has expired."""
    found = table.snapshots.filter(number=number).first()
    if found is None or found.expired_at is not None:
        raise Refused(f"“{table.title}”没有第 {number} 号快照，或它已超过保留期。", rule="快照保留期", code="absent")
    return found


def files(snapshot: Snapshot) -> list[DataFile]:
    found = list(DataFile.objects.filter(pk__in=snapshot.files).order_by("pk"))
    if snapshot.expired_at is not None or len(found) != len(snapshot.files):
        raise Refused(f"{snapshot} 已超过保留期，不能读取。", rule="快照保留期", code="absent")
    return found


def paths(snapshot: Snapshot) -> list[str]:
    """Absolute paths of the snapshot's Parquet files: whole files, never with deletes beside them."""
    return [places.absolute(file.path) for file in files(snapshot)]


def source(snapshot: Snapshot) -> Files:
    """The snapshot as an input of `stage`, `reconcile` or an engine function, read by field id."""
    return Files(tuple(paths(snapshot)), tuple(snapshot.columns))


def rows(
    snapshot: Snapshot, columns: Sequence[str] | None = None, where: Condition | None = None, limit: int = 100,
    keys: Iterable[Sequence[Any]] | None = None, *, order: Sequence[str] = (),
) -> list[dict[str, Any]]:  # fmt: skip
    """Rows as dicts (dates, timestamps and decimals as text). `keys` are values of the table's key, in its order."""
    given, condition = where.over("t") if where is not None else ("t", "")
    found: list[dict[str, Any]] = engine.run(
        "yiwang.kernel.lake.work.reading:rows",
        {
            "source": source(snapshot).described(),
            "columns": list(columns) if columns is not None else [column["name"] for column in snapshot.columns],
            "given": given, "where": condition,
            "limit": min(limit, MOST_ROWS),
            "key": snapshot.table.key,
            "keys": None if keys is None else [list(each) for each in keys],
            "order": list(order) or snapshot.table.key,
        },
        memory_mb=settings.LAKE_MEMORY_MB, seconds=60,
    )  # fmt: skip
    return found


def sample(snapshot: Snapshot, columns: Sequence[str], count: int = 1000, seed: int = 1) -> list[dict[str, Any]]:
    """Rows picked by chance, the same for the same seed; values as `rows` gives them."""
    found: list[dict[str, Any]] = engine.run(
        "yiwang.kernel.lake.work.sampling:sample",
        {
            "source": source(snapshot).described(), "columns": list(columns), "count": min(count, MOST_ROWS), "seed": seed,
        },
        memory_mb=settings.LAKE_MEMORY_MB, seconds=120, threads=1,
    )  # fmt: skip
    return found


def keys_naming(table: LakeTable, columns: Sequence[str], texts: Sequence[str]) -> list[list[str]]:
    """Keys of all rows, in any snapshot that is still kept, whose `columns` hold one of the texts; however many."""
    held = table.snapshots.filter(expired_at=None)
    found = DataFile.objects.filter(pk__in={each for snapshot in held for each in snapshot.files}).order_by("pk")
    if gone := [file.path for file in found if not sealed.exists(Path(places.absolute(file.path)))]:
        raise Refused(
            f"数据表“{table.title}”有 {len(gone)} 个文件不在盘上（如 {gone[0]}），不能查找。数据库回到较早时点时常见："
            "请从“./run backup”的备份把 lake 目录里缺的文件拷回，再重做。",
            rule="快照的文件须齐全",
        )
    with places.work_folder(table.sealed and 1 + sum(file.bytes for file in found)) as folder:
        engine.run(
            "yiwang.kernel.lake.work.erasing:keys",
            {"paths": [places.absolute(file.path) for file in found], "columns": table.columns, "key": table.key,
             "wanted": list(columns), "texts": list(texts)},
            memory_mb=settings.LAKE_MEMORY_MB, seconds=settings.LAKE_SECONDS, folder=folder,
        )  # fmt: skip
        answer: list[list[str]] = json.loads((folder / "keys.json").read_text(encoding="utf-8"))
    return answer


def diff(a: Snapshot, b: Snapshot, *, samples: int = 20) -> Diff:
    """What changed from `a` to `b`, both of one table with a key."""
    return reconcile(source(a), source(b), key=a.table.key, samples=samples)


def reconcile(
    a: Snapshot | Source, b: Snapshot | Source, *, key: Sequence[str] = (), columns: Sequence[str] | None = None,
    samples: int = 20,
) -> Diff:  # fmt: skip
    """Compare two sources by key and row hash: added is only in `b`, removed only in `a`.

    `columns`: what to compare besides the key; by default what both have. Key duplicates or NULLs are refused.
    """
    chosen = list(key) or (a.table.key if isinstance(a, Snapshot) else [])
    left, right = (source(each) if isinstance(each, Snapshot) else each for each in (a, b))
    found: Mapping[str, Any] = engine.run(
        "yiwang.kernel.lake.work.comparing:compare",
        {
            "left": left.described(), "right": right.described(), "key": chosen,
            "columns": None if columns is None else list(columns), "samples": samples,
        },
        memory_mb=settings.LAKE_MEMORY_MB, seconds=settings.LAKE_SECONDS,
    )  # fmt: skip
    return Diff(**found)
