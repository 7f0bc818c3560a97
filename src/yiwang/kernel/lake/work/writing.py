"""Writing Parquet files of a table: typed, with field ids, hashed, durable before anybody names them."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

from yiwang.kernel.lake.process.connections import Connection, literal, quoted
from yiwang.kernel.lake.process.task import Task
from yiwang.kernel.lake.terms import PARQUET

FILE_MB = 256


class Writer:
    """Collects written files in the task's folder and moves them to `target` at the end; without one, they stay there."""

    def __init__(
        self, task: Task, connection: Connection, columns: Iterable[Mapping[str, Any]], partition: str, target: str,
        *, whole: bool = False,
    ) -> None:  # fmt: skip
        self.task, self.connection = task, connection
        self.columns, self.partition = list(columns), partition
        self.target = Path(target) if target else task.folder / "made"
        self.whole = whole  # one file, however large
        self.made: list[tuple[Path, int, str | None]] = []

    def write(self, sql: str) -> list[str]:
        """Write a SELECT of exactly the table's columns; the paths, not yet in place. No row, no file."""
        folder = self.task.folder / uuid4().hex
        folder.mkdir()
        ids = ", ".join(f"{quoted(column['name'])}: {int(column['id'])}" for column in self.columns)
        how = [PARQUET, f"FIELD_IDS {{{ids}}}", "RETURN_STATS"]
        if self.partition:
            how += [f"PARTITION_BY ({quoted(self.partition)})", "WRITE_PARTITION_COLUMNS"]
        else:
            how += [f"FILE_SIZE_BYTES '{1 << 20 if self.whole else FILE_MB}MB'"]
        found = self.connection.rows(f"COPY ({sql}) TO {literal(str(folder))} ({', '.join(how)})")
        made = [(Path(row[0]), int(row[1]), self._value(row[5])) for row in found if row[1]]
        self.made += made
        return [str(path) for path, _, _ in made]

    def take(self, paths: list[str]) -> list[str]:
        """Copies of finished files, not yet in place. No row, no file."""
        taken = []
        for path in paths:
            rows = int(self.connection.value(f"SELECT sum(num_rows) FROM parquet_file_metadata([{literal(path)}])"))
            if rows:
                copy = self.task.folder / f"{uuid4().hex}.parquet"
                shutil.copyfile(path, copy)
                self.made.append((copy, rows, None))
                taken.append(str(copy))
        return taken

    def _value(self, partitions: Any) -> str | None:
        if not self.partition or not partitions:
            return None
        value = dict(partitions).get(self.partition)
        return None if value is None else str(value)

    def place(self) -> list[dict[str, Any]]:
        """Hash the files and give them their final names: [{path, rows, bytes, digest, partition}]."""
        self.target.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(max(1, self.task.threads)) as pool:
            placed = list(pool.map(self._place, self.made))
        sync(self.target)
        return placed

    def _place(self, made: tuple[Path, int, str | None]) -> dict[str, Any]:
        path, rows, partition = made
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
            os.fsync(content.fileno())
        path.chmod(0o440)
        final = self.target / f"{uuid4().hex}.parquet"
        path.rename(final)
        return {"path": str(final), "rows": rows, "bytes": final.stat().st_size, "digest": digest,
                "partition": partition}  # fmt: skip


def sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
