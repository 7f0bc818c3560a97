"""Two sources by key and row hash."""

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
Said = tuple[str, str, str]  # a column's name, and how each side's value of it is compared


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
    said = list(zip(compared, _said(compared, alike, "a"), _said(compared, alike, "b"), strict=True))
    found = _counted(connection, key, said, samples)
    connection.close()
    return found


def paths_of(source: dict[str, Any]) -> list[str]:
    inputs = [path for each in source.get("inputs", {}).values() for path in each["paths"]]
    return [*source.get("paths", ()), *inputs]


def _part(task: Task, connection: Connection, key: list[str], compared: list[str], alike: set[str]) -> None:
    """`__l` and `__r`: the rows whose key is not exactly once on both sides with one hash. Refuses NULL and double keys.

    A row is a hash of its key and one of its columns, 64 bits each; keys of one hash are paired by the keys themselves. A
    row that changed is missed where both its hashes agree: one of 2^64. Columns of one type are hashed as they are, others
    as text, so that 1 and '1' agree.
    """
    names = ", ".join(map(quoted, key))
    nulls = " OR ".join(f"{quoted(name)} IS NULL" for name in key)
    rows = max(connection.value(f"SELECT count(*) FROM {side}") for side in "ab")
    parts = 1 + rows * BYTES // (task.memory_mb << 20)
    numbers = {side: _hash(key, alike, side) for side in "ab"}
    apart = []
    for part in range(parts):
        # Rows without a key differ between the sides, so that all of them are apart.
        given = (
            f"SELECT {number} AS k, CASE WHEN {nulls} THEN {place}::UBIGINT ELSE {_hash(compared, alike, side)} END AS h "
            f"FROM {side}{f' WHERE {number} % {parts} = {part}' if parts > 1 else ''}"
            for place, (side, number) in enumerate(numbers.items())
        )
        apart.append(_apart(*(_sorted(connection.numbers(sql)) for sql in given)))
    connection.register("apart", pa.table({"__k": np.concatenate(apart)}))
    for side, mine, word in (("a", "__l", "左"), ("b", "__r", "右")):
        connection.run(f"CREATE TEMP TABLE {mine} AS SELECT * FROM {side} SEMI JOIN apart ON {numbers[side]} = __k")
        bad = connection.value(f"SELECT count(*) FROM (SELECT 1 FROM {mine} GROUP BY {names} HAVING count(*) > 1)")
        bad += connection.value(f"SELECT count(*) FROM {mine} WHERE {nulls}")
        if bad:
            raise refuse(f"{word}边有 {bad} 处主键为空或重复，没有对账。请先去重补齐。")
    keys = zip(_said(key, alike, "__l"), _said(key, alike, "__r"), strict=True)
    on = " AND ".join(f"{mine} = {theirs}" for mine, theirs in keys)
    differ = f"{_hash(compared, alike, '__l')} <> {_hash(compared, alike, '__r')}"
    connection.run(f"CREATE TEMP TABLE pairs AS SELECT __l AS a, __r AS b FROM __l JOIN __r ON {on} WHERE {differ}")
    connection.run(f"CREATE VIEW added AS SELECT * FROM __r ANTI JOIN __l ON {on}")
    connection.run(f"CREATE VIEW removed AS SELECT * FROM __l ANTI JOIN __r ON {on}")


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


def _said(names: list[str], alike: set[str], side: str) -> list[str]:
    return [f"{side}.{quoted(name)}{'' if name in alike else '::VARCHAR'}" for name in names]


def _hash(names: list[str], alike: set[str], side: str) -> str:
    return f"hash({', '.join(_said(names, alike, side))})" if names else "0::UBIGINT"


def _counted(connection: Connection, key: list[str], said: list[Said], samples: int) -> dict[str, Any]:
    total, removed, added, changed = connection.rows(
        "SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM removed), (SELECT count(*) FROM added), "
        "(SELECT count(*) FROM pairs)"
    )[0]
    return {
        "added": added, "removed": removed, "changed": changed, "same": total - removed - changed,
        "by_column": _by_column(connection, said) if changed else {},
        "samples": {
            "added": _rows(connection, "added", key, samples) if added else [],
            "removed": _rows(connection, "removed", key, samples) if removed else [],
            "changed": _changes(connection, key, said, samples) if changed else [],
        },
    }  # fmt: skip


def _by_column(connection: Connection, said: list[Said]) -> dict[str, int]:
    sums = ", ".join(f"count(*) FILTER ({before} IS DISTINCT FROM {after})" for _, before, after in said)
    found = connection.rows(f"SELECT {sums} FROM pairs")[0]
    return {name: count for (name, *_), count in zip(said, found, strict=True) if count}


def _rows(connection: Connection, view: str, key: list[str], samples: int) -> list[dict[str, Any]]:
    columns = connection.names(f"SELECT * FROM {view}")
    found = connection.rows(f"SELECT * FROM {view} ORDER BY {', '.join(map(quoted, key))} LIMIT {int(samples)}")
    return [dict(zip(columns, map(plain, row), strict=True)) for row in found]


def _changes(connection: Connection, key: list[str], said: list[Said], samples: int) -> list[dict[str, Any]]:
    """[{key columns, column: [before, after]}] of the first changed keys."""
    names = ", ".join(f"a.{quoted(name)}" for name in key)
    both = ", ".join(f"{before}, {after}" for _, before, after in said)
    changes = []
    for row in connection.rows(f"SELECT {names}, {both} FROM pairs ORDER BY {names} LIMIT {int(samples)}"):
        values = zip(said, row[len(key) :: 2], row[len(key) + 1 :: 2], strict=True)
        changed = {name: [plain(before), plain(after)] for (name, *_), before, after in values if before != after}
        changes.append({**dict(zip(key, map(plain, row), strict=False)), **changed})
    return changes
