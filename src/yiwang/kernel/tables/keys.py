"""Rows apart by their key: what has none or an older twin does not go on. Runs in the engine process."""

from typing import Any

from yiwang.kernel.lake.process.connections import Connection
from yiwang.kernel.lake.process.task import Task
from yiwang.kernel.tables.words import name, quoted


def split(task: Task, path: str, key: list[str]) -> dict[str, Any]:
    """Writes repaired.parquet (one row a key, the last) and quarantined.parquet into the folder → rows, valid, empty, twice."""
    con = Connection(task, [path], ordered=True)
    source, good, bad = (
        f"read_parquet({quoted(path)})",
        task.folder / "repaired.parquet",
        task.folder / "quarantined.parquet",
    )
    if not key:
        con.run(f"COPY (SELECT * FROM {source}) TO {quoted(str(good))} (FORMAT parquet)")  # noqa: S608
        rows = con.value(f"SELECT count(*) FROM {source}")  # noqa: S608
        return {"rows": rows, "valid": rows, "empty": 0, "twice": 0}
    names = ", ".join(map(name, key))
    empty = " OR ".join(f"coalesce(trim({name(each)}), '') = ''" for each in key)
    con.run(
        f"CREATE TEMP TABLE apart AS SELECT source_row, {empty} AS empty, "  # noqa: S608
        f"row_number() OVER (PARTITION BY {names} ORDER BY source_row DESC) > 1 AS twice FROM {source}"
    )
    rows, none, twice = con.rows(
        "SELECT count(*), count(*) FILTER (WHERE empty), count(*) FILTER (WHERE twice AND NOT empty) FROM apart"
    )[0]
    for target, wanted in ((good, "NOT (empty OR twice)"), (bad, "(empty OR twice)")):
        con.run(
            f"COPY (SELECT s.* FROM {source} s JOIN apart a USING (source_row) WHERE {wanted} ORDER BY source_row) "  # noqa: S608
            f"TO {quoted(str(target))} (FORMAT parquet)"
        )
    return {"rows": rows, "valid": rows - none - twice, "empty": none, "twice": twice}
