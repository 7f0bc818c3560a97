"""What a function that runs in the engine process is given. Knows neither DuckDB nor Arrow, so domains may import it."""

import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from yiwang.kernel.lake.process.wire import encode


class Database(Protocol):
    """A locked DuckDB in memory. It reads the files it was opened with and writes into the task's folder."""

    def run(self, sql: str, values: Any = None) -> int:
        """Execute to the end; the number of rows that COPY or INSERT report, else 0."""

    def rows(self, sql: str, values: Any = None) -> list[tuple[Any, ...]]:
        """All rows of a query."""

    def value(self, sql: str, values: Any = None) -> Any:
        """The first column of the first row."""

    def names(self, sql: str) -> list[str]:
        """The column names of a query, without running it."""

    def files(self, name: str, source: Mapping[str, Any]) -> None:
        """A view over a described source of files: {paths, columns}, as `Files.described()` makes it."""

    def register(self, name: str, table: Any) -> None:
        """A view over an Arrow table or reader."""

    def repeated(self, name: str, source: str, number: str, rows: int) -> int:
        """A view `name` (__h) of the UBIGINTs `number` that occur more than once in a FROM item of at most so many `rows`,
        NULL apart; how many."""

    def arrow(self, sql: str) -> Any:
        """A query's result as an Arrow table."""

    @property
    def driver(self) -> Any:
        """The locked connection itself, for a library that speaks to it (Splink). Whoever takes it drains results."""

    def close(self) -> None: ...


class Task:
    """Limits, folder and progress of one run. `connect` gives the only kind of DuckDB connection there is."""

    def __init__(
        self, stream: socket.socket, request: dict[str, Any],
        connect: Callable[["Task", Iterable[str]], Database],
        write: Callable[[Path, Iterable[Mapping[str, Any]], Iterable[Sequence[Any]]], int],
        kept: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self._stream, self._connect, self._write = stream, connect, write
        self.folder = Path(request["folder"])
        self.memory_mb: int = request["memory_mb"]
        self.threads: int = request["threads"]
        self.spill_mb: int = request["file_mb"]
        # What a run leaves for the next one of its session, in this process's memory.
        self.kept: dict[str, Any] = {} if kept is None else kept

    def connect(self, reads: Iterable[str] = ()) -> Database:
        """A locked connection that sees these files (absolute paths) and the task's folder, nothing else."""
        return self._connect(self, reads)

    def write(self, name: str, columns: Iterable[Mapping[str, Any]], rows: Iterable[Sequence[Any]]) -> int:
        """Write rows (values in the order of `columns`: [{name, type}]) to a Parquet file in the folder; how many."""
        return self._write(self.folder / name, columns, rows)

    def progress(self, done: int, total: int, message: str = "") -> None:
        """Shown on the job that started the run."""
        self._stream.sendall(encode({"progress": [done, total, message]}))
