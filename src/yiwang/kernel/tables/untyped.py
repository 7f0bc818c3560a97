"""How many rows hold a value that can't be read as its column's type, and where. Runs in the engine process."""

from typing import Any

from yiwang.kernel.lake.process.connections import Connection
from yiwang.kernel.lake.process.task import Task
from yiwang.kernel.tables.typing import strict_columns, unread
from yiwang.kernel.tables.words import quoted


def count(task: Task, path: str, columns: list[dict[str, Any]]) -> dict[str, Any]:
    """→ columns[names in the file], untyped rows, by_column{name: n}, examples[{row, field}]."""
    connection = Connection(task, [path])
    source = f"read_parquet({quoted(path)})"
    present = connection.names(f"SELECT * FROM {source}")  # noqa: S608
    strict = [each for each in strict_columns(columns) if each[0] in present]
    found: dict[str, Any] = {"columns": present, "untyped": 0, "by_column": {}, "examples": []}
    if strict:
        any_of = " OR ".join(unread(*each) for each in strict)
        counts = ", ".join(f"count(*) FILTER (WHERE {unread(*each)})" for each in strict)
        totals = connection.rows(f"SELECT count(*) FILTER (WHERE {any_of}), {counts} FROM {source}")[0]  # noqa: S608
        found["untyped"] = totals[0]
        found["by_column"] = {each[0]: number for each, number in zip(strict, totals[1:], strict=True) if number}
        row = '"source_row"' if "source_row" in present else "NULL"
        for column in found["by_column"]:
            kind = dict(strict)[column]
            rows = connection.rows(f"SELECT {row} FROM {source} WHERE {unread(column, kind)} LIMIT 20")  # noqa: S608
            found["examples"] += [{"row": number, "field": column} for (number,) in rows]
    connection.close()
    return found
