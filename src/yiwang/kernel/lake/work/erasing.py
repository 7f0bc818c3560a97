"""Rows that mention somebody: found in, and left out of, Parquet files that are no table's."""

import json
from typing import Any

from yiwang.kernel.lake.erasing import NARROW, WIDE
from yiwang.kernel.lake.process.connections import Connection, literal, quoted, scan
from yiwang.kernel.lake.process.task import Task
from yiwang.kernel.lake.terms import FIRST_ROW


def mentions(column: str, texts: list[str]) -> str:
    """A condition: the column holds one of the texts."""
    said = f"regexp_replace(translate(upper(CAST({quoted(column)} AS VARCHAR)), {literal(WIDE)}, {literal(NARROW)}), '\\s', '', 'g')"
    return " OR ".join(f"contains({said}, {literal(text)})" for text in texts)


def _condition(connection: Connection, path: str, texts: list[str]) -> str:
    names = connection.names(f"SELECT * FROM {scan([path])}")
    return " OR ".join(f"coalesce({mentions(name, texts)}, false)" for name in names) or "false"


def _numbered(connection: Connection, path: str) -> str:
    """The column of the rows' numbers in their sheet, for a file that only says where it begins: rows go out of it."""
    told = connection.rows(
        f"SELECT decode(value)::BIGINT FROM parquet_kv_metadata([{literal(path)}]) WHERE decode(key) = {literal(FIRST_ROW)}"
    )
    return f"CAST({POSITION} + {told[0][0]} AS INTEGER) AS _row, " if told else ""


NUMBERED = ", file_row_number = true"
POSITION = "file_row_number"


def search(task: Task, paths: dict[str, str], texts: list[str], numbers: dict[str, str]) -> dict[str, Any]:
    """{counts: {name: rows that mention one of the texts}, rows: their numbers in the batch}.

    numbers {name: column}: where a file says which row of the batch a row of it was, counted from 0.
    """
    connection = Connection(task, paths.values(), ordered=True)
    counts: dict[str, int] = {}
    rows: set[int] = set()
    for name, path in paths.items():
        given, condition = scan([path], extra=NUMBERED), _condition(connection, path, texts)
        counts[name] = int(connection.value(f"SELECT count(*) FROM {given} WHERE {condition}"))
        if counts[name] and name in numbers:
            found = connection.rows(f"SELECT DISTINCT {quoted(numbers[name])} FROM {given} WHERE {condition}")
            rows |= {int(row) for (row,) in found}
    return {"counts": counts, "rows": sorted(rows)}


def without(
    task: Task, paths: dict[str, str], texts: list[str], numbers: dict[str, str], rows: list[int], sheet: dict[str, str]
) -> dict[str, int]:
    """Write each file anew, under its name, without rows that mention one of the texts or have one of the numbers.

    {name: rows left out}. numbers: see `search`. sheet {column: title}: the first file's rest is written as `rest.csv`
    too, under these titles.
    """
    connection = Connection(task, paths.values(), ordered=True)
    listed, left_out = ", ".join(map(str, map(int, rows))) or "-1", {}
    for name, path in paths.items():
        given, condition = scan([path], extra=NUMBERED), _condition(connection, path, texts)
        if name in numbers:
            condition += f" OR coalesce({quoted(numbers[name])} IN ({listed}), false)"
        left_out[name] = int(connection.value(f"SELECT count(*) FROM {given} WHERE {condition}"))
        rest = f"FROM {given} WHERE NOT ({condition})"
        target = literal(str(task.folder / name))
        shown = f"{_numbered(connection, path)}* EXCLUDE ({POSITION})"
        connection.run(f"COPY (SELECT {shown} {rest}) TO {target} (FORMAT parquet, COMPRESSION zstd)")
        if sheet and name == next(iter(paths)):
            named = ", ".join(f"{quoted(column)} AS {quoted(title)}" for column, title in sheet.items())
            target = literal(str(task.folder / "rest.csv"))
            connection.run(f"COPY (SELECT {named} {rest}) TO {target} (FORMAT csv, HEADER true)")
    return left_out


def keys(
    task: Task, paths: list[str], columns: list[dict[str, Any]], key: list[str], wanted: list[str], texts: list[str]
) -> int:
    """Write the keys of rows whose `wanted` columns are one of the texts to `keys.json`, however many; how many."""
    connection = Connection(task, paths)
    condition = " OR ".join(mentions(name, texts) for name in wanted)
    named = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in key)
    found = connection.rows(f"SELECT DISTINCT {named} FROM {scan(paths, columns)} WHERE {condition} ORDER BY ALL")
    (task.folder / "keys.json").write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    return len(found)
