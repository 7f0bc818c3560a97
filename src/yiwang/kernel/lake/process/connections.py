"""The only way to DuckDB: in memory, locked down, results always drained.

DuckDB 1.5 (long-term support) and 2.0 behave alike here: an undrained result blocks the next statement in 2.0, so
nothing returns a cursor.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.dataset  # DuckDB asks for it with the first table it is given: once, before the fork
import pyarrow.parquet as pq

from yiwang.kernel.lake.process.parquet import arrow_type
from yiwang.kernel.lake.process.task import Task
from yiwang.kernel.lake.terms import engine_type

Numbers = np.ndarray[Any, Any]
SORTED_AT_ONCE = 16_000_000  # numbers of eight bytes
MEMORY_SHARE = 0.75  # the rest is for Parquet writers and Arrow, which DuckDB's own limit does not count


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class Connection:
    """Runs SQL and drains it. Reads the given files only; writes below the task's folder and `writes`.

    `ordered`: rows keep the order of their file, which positions need; slower and hungrier otherwise.
    """

    def __init__(
        self, task: Task, reads: Iterable[str] = (), writes: Iterable[str] = (), *, ordered: bool = False
    ) -> None:
        spill = task.folder / "spill"
        spill.mkdir(exist_ok=True)
        self.task = task
        self._raw = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": f"{int(task.memory_mb * MEMORY_SHARE)}MiB",
                "threads": task.threads,
                "temp_directory": str(spill),
                "max_temp_directory_size": f"{task.spill_mb}MiB",
                "preserve_insertion_order": ordered,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
            },
        )
        self.run("SET TimeZone = 'UTC'")
        self.run("SET python_enable_replacements = false")
        folders = [str(task.folder), *writes]
        self.run(f"SET allowed_directories = [{', '.join(literal(name.rstrip('/') + '/') for name in folders)}]")
        self.run(f"SET allowed_paths = [{', '.join(literal(path) for path in reads)}]")
        self.run("SET enable_external_access = false")
        self.run("SET lock_configuration = true")

    def run(self, sql: str, values: Any = None) -> int:
        """Execute to the end; the number of rows it reports (COPY, INSERT), else 0."""
        rows = self._raw.execute(sql, values).fetchall()
        return int(rows[0][0]) if len(rows) == 1 and rows[0] and isinstance(rows[0][0], int) else 0

    def rows(self, sql: str, values: Any = None) -> list[tuple[Any, ...]]:
        return self._raw.execute(sql, values).fetchall()

    def value(self, sql: str, values: Any = None) -> Any:
        return self.rows(sql, values)[0][0]

    def names(self, sql: str) -> list[str]:
        return [str(row[0]) for row in self.rows(f"DESCRIBE {sql}")]

    def arrow(self, sql: str) -> pa.Table:
        # Gathered by all threads (`sql`), not handed on by one alone (`execute`).
        return self._raw.sql(sql).to_arrow_table()

    def numbers(self, sql: str) -> dict[str, Numbers]:
        """The columns of a query of UBIGINTs without NULL."""
        return {name: np.asarray(each, np.uint64) for name, each in self._raw.sql(sql).fetchnumpy().items()}

    def repeated(self, name: str, source: str, number: str, rows: int) -> int:
        """A view `name` (__h) of the values of `number`, a UBIGINT over the FROM item `source` of at most so many rows, that
        occur more than once, NULL apart; how many. Sorting numbers takes a fraction of the time of grouping them."""
        parts = -(-rows // SORTED_AT_ONCE)
        found = [np.empty(0, np.uint64)]
        for part in range(parts):
            these = f"{number} % {parts} = {part}" if parts > 1 else f"{number} IS NOT NULL"
            numbers = np.sort(self.numbers(f"SELECT {number} AS h FROM {source} WHERE {these}")["h"])
            found.append(np.unique(numbers[1:][numbers[1:] == numbers[:-1]]))
        every = np.concatenate(found)
        self.register(name, pa.table({"__h": every}))
        return len(every)

    def register(self, name: str, table: pa.Table | pa.RecordBatchReader) -> None:
        self._raw.register(name, table)

    def files(self, name: str, source: Mapping[str, Any]) -> None:
        """A view of a described `Files`: by field id when its columns are known, else as the files say."""
        self.run(f"CREATE OR REPLACE VIEW {quoted(name)} AS SELECT * FROM {scan(source['paths'], source['columns'])}")

    @property
    def driver(self) -> duckdb.DuckDBPyConnection:
        return self._raw

    def close(self) -> None:
        self._raw.close()


def scan(paths: list[str], columns: Iterable[Mapping[str, Any]] = (), *, extra: str = "") -> str:
    """A table expression over Parquet files; with no file, an empty table of these columns."""
    known = list(columns)
    if not paths:
        nothing = ", ".join(f"NULL::{engine_type(column['type'])} AS {quoted(column['name'])}" for column in known)
        return f"(SELECT {nothing or 'NULL AS nothing'} WHERE false)"
    listed = ", ".join(literal(path) for path in paths)
    if not known:
        return f"read_parquet([{listed}]{extra})"
    held = [pq.read_metadata(path) for path in paths]
    first = [(field.name, field.type, field.metadata) for field in held[0].schema.to_arrow_schema()]
    if len(held) == 1 and first == [
        (column["name"], arrow_type(column["type"]), {b"PARQUET:field_id": b"%d" % column["id"]}) for column in known
    ]:
        # Told a schema, DuckDB looks into no file: it takes one alone for empty, and reads it by one thread.
        return f"read_parquet([{listed}], hive_partitioning = false{extra})"
    fields = ", ".join(
        f"{int(column['id'])}: {{name: {literal(column['name'])}, type: {literal(engine_type(column['type']))}, "
        f"default_value: NULL}}"
        for column in known
    )
    rows = max(1, sum(each.num_rows for each in held))
    return f"read_parquet([{listed}], schema = MAP {{{fields}}}, explicit_cardinality = {rows}{extra})"
