"""A few rows of a snapshot, picked by chance but the same for the same seed."""

from typing import Any

from yiwang.kernel.lake.process.connections import Connection, quoted, scan
from yiwang.kernel.lake.process.task import Task
from yiwang.kernel.lake.work.reading import plain


def sample(task: Task, source: dict[str, Any], columns: list[str], count: int, seed: int) -> list[dict[str, Any]]:
    """[{column: value}], at most `count`. Run it with one thread: the order in which several deliver rows would decide."""
    connection = Connection(task, source["paths"])
    chosen = ", ".join(map(quoted, columns))
    found = connection.rows(
        f"SELECT {chosen} FROM {scan(source['paths'], source['columns'])} AS t "
        f"USING SAMPLE reservoir({int(count)} ROWS) REPEATABLE ({int(seed)})"
    )
    connection.close()
    return [dict(zip(columns, map(plain, row), strict=True)) for row in found]
