"""The rule corpus and a ten-million-row run on Spark with two executors, beside DuckDB on the same rows.

Run with `./run bench spark [ROWS]`; needs what `./run spark` installs, and Java 17.
"""

import sys
import tempfile
import time
from pathlib import Path

import duckdb

from bench.people import RULES, columns, write_people
from bench.report import Row, write
from yiwang.kernel.lake import spark
from yiwang.kernel.lake.dialects import DUCKDB
from yiwang.kernel.lake.expressions import condition, staged
from yiwang.standards import corpus


def main(rows: int) -> bool:
    if reason := spark.missing():
        print(f"没有运行：{reason}。")
        return True
    rules = [condition(text, columns(typed=True)) for text in RULES]
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "people.parquet")
        write_people(path, rows, typed=True)
        session = spark.session()
        begun = time.perf_counter()
        by_spark = spark.counts(session, path, rules, corpus.AS_OF)
        took = time.perf_counter() - begun
        session.stop()
        source, renderer = staged([rule.root for rule in rules], DUCKDB, f"read_parquet('{path}')", as_of=corpus.AS_OF)
        rendered = [renderer.render(rule.root) for rule in rules]
        begun = time.perf_counter()
        passed = duckdb.sql(
            f"SELECT {', '.join(f'count(*) FILTER (WHERE {each})' for each in rendered)} FROM {source}"
        ).fetchone()
        peer = time.perf_counter() - begun
    same = [each["passed"] for each in by_spark] == list(passed or ())
    return write("spark", [
        Row(f"{rows:,} rows × {len(rules)} rules on local-cluster[2,1,1024]", f"{took:.1f} s, verdicts {'identical' if same else 'differ'}", "completes, identical", same),
        Row("peer: the same on DuckDB", f"{peer:.1f} s"),
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(not main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000))
