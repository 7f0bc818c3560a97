"""Two sources by key and row hash."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.lake.process.connections import Connection, Numbers, quoted
from yiwang.kernel.lake.process.task import Task
from yiwang.kernel.lake.work.reading import plain
from yiwang.kernel.lake.work.staging import bind

RULE = "对账须有唯一的主键"
# Of both sides' hashes and their order, for each row: how much memory a part of the rows takes, and as much again is left.
BYTES = 160


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
    types = [dict(connection.rows(f"SELECT column_name, column_type FROM (DESCRIBE {side})")) for side in ("a", "b")]
    both = [name for name in types[0] if name in types[1]]
    if not key or any(name not in both for name in key):
        raise refuse("两边须都有主键列才能对账，没有进行。请核对主键与列名。")
    compared = [name for name in (columns if columns is not None else both) if name not in key]
    alike = {name for name in both if types[0][name] == types[1][name]}
    _part(task, connection, key, compared, alike)
    found = _counted(connection, key, compared, samples)
    connection.close()
    return found


def paths_of(source: dict[str, Any]) -> list[str]:
    inputs = [path for each in source.get("inputs", {}).values() for path in each["paths"]]
    return [*source.get("paths", ()), *inputs]


def _part(task: Task, connection: Connection, key: list[str], compared: list[str], alike: set[str]) -> None:
    """`l` and `r`: the rows whose key is not exactly once on both sides with one hash. Refuses NULL and double keys.

    A row is a hash of its key and one of its columns, 64 bits each; keys of one hash are paired by the keys themselves. A
    row that changed is missed where both its hashes agree: one of 2^64. Columns of one type are hashed as they are, others
    as text, so that 1 and '1' agree.
    """
    names = ", ".join(map(quoted, key))
    nulls = " OR ".join(f"{quoted(name)} IS NULL" for name in key)
    number = f"hash({', '.join(quoted(name) if name in alike else f'{quoted(name)}::VARCHAR' for name in key)})"
    rows = max(connection.value(f"SELECT count(*) FROM {side}") for side in "ab")
    parts = 1 + rows * BYTES // (task.memory_mb << 20)
    apart = []
    for part in range(parts):
        wanted = f" WHERE {number} % {parts} = {part}" if parts > 1 else ""
        given = (f"SELECT {number} AS k, {_hash(compared, alike, side)} AS h FROM {side}{wanted}" for side in "ab")
        with ThreadPoolExecutor(1) as pool:  # one side is sorted while the other is read
            sides = [pool.submit(_sorted, connection.numbers(sql)) for sql in given]
        apart.append(_apart(*(side.result() for side in sides)))
    connection.register("apart", pa.table({"k": np.concatenate(apart)}))
    for side, mine, word in (("a", "l", "左"), ("b", "r", "右")):
        connection.run(f"CREATE TEMP TABLE {mine} AS SELECT * FROM {side} SEMI JOIN apart ON {number} = apart.k")
        bad = connection.value(f"SELECT count(*) FROM (SELECT 1 FROM {mine} GROUP BY {names} HAVING count(*) > 1)")
        bad += connection.value(f"SELECT count(*) FROM {side} WHERE {nulls}")
        if bad:
            raise refuse(f"{word}边有 {bad} 处主键为空或重复，没有对账。请先去重补齐。")
    on = " AND ".join(
        f"l.{quoted(name)} = r.{quoted(name)}" if name in alike
        else f"l.{quoted(name)}::VARCHAR = r.{quoted(name)}::VARCHAR"
        for name in key
    )  # fmt: skip
    differ = f"{_hash(compared, alike, 'l')} <> {_hash(compared, alike, 'r')}"
    connection.run(f"CREATE TEMP TABLE pairs AS SELECT l AS a, r AS b FROM l JOIN r ON {on} WHERE {differ}")
    connection.run(f"CREATE VIEW added AS SELECT * FROM r ANTI JOIN l ON {on}")
    connection.run(f"CREATE VIEW removed AS SELECT * FROM l ANTI JOIN r ON {on}")


def _sorted(given: dict[str, Numbers]) -> tuple[Numbers, Numbers]:
    order = np.argsort(given["k"])
    return given["k"][order], given["h"][order]


def _apart(left: tuple[Numbers, Numbers], right: tuple[Numbers, Numbers]) -> Numbers:
    """Hashes of keys that are not once on both sides with one hash of the row; each side's are given in order."""
    (mine, hashes), (theirs, other) = left, right
    places = np.minimum(np.searchsorted(theirs, mine), max(len(theirs) - 1, 0))
    same = (theirs[places] == mine) & (other[places] == hashes) if len(theirs) else np.zeros(len(mine), bool)
    met = np.zeros(len(theirs), bool)
    met[places[same]] = True
    twice = (keys[1:][keys[1:] == keys[:-1]] for keys in (mine, theirs))
    return np.unique(np.concatenate([mine[~same], theirs[~met], *twice]))


def _hash(compared: list[str], alike: set[str], side: str) -> str:
    parts = [f"{side}.{quoted(name)}{'' if name in alike else '::VARCHAR'}" for name in compared]
    return f"hash({', '.join(parts)})" if parts else "0::UBIGINT"


def _counted(connection: Connection, key: list[str], compared: list[str], samples: int) -> dict[str, Any]:
    total, removed, added, changed = connection.rows(
        "SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM removed), (SELECT count(*) FROM added), "
        "(SELECT count(*) FROM pairs)"
    )[0]
    return {
        "added": added, "removed": removed, "changed": changed, "same": total - removed - changed,
        "by_column": _by_column(connection, compared) if changed else {},
        "samples": {
            "added": _rows(connection, "added", key, samples) if added else [],
            "removed": _rows(connection, "removed", key, samples) if removed else [],
            "changed": _changes(connection, key, compared, samples) if changed else [],
        },
    }  # fmt: skip


def _by_column(connection: Connection, compared: list[str]) -> dict[str, int]:
    sums = ", ".join(f"count(*) FILTER (a.{quoted(name)} IS DISTINCT FROM b.{quoted(name)})" for name in compared)
    found = connection.rows(f"SELECT {sums} FROM pairs")[0]
    return {name: count for name, count in zip(compared, found, strict=True) if count}


def _rows(connection: Connection, view: str, key: list[str], samples: int) -> list[dict[str, Any]]:
    columns = connection.names(f"SELECT * FROM {view}")
    found = connection.rows(f"SELECT * FROM {view} ORDER BY {', '.join(map(quoted, key))} LIMIT {int(samples)}")
    return [dict(zip(columns, map(plain, row), strict=True)) for row in found]


def _changes(connection: Connection, key: list[str], compared: list[str], samples: int) -> list[dict[str, Any]]:
    """[{key columns, column: [before, after]}] of the first changed keys."""
    names = ", ".join(f"a.{quoted(name)}" for name in key)
    both = ", ".join(f"a.{quoted(name)}, b.{quoted(name)}" for name in compared)
    found = connection.rows(f"SELECT {names}, {both} FROM pairs ORDER BY {names} LIMIT {int(samples)}")
    changes = []
    for row in found:
        change: dict[str, Any] = dict(zip(key, map(plain, row), strict=False))
        for index, name in enumerate(compared):
            before, after = row[len(key) + 2 * index : len(key) + 2 * index + 2]
            if before != after:
                change[name] = [plain(before), plain(after)]
        changes.append(change)
    return changes
