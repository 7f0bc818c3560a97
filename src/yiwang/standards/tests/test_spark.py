"""Spark on two executors gives the verdicts of the Python reference; skipped with the reason where it can't run. `./run spark` runs it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from yiwang.kernel.lake import parity, spark
from yiwang.kernel.lake.dialects import SPARK
from yiwang.kernel.lake.expressions import condition
from yiwang.kernel.lake.testing import arrow_type
from yiwang.standards import corpus

pytestmark = pytest.mark.spark
RULES = [condition(text, corpus.COLUMNS) for text in corpus.rules()]
ROWS = corpus.rows(400)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if reason := spark.missing():
        pytest.skip(f"Spark 对照没有运行：{reason}")
    made = spark.session()
    yield made
    made.stop()


def test_spark_judges_as_the_reference(cluster: Any, tmp_path: Path) -> None:
    schema = pa.schema([(name, arrow_type(kind)) for name, kind in corpus.COLUMNS.items()])
    table = pa.Table.from_pylist(ROWS, schema).append_column(parity.NUMBER, pa.array(range(len(ROWS))))
    pq.write_table(table, tmp_path / "rows.parquet")
    cluster.read.parquet(str(tmp_path / "rows.parquet")).createOrReplaceTempView("rows")
    wrong = []
    expected = parity.by_python(RULES, ROWS, corpus.AS_OF)
    for start in range(0, len(RULES), 60):
        part = slice(start, start + 60)
        found = parity.by_engine(lambda sql: cluster.sql(sql).collect(), SPARK, "rows", RULES[part], corpus.AS_OF)
        wrong += parity.differences(RULES[part], ROWS, [row[part] for row in expected], found)
    assert len(RULES) >= 200
    assert wrong == []
