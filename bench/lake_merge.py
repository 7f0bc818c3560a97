"""100,000 changed rows merged into 1,000,000, two of a million reconciled, beside pyiceberg and bare DuckDB in the same run.

Run with `./run bench lake_merge`. Ours includes the typed cast, the key check, hashes of the new files, the durable
write, the rows in PostgreSQL, lineage and ledger, and the engine process; the bare peer only reads, joins and writes.
"""

import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow.parquet as pq
from django.conf import settings
from django.db import transaction
from pyiceberg.catalog.sql import SqlCatalog

from bench import scratch
from bench.report import Row, write
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.lake import engine, queries, services
from yiwang.kernel.lake.models import LakeTable
from yiwang.kernel.lake.sources import Files

ROWS, CHANGED = 1_000_000, 100_000
MERGE_SECONDS, RECONCILE_SECONDS, SMALL_MS = 2.0, 1.0, 150
COLUMNS = [
    {"name": name, "title": name, "type": kind}
    for name, kind in (
        ("number", "text"), ("name", "text"), ("division", "text"), ("address", "text"), ("phone", "text"),
        ("born", "date"), ("seen", "timestamp"), ("income", "decimal(12,2)"), ("household", "integer"),
        ("alive", "boolean"),
    )
]  # fmt: skip
MADE = """
SELECT printf('11010119%010d', i) AS number, '人' || (i * 7919 % 99991) AS name,
    printf('%06d', 110000 + i % 2978) AS division, '幸福路' || (i * 31 % 9973) || '号' AS address,
    printf('138%08d', i * 7 % 100000000) AS phone, DATE '1940-01-01' + (i % 30000)::INT AS born,
    TIMESTAMP '2026-01-01' + to_seconds(i % 8000000) AS seen,
    (i % 900000 / 7 + CASE WHEN i % 100 = 0 THEN {later} ELSE 0 END)::DECIMAL(12, 2) AS income,
    i // 3 AS household, i % 50 <> 0 AS alive
FROM range({first}, {first} + {rows}) AS r(i)
"""


def make(path: Path, rows: int, first: int, later: int = 0) -> Path:
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY ({MADE.format(rows=rows, first=first, later=later)}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)"
        )
    return path


def median(act: Callable[[], Any], runs: int) -> float:
    took = []
    for _ in range(runs):
        begun = time.perf_counter()
        act()
        took.append(time.perf_counter() - begun)
    return statistics.median(took)


@contextmanager
def world() -> Iterator[tuple[LakeTable, Path, Path, Path]]:
    """A published table of a million, and 100,000 rows of which half are new."""
    with TemporaryDirectory() as folder, scratch.database("lake"):
        settings.VAR, settings.LAKE = Path(folder), ""
        base = make(Path(folder) / "base.parquet", ROWS, 0)
        delta = make(Path(folder) / "delta.parquet", CHANGED, ROWS - CHANGED // 2, later=1)
        engine.warm(["yiwang.kernel.lake.work.staging:stage"])
        table = services.ensure_table(SYSTEM, "people", "人口", COLUMNS, ["number"])
        services.publish(SYSTEM, services.stage(SYSTEM, table, base, "replace", {}), "基准")
        yield table, base, delta, Path(folder)


def bare_merge(base: Path, delta: Path, folder: Path) -> None:
    target = folder / f"{uuid4().hex}.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT * FROM '{base}' ANTI JOIN '{delta}' USING (number) UNION ALL SELECT * FROM '{delta}') "
            f"TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
        )
    target.unlink()


def upsert(base: Path, delta: Path, folder: Path) -> float:
    catalog = SqlCatalog("peer", uri=f"sqlite:///{folder}/peer.db", warehouse=str(folder / "peer"))
    catalog.create_namespace("peer")
    whole = pq.read_table(base)
    table = catalog.create_table("peer.people", whole.schema)
    table.append(whole)
    return median(lambda: table.upsert(pq.read_table(delta), join_cols=["number"]), 1)


def bare_reconcile(left: Path, right: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            f"SELECT count(*) FROM (SELECT number, md5(a::VARCHAR) AS h FROM '{left}' a) l "
            f"FULL JOIN (SELECT number, md5(b::VARCHAR) AS h FROM '{right}' b) r USING (number) WHERE l.h IS DISTINCT FROM r.h"
        ).fetchall()


def main(runs: int) -> bool:
    with world() as (table, base, delta, folder):
        small = 1000 * median(lambda: engine.run("yiwang.kernel.lake.work.reading:rows", SMALL), 11)

        def merge() -> None:
            with transaction.atomic():
                staged = services.stage(SYSTEM, table, delta, "merge", {"bench": True})
                services.publish(SYSTEM, staged, "基准")
                transaction.set_rollback(True)

        merged = median(merge, runs)
        bare = median(lambda: bare_merge(base, delta, folder), runs)
        changed = make(folder / "changed.parquet", ROWS, 1000, later=1)
        theirs = Files((str(changed),))
        mine = queries.source(queries.current(table) or exit("nothing was published"))
        found = queries.reconcile(mine, theirs, key=["number"])
        assert (found.added, found.removed, found.changed) == (1000, 1000, 9990), found
        reconciled = median(lambda: queries.reconcile(mine, theirs, key=["number"]), runs)
        joined = median(lambda: bare_reconcile(base, changed), runs)
        peer = upsert(base, delta, folder)
        shutil.rmtree(folder / "peer", ignore_errors=True)
    return write(
        "lake_merge",
        [
            Row(f"merge 100,000 into 1,000,000 and publish, median of {runs}", f"{merged:.2f} s", "≤2 s", merged <= MERGE_SECONDS),
            Row("peer: DuckDB alone, one COPY, nothing checked or kept", f"{bare:.2f} s"),
            Row("peer: pyiceberg 0.12 upsert, once", f"{peer:.1f} s"),
            Row(f"reconcile 1,000,000 with 1,000,000, median of {runs}", f"{reconciled:.2f} s", "≤1 s", reconciled <= RECONCILE_SECONDS),
            Row("peer: DuckDB alone, full join over md5 of the row", f"{joined:.2f} s"),
            Row("a small job in the engine process, median of 11", f"{small:.0f} ms", "<150 ms", small < SMALL_MS),
        ],
    )  # fmt: skip


SMALL = {
    "source": {"paths": [], "columns": [{"id": 1, "name": "a", "type": "text"}]}, "columns": ["a"], "given": "t",
    "where": "", "limit": 1, "key": ["a"], "keys": None, "order": ["a"],
}  # fmt: skip

if __name__ == "__main__":
    sys.exit(not main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
