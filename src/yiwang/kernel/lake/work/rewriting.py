"""Files without certain keys, and the search for keys that should be gone."""

from typing import Any

from yiwang.kernel.lake.process.connections import Connection, quoted, scan
from yiwang.kernel.lake.process.task import Task
from yiwang.kernel.lake.terms import engine_type
from yiwang.kernel.lake.work.writing import Writer


def _wanted(task: Task, columns: list[dict[str, Any]], key: list[str], keys: list[list[str]]) -> str:
    """The keys as a typed relation, from a file of the work folder."""
    texts = [{"name": name, "type": "text"} for name in key]
    task.write("keys.parquet", texts, keys)
    types = {column["name"]: engine_type(column["type"]) for column in columns}
    typed = ", ".join(f"CAST({quoted(name)} AS {types[name]}) AS {quoted(name)}" for name in key)
    return f"(SELECT {typed} FROM {scan([str(task.folder / 'keys.parquet')])})"


def _found(
    connection: Connection, columns: list[dict[str, Any]], key: list[str], paths: list[str], wanted: str
) -> dict[str, int]:
    if not paths:
        return {}
    rows = scan(paths, columns, extra=", filename = 'the file'")
    names = ", ".join(map(quoted, key))
    return dict(
        connection.rows(f'SELECT "the file", count(*) FROM {rows} b SEMI JOIN {wanted} w USING ({names}) GROUP BY ALL')
    )


def search(
    task: Task, columns: list[dict[str, Any]], key: list[str], keys: list[list[str]], files: list[dict[str, Any]]
) -> dict[int, int]:
    """{id of a file: rows with one of the keys}, only files that have any."""
    paths = {file["path"]: file["id"] for file in files}
    connection = Connection(task, paths)
    found = _found(connection, columns, key, list(paths), _wanted(task, columns, key, keys))
    return {paths[path]: rows for path, rows in found.items()}


def without(
    task: Task, table: dict[str, Any], files: list[dict[str, Any]], keys: list[list[str]]
) -> dict[int, dict[str, Any] | None]:
    """{id of a file with one of the keys: the file that takes its place, None when no row is left}."""
    columns, key = table["columns"], table["key"]
    connection = Connection(task, [file["path"] for file in files])
    wanted = _wanted(task, columns, key, keys)
    found = _found(connection, columns, key, [file["path"] for file in files], wanted)
    hit = [file for file in files if file["path"] in found]
    names, every = ", ".join(map(quoted, key)), ", ".join(quoted(column["name"]) for column in columns)
    replaced: dict[int, dict[str, Any] | None] = {}
    for done, file in enumerate(hit):
        task.progress(done, len(hit), "重写含有这些记录的文件")
        writer = Writer(task, connection, columns, "", table["target"], whole=True)
        writer.write(f"SELECT {every} FROM {scan([file['path']], columns)} b ANTI JOIN {wanted} w USING ({names})")
        made = writer.place()
        replaced[file["id"]] = {**made[0], "partition": file["partition"]} if made else None
    return replaced
