"""Reading rows of a snapshot."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from yiwang.kernel.lake.process.connections import Connection, quoted
from yiwang.kernel.lake.process.task import Task
from yiwang.kernel.lake.terms import engine_type


def plain(value: Any) -> Any:
    """A value as JSON carries it."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | Decimal):
        return str(value)
    return value


def keyed(key: list[str], columns: list[dict[str, Any]], keys: list[list[Any]]) -> tuple[str, list[Any]]:
    """A VALUES table expression of typed keys, and its parameters."""
    types = {column["name"]: engine_type(column["type"]) for column in columns}
    one = "(" + ", ".join(f"CAST(? AS {types[name]})" for name in key) + ")"
    names = ", ".join(map(quoted, key))
    return f"(VALUES {', '.join([one] * len(keys))}) AS wanted({names})", [value for each in keys for value in each]


def rows(
    task: Task, source: dict[str, Any], columns: list[str], given: str, where: str, limit: int, key: list[str],
    keys: list[list[Any]] | None, order: list[str],
) -> list[dict[str, Any]]:  # fmt: skip
    """[{column: value}], at most `limit`. `given`: a FROM item over the source, which is `t`, for `where` to speak of."""
    if keys is not None and not keys:
        return []
    connection = Connection(task, source["paths"])
    connection.files("t", source)
    sql = f"SELECT {', '.join(map(quoted, columns))} FROM {given}"
    values: list[Any] = []
    if keys is not None:
        wanted, values = keyed(key, source["columns"], keys)
        sql += f" SEMI JOIN {wanted} USING ({', '.join(map(quoted, key))})"
    if where:
        sql += f" WHERE ({where})"
    if order:
        sql += f" ORDER BY {', '.join(map(quoted, order))}"
    found = connection.rows(f"{sql} LIMIT {int(limit)}", values)
    connection.close()
    return [dict(zip(columns, map(plain, row), strict=True)) for row in found]
