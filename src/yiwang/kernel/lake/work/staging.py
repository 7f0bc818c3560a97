"""Staging: the new files of a snapshot, and which of the base's files it keeps."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.lake.process.connections import Connection, literal, quoted, scan
from yiwang.kernel.lake.process.task import Task
from yiwang.kernel.lake.terms import engine_type
from yiwang.kernel.lake.work.writing import FILE_MB, Writer

RULE = "入湖数据须与表的登记一致"


def refuse(message: str) -> Invalid:
    return Invalid(message, errors={"source": [message]}, rule=RULE)


def bind(task: Task, connection: Connection, name: str, source: Mapping[str, Any]) -> None:
    """Make a described source readable under a name."""
    if "paths" in source:
        connection.files(name, source)
    elif "sql" in source:
        for each, files in source["inputs"].items():
            connection.files(each, files)
        connection.run(f"CREATE VIEW {quoted(name)} AS {source['sql']}")
    else:
        module, _, function = source["function"].partition(":")
        connection.register(name, getattr(importlib.import_module(module), function)(task, **source["params"]))


class Staging:
    """One stage; `table` is {columns, key, partition, target, title}, `base` is [{id, path, rows, partition}]."""

    def __init__(self, task: Task, source: dict[str, Any], table: dict[str, Any], base: list[dict[str, Any]]) -> None:
        self.task, self.source, self.base = task, source, base
        self.columns, self.key, self.partition = table["columns"], table["key"], table["partition"]
        reads = [
            *source.get("paths", ()),
            *(path for each in source.get("inputs", {}).values() for path in each["paths"]),
        ]
        self.connection = Connection(task, [*reads, *(file["path"] for file in base)])
        self.writer = Writer(task, self.connection, self.columns, self.partition, table["target"])
        bind(task, self.connection, "given", source)

    def typed(self, only: list[str] | None = None) -> str:
        """The given rows as the table's columns; refuses columns the table does not have."""
        wanted = [column for column in self.columns if only is None or column["name"] in only]
        given = {name.lower(): name for name in self.connection.names("SELECT * FROM given")}
        extra = sorted(name for lower, name in given.items() if lower not in {c["name"].lower() for c in wanted})
        if extra:
            raise refuse(
                f"来源里有表中没有的列：{'、'.join(extra[:10])}，没有入湖。若来源改了列名，请先改回；若是新列，请先在表上登记。"
            )
        missing = [column["name"] for column in wanted if column["name"].lower() not in given]
        if bad := [name for name in missing if name in self.key or only is not None]:
            raise refuse(f"来源里没有主键列：{'、'.join(bad)}，没有入湖。请补上后重新提交。")
        parts = []
        for column in wanted:
            kind, name = engine_type(column["type"]), given.get(column["name"].lower())
            value = "NULL" if name is None else quoted(name)
            parts.append(f"CAST({value} AS {kind}) AS {quoted(column['name'])}")
        return f"SELECT {', '.join(parts)} FROM given"

    def write(self, sql: str) -> list[str]:
        try:
            return self.writer.write(sql)
        except duckdb.ConversionException as error:
            raise self._cast_problem() from error

    def _cast_problem(self) -> Invalid:
        found = []
        for column in self.columns:
            name, kind = quoted(column["name"]), engine_type(column["type"])
            try:
                bad = self.connection.value(
                    f"SELECT count(*) FROM given WHERE {name} IS NOT NULL AND TRY_CAST({name} AS {kind}) IS NULL"
                )
            except duckdb.Error:
                continue
            if bad:
                found.append(f"“{column['title']}”{bad} 行不是 {column['type']}")
        return refuse(f"来源数据与列的类型不符：{'；'.join(found) or '类型转换失败'}，没有入湖。请先治理后再入湖。")

    def check_key(self, paths: list[str]) -> None:
        """The table's key is never NULL and names one row."""
        if not self.key or not paths:
            return
        names = ", ".join(map(quoted, self.key))
        empty = " OR ".join(f"{quoted(name)} IS NULL" for name in self.key)
        rows = scan(paths, self.columns)
        count = self.connection.value(f"SELECT count(*) FROM {rows}")
        nulls = self.connection.value(f"SELECT count(*) FROM {rows} WHERE {empty}")
        if nulls:
            raise refuse(f"有 {nulls} 行的主键（{'、'.join(self.key)}）为空，没有入湖。请补齐后重新提交。")
        # Keys of different hashes differ.
        if not self.connection.repeated("repeated", rows, f"hash({names})", count):
            return
        twice = self.connection.value(
            f"SELECT count(*) FROM (SELECT {names} FROM {rows} GROUP BY {names} HAVING count(*) > 1)"
        )
        if twice:
            raise refuse(f"有 {twice} 个主键（{'、'.join(self.key)}）重复出现，没有入湖。请去重后重新提交。")

    def hits(self, delta: list[str]) -> dict[str, int]:
        """Rows of the delta's keys in each of the base's files that has any."""
        if not self.base or not delta:
            return {}
        names = ", ".join(map(quoted, self.key))
        base = scan([file["path"] for file in self.base], self.columns, extra=", filename = 'the file'")
        return dict(
            self.connection.rows(
                f'SELECT "the file", count(*) FROM {base} b '
                f" SEMI JOIN {scan(delta, self.columns)} d "
                f"USING ({names}) GROUP BY ALL"
            )
        )

    def done(self, kept: list[dict[str, Any]], **counts: int) -> dict[str, Any]:
        """The answer to the parent."""
        files = self.writer.place()
        self.connection.close()
        return {"files": files, "kept": [file["id"] for file in kept], "counts": counts}

    def _total(self) -> int:
        return sum(rows for _, rows, _ in self.writer.made)

    def taken(self) -> list[str]:
        """The given files themselves, when they are already what `write` would make of them: the table's names, types
        and column numbers, and no larger than its files may be. Empty when they have to be written."""
        paths = self.source.get("paths", [])
        known = {(column["name"], engine_type(column["type"]), column["id"]) for column in self.columns}
        if self.partition or not paths or self.source["columns"]:
            return []
        if any(Path(path).stat().st_size > FILE_MB << 20 for path in paths):
            return []
        for path in paths:
            file = f"[{literal(path)}]"
            ids = dict(
                self.connection.rows(f"SELECT name, field_id FROM parquet_schema({file}) WHERE type IS NOT NULL")
            )
            described = self.connection.rows(f"DESCRIBE SELECT * FROM read_parquet({file})")
            if {(name, kind, ids.get(name)) for name, kind, *_ in described} != known:
                return []
        return self.writer.take(paths)

    def replace(self) -> dict[str, Any]:
        self.check_key(self.taken() or self.write(self.typed()))
        return self.done([], added=self._total(), removed=sum(file["rows"] for file in self.base))

    def append(self) -> dict[str, Any]:
        made = self.write(self.typed())
        self.check_key(made)
        if self.key and (clash := sum(self.hits(made).values())):
            raise refuse(f"有 {clash} 行的主键已在表中，追加没有进行。请改用按主键合并，或去掉已有的行。")
        return self.done(self.base, added=self._total())

    def change_partitions(self) -> dict[str, Any]:
        self.check_key(self.write(self.typed()))
        touched = {value for _, _, value in self.writer.made}
        kept = [file for file in self.base if file["partition"] not in touched]
        if self.key and (clash := self._clash_with(kept)):
            raise refuse(f"有 {clash} 行的主键已在其他分区中，没有入湖。请核对分区列。")
        gone = sum(file["rows"] for file in self.base) - sum(file["rows"] for file in kept)
        return self.done(kept, added=self._total(), removed=gone)

    def _clash_with(self, kept: list[dict[str, Any]]) -> int:
        self.base = kept
        return sum(self.hits([str(path) for path, _, _ in self.writer.made]).values())

    def delta(self, only: list[str] | None = None) -> list[str]:
        """The given rows, typed, in a file of the work folder that is not part of the table."""
        self.writer.partition, partition = "", self.writer.partition
        made = self.write(self.typed(only) if only is None else self._keys_alone(only))
        self.writer.partition = partition
        self.writer.made.clear()
        self.check_key(made)
        return made

    def _keys_alone(self, only: list[str]) -> str:
        others = ", ".join(
            f"NULL::{engine_type(column['type'])} AS {quoted(column['name'])}"
            for column in self.columns
            if column["name"] not in only
        )
        return f"SELECT {'*' if not others else '*, ' + others} FROM ({self.typed(only)})"

    def change(self, *, keep_delta: bool) -> dict[str, Any]:
        """Merge (delta rows take the place of their keys') or removal (they only take them away)."""
        delta = self.delta(None if keep_delta else self.key)
        hits = self.hits(delta)
        names = ", ".join(map(quoted, self.key))
        every = ", ".join(quoted(column["name"]) for column in self.columns)
        touched = list(hits)
        parts = []
        if touched:
            parts.append(f"SELECT {every} FROM {scan(touched, self.columns)} b "
                         f"ANTI JOIN {scan(delta, self.columns)} d USING ({names})")  # fmt: skip
        if keep_delta and delta:
            parts.append(f"SELECT {every} FROM {scan(delta, self.columns)}")
        if parts:
            self.write(" UNION ALL ".join(parts))
        kept = [file for file in self.base if file["path"] not in hits]
        same = sum(hits.values())
        if not keep_delta:
            return self.done(kept, removed=same)
        given = self.connection.value(f"SELECT count(*) FROM {scan(delta, self.columns)}")
        return self.done(kept, added=given - same, changed=same)


def stage(
    task: Task, source: dict[str, Any], table: dict[str, Any], base: list[dict[str, Any]], mode: str
) -> dict[str, Any]:
    """{files: [{path, rows, bytes, digest, partition}], kept: [id], counts: {added, changed, removed}}."""
    work = Staging(task, source, table, base)
    if mode == "replace":
        return work.replace()
    if mode == "append":
        return work.append()
    if mode == "partition":
        return work.change_partitions()
    return work.change(keep_delta=mode == "merge")
