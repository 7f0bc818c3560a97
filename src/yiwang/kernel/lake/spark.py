"""The escape hatch: the same rules over the same Parquet files on Spark SQL. Needs the extra `spark` and Java 17."""

import importlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from yiwang.kernel.access.actors import Refused
from yiwang.kernel.lake.dialects import SPARK
from yiwang.kernel.lake.expressions import Expression, staged

# Two executors in processes of their own: what differs between one process and a cluster differs here too.
CLUSTER = "local-cluster[2,1,1024]"
FIXED = {
    "spark.ui.enabled": "false", "spark.sql.session.timeZone": "UTC", "spark.sql.ansi.enabled": "true",
    "spark.sql.shuffle.partitions": "8", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS", "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.variable.substitute": "false", "spark.log.level": "ERROR",
}  # fmt: skip


def missing() -> str:
    """Why Spark can't run here; empty when it can."""
    if importlib.util.find_spec("pyspark") is None:
        return "没有安装可选组件 spark（./run spark 会装上）"
    java = Path(os.environ.get("JAVA_HOME", "")) / "bin" / "java"
    return "" if (os.environ.get("JAVA_HOME") and java.exists()) or shutil.which("java") else "没有找到 Java 17"


def session(master: str = CLUSTER, **settings: str) -> Any:
    """A Spark session in ANSI mode, times in UTC."""
    if reason := missing():
        raise Refused(f"Spark 不能运行：{reason}。规则仍可用内置引擎运行。", rule="可选组件")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    sql = importlib.import_module("pyspark.sql")
    builder = sql.SparkSession.builder.master(master).appName("yiwang")
    for name, value in {**FIXED, **settings}.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def counts(spark: Any, path: str, rules: Sequence[Expression], as_of: date) -> list[Mapping[str, int]]:
    """Per rule {passed, failed, unknown} over Parquet files."""
    spark.read.parquet(path).createOrReplaceTempView("checked")
    source, renderer = staged([rule.root for rule in rules], SPARK, "checked", as_of=as_of)
    judged = ", ".join(f"{renderer.render(rule.root)} AS r{place}" for place, rule in enumerate(rules))
    sums = ", ".join(
        f"count_if(r{place}) AS p{place}, count_if(NOT r{place}) AS f{place}, count_if(r{place} IS NULL) AS u{place}"
        for place in range(len(rules))
    )
    row = spark.sql(f"SELECT {sums} FROM (SELECT {judged} FROM {source})").collect()[0]  # noqa: S608 - rendered
    return [
        {"passed": row[f"p{place}"], "failed": row[f"f{place}"], "unknown": row[f"u{place}"]}
        for place in range(len(rules))
    ]
