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
    task: Task, source: dict[str, Any], columns: list[str], given: str, where: str, text: str, write: bool, made: dict[str, str]
) -> dict[str, Any]:  # fmt: skip
    r"""`rows.csv` in the task's folder (no header, \N is null) and `<rows>:<sum>` over the text of each row.

    `given`: a FROM item over the source, which is `t`, for conditions to speak of. `made`: columns that are conditions
    over the others, in DuckDB's words; a row they can't judge is without.
    """
    connection = task.connect(source["paths"])
    connection.files("t", source)
    judged = "".join(f", coalesce(({condition}), false) AS {_named([name])}" for name, condition in made.items())
    chosen = _chosen(f"(SELECT *{judged} FROM {given})" if made else given, columns, where)  # noqa: S608 - compiled conditions
    if write:
        connection.run(f"COPY ({chosen}) TO {_file(task, 'rows.csv')} ({CSV})")
    found = connection.rows(f"SELECT {MD5_SUM.format(text=text)} FROM ({chosen})")[0]  # noqa: S608 - as above
    connection.close()
    return {"rows": int(found[0]), "digest": f"{found[0]}:{found[1]}"}


def changes(
    task: Task, before: dict[str, Any], after: dict[str, Any], columns: list[str], key: list[str], old: list[str], new: list[str]
) -> dict[str, Any]:  # fmt: skip
    """`rows.csv`: rows that are new or differ; `removed.csv`: keys that are gone. Within the filter on both sides.

    `old` and `new`: of each side, a FROM item over the view of that name and the filter over it, as `rows` has them.
    """
    connection = task.connect([*before["paths"], *after["paths"]])
    connection.files("old", before)
    connection.files("new", after)
    was, now = _chosen(old[0], columns, old[1]), _chosen(new[0], columns, new[1])
    gone = f"{_chosen(old[0], key, old[1])} EXCEPT {_chosen(new[0], key, new[1])}"
    written = {
        "rows": connection.run(f"COPY ({now} EXCEPT {was}) TO {_file(task, 'rows.csv')} ({CSV})"),
        "removed": connection.run(f"COPY ({gone}) TO {_file(task, 'removed.csv')} ({CSV})"),
    }
    connection.close()
    return written
