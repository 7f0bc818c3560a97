"""Joining small files."""

from typing import Any

from yiwang.kernel.lake.process.connections import Connection, quoted, scan
from yiwang.kernel.lake.process.task import Task
from yiwang.kernel.lake.work.writing import Writer


def compact(task: Task, table: dict[str, Any], groups: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """One or more new files for each group of files, which are of one partition each."""
    columns = table["columns"]
    connection = Connection(task, [file["path"] for group in groups for file in group])
    every, made = ", ".join(quoted(column["name"]) for column in columns), []
    for done, group in enumerate(groups):
        task.progress(done, len(groups), "合并小文件")
        writer = Writer(task, connection, columns, "", table["target"])
        writer.write(f"SELECT {every} FROM {scan([file['path'] for file in group], columns)}")
        made += [{**file, "partition": group[0]["partition"]} for file in writer.place()]
    return made
