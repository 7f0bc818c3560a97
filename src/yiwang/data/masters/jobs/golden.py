"""Inside the engine process: golden records from the worker's file as a table."""

from typing import Any

from yiwang.kernel.lake.process.task import Task


def table(task: Task, path: str, columns: list[str]) -> Any:
    """The CSV file as text columns, the last two as whole numbers."""
    connection = task.connect([path])
    kinds = ", ".join(f"'{name}': '{'BIGINT' if name in ('members', 'sources') else 'VARCHAR'}'" for name in columns)
    return connection.arrow(f"SELECT * FROM read_csv('{path}', header = true, auto_detect = false, delim = ',', quote = '\"', "
                            f"escape = '\"', columns = {{{kinds}}})")  # fmt: skip
