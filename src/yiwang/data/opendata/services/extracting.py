"""Runs in the engine's limited process: the open columns of a snapshot as CSV."""

from typing import Any

from yiwang.kernel.lake.process.task import Task


def rows(task: Task, source: dict[str, Any], columns: list[str]) -> int:
    """`rows.csv` in the task's folder, without header, \\N for no value, in the order of the columns; how many rows."""
    connection = task.connect(source["paths"])
    connection.files("t", source)
    named = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
    file = "'" + str(task.folder / "rows.csv").replace("'", "''") + "'"
    written = connection.run(
        f"COPY (SELECT {named} FROM t ORDER BY ALL) TO {file} (FORMAT csv, HEADER false, NULLSTR '\\N')"  # noqa: S608 - quoted names
    )
    connection.close()
    return written
