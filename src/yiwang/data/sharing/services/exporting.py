"""Runs in the engine's limited process: rows of a snapshot as CSV, with a digest that PostgreSQL can make too."""

from typing import Any

from yiwang.kernel.lake.process.task import Task

# An empty text and no value stay apart, also after Python has read and written the file.
CSV = r"FORMAT csv, HEADER false, NULLSTR '\N'"
MD5_SUM = "count(*), coalesce(sum(CAST(CAST('0x' || substr(md5({text}), 1, 15) AS UBIGINT) AS HUGEINT)), 0)"


def _named(names: list[str]) -> str:
    return ", ".join('"' + name.replace('"', '""') + '"' for name in names)


def _file(task: Task, name: str) -> str:
    return "'" + str(task.folder / name).replace("'", "''") + "'"


def _chosen(view: str, columns: list[str], where: str) -> str:
    return f"SELECT {_named(columns)} FROM {view}" + (f" WHERE ({where})" if where else "")  # noqa: S608 - quoted names, a compiled filter


def rows(
    task: Task, source: dict[str, Any], columns: list[str], where: str, text: str, write: bool, made: dict[str, str]
) -> dict[str, Any]:
    r"""`rows.csv` in the task's folder (no header, \N is null) and `<rows>:<sum>` over the text of each row.

    `made`: columns that are conditions over the others, in DuckDB's words; a row they can't judge is without.
    """
    connection = task.connect(source["paths"])
    connection.files("t", source)
    judged = "".join(f", coalesce(({condition}), false) AS {_named([name])}" for name, condition in made.items())
    chosen = _chosen(f"(SELECT *{judged} FROM t)" if made else "t", columns, where)  # noqa: S608 - compiled conditions
    if write:
        connection.run(f"COPY ({chosen}) TO {_file(task, 'rows.csv')} ({CSV})")
    found = connection.rows(f"SELECT {MD5_SUM.format(text=text)} FROM ({chosen})")[0]  # noqa: S608 - as above
    connection.close()
    return {"rows": int(found[0]), "digest": f"{found[0]}:{found[1]}"}


def changes(
    task: Task, before: dict[str, Any], after: dict[str, Any], columns: list[str], key: list[str], where: str
) -> dict[str, Any]:
    """`rows.csv`: rows that are new or differ; `removed.csv`: keys that are gone. Within the filter on both sides."""
    connection = task.connect([*before["paths"], *after["paths"]])
    connection.files("old", before)
    connection.files("new", after)
    old, new = _chosen("old", columns, where), _chosen("new", columns, where)
    gone = f"{_chosen('old', key, where)} EXCEPT {_chosen('new', key, where)}"
    written = {
        "rows": connection.run(f"COPY ({new} EXCEPT {old}) TO {_file(task, 'rows.csv')} ({CSV})"),
        "removed": connection.run(f"COPY ({gone}) TO {_file(task, 'removed.csv')} ({CSV})"),
    }
    connection.close()
    return written
