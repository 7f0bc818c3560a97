"""Two sources by key and row hash."""

from typing import Any

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.lake.process.connections import Connection, quoted
from yiwang.kernel.lake.process.task import Task
from yiwang.kernel.lake.work.reading import plain
from yiwang.kernel.lake.work.staging import bind

RULE = "对账须有唯一的主键"


def refuse(message: str) -> Invalid:
    return Invalid(message, errors={"key": [message]}, rule=RULE)


def compare(
    task: Task, left: dict[str, Any], right: dict[str, Any], key: list[str], columns: list[str] | None, samples: int
) -> dict[str, Any]:
    """{added, removed, changed, same, by_column, samples: {added, removed, changed: [row or {key…, column: [a, b]}]}}."""
    reads = [path for each in (left, right) for path in paths_of(each)]
    connection = Connection(task, reads)
    bind(task, connection, "a", left)
    bind(task, connection, "b", right)
    both = [name for name in connection.names("SELECT * FROM a") if name in connection.names("SELECT * FROM b")]
    if not key or any(name not in both for name in key):
        raise refuse("两边须都有主键列才能对账，没有进行。请核对主键与列名。")
    compared = [name for name in (columns if columns is not None else both) if name not in key]
    for side in ("a", "b"):
        _hash(connection, side, key, compared)
    found = _joined(connection, key, compared, samples)
    connection.close()
    return found


def paths_of(source: dict[str, Any]) -> list[str]:
    inputs = [path for each in source.get("inputs", {}).values() for path in each["paths"]]
    return [*source.get("paths", ()), *inputs]


def _hash(connection: Connection, side: str, key: list[str], compared: list[str]) -> None:
    names = ", ".join(map(quoted, key))
    hashed = f"hash({', '.join(f'CAST({quoted(name)} AS VARCHAR)' for name in compared)})" if compared else "0"
    connection.run(f"CREATE TEMP TABLE h{side} AS SELECT {names}, {hashed} AS h FROM {side}")
    nulls = " OR ".join(f"{quoted(name)} IS NULL" for name in key)
    twice = f"SELECT 1 FROM h{side} GROUP BY {names} HAVING count(*) > 1"
    bad = connection.value(f"SELECT (SELECT count(*) FROM h{side} WHERE {nulls}) + (SELECT count(*) FROM ({twice}))")
    if bad:
        raise refuse(f"{'左' if side == 'a' else '右'}边有 {bad} 处主键为空或重复，没有对账。请先去重补齐。")


def _joined(connection: Connection, key: list[str], compared: list[str], samples: int) -> dict[str, Any]:
    names = ", ".join(map(quoted, key))
    connection.run(
        f"CREATE TEMP TABLE apart AS SELECT {names}, CASE WHEN a.h IS NULL THEN 1 WHEN b.h IS NULL THEN 2 ELSE 3 END AS w "
        f"FROM ha a FULL JOIN hb b USING ({names}) WHERE a.h IS DISTINCT FROM b.h"
    )
    counts = dict(connection.rows("SELECT w, count(*) FROM apart GROUP BY w"))
    added, removed, changed = (counts.get(way, 0) for way in (1, 2, 3))
    same = connection.value("SELECT count(*) FROM ha") - removed - changed
    return {
        "added": added, "removed": removed, "changed": changed, "same": same,
        "by_column": _by_column(connection, key, compared) if changed else {},
        "samples": {
            "added": _rows(connection, "b", key, 1, samples), "removed": _rows(connection, "a", key, 2, samples),
            "changed": _changes(connection, key, compared, samples) if changed else [],
        },
    }  # fmt: skip


def _pairs(key: list[str]) -> str:
    names = ", ".join(map(quoted, key))
    return f"(SELECT {names} FROM apart WHERE w = 3) k JOIN a USING ({names}) JOIN b USING ({names})"


def _by_column(connection: Connection, key: list[str], compared: list[str]) -> dict[str, int]:
    sums = ", ".join(f"count(*) FILTER (a.{quoted(name)} IS DISTINCT FROM b.{quoted(name)})" for name in compared)
    found = connection.rows(f"SELECT {sums} FROM {_pairs(key)}")[0]
    return {name: count for name, count in zip(compared, found, strict=True) if count}


def _rows(connection: Connection, side: str, key: list[str], way: int, samples: int) -> list[dict[str, Any]]:
    names = ", ".join(map(quoted, key))
    columns = connection.names(f"SELECT * FROM {side}")
    found = connection.rows(
        f"SELECT {', '.join(map(quoted, columns))} FROM {side} SEMI JOIN (SELECT {names} FROM apart WHERE w = {way}) "
        f"USING ({names}) ORDER BY {names} LIMIT {int(samples)}"
    )
    return [dict(zip(columns, map(plain, row), strict=True)) for row in found]


def _changes(connection: Connection, key: list[str], compared: list[str], samples: int) -> list[dict[str, Any]]:
    names = ", ".join(map(quoted, key))
    both = ", ".join(f"a.{quoted(name)}, b.{quoted(name)}" for name in compared)
    found = connection.rows(f"SELECT {names}, {both} FROM {_pairs(key)} ORDER BY {names} LIMIT {int(samples)}")
    changes = []
    for row in found:
        change: dict[str, Any] = dict(zip(key, map(plain, row), strict=False))
        for index, name in enumerate(compared):
            before, after = row[len(key) + 2 * index : len(key) + 2 * index + 2]
            if before != after:
                change[name] = [plain(before), plain(after)]
        changes.append(change)
    return changes
