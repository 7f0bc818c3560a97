"""Choices, and the types a column may have."""

import re

from django.db import models

from yiwang.kernel.access.actors import Invalid


class Mode(models.TextChoices):
    """How staged rows meet the published ones."""

    REPLACE = "replace", "整表替换"
    APPEND = "append", "追加"
    MERGE = "merge", "按主键合并"
    PARTITION = "partition", "整分区替换"
    REMOVE = "remove", "按主键删除"


class Kind(models.TextChoices):
    """How a snapshot came about."""

    REPLACE = "replace", "整表替换"
    APPEND = "append", "追加"
    MERGE = "merge", "按主键合并"
    PARTITION = "partition", "整分区替换"
    REMOVE = "remove", "按主键删除"
    ROLLBACK = "rollback", "回退"
    REWRITE = "rewrite", "个人信息删除"
    COMPACT = "compact", "合并小文件"


# What a Parquet file without the column `_row` tells in its metadata: the sheet's row of its first one.
FIRST_ROW = "first_row"
PLAIN = {"text": "VARCHAR", "integer": "BIGINT", "date": "DATE", "timestamp": "TIMESTAMP", "boolean": "BOOLEAN"}
DECIMAL = re.compile(r"decimal\((\d{1,2}),(\d{1,2})\)")


def engine_type(name: str) -> str:
    """DuckDB's name of a column type: text integer decimal(p,s) date timestamp boolean.

    A timestamp is the wall-clock time the source wrote, without a zone: it is content, not an instant of ours.
    """
    if name in PLAIN:
        return PLAIN[name]
    found = DECIMAL.fullmatch(name)
    if found and 1 <= int(found[1]) <= 38 and int(found[2]) <= int(found[1]):
        return name.upper()
    raise Invalid(
        f"没有“{name}”这种数据类型，表没有登记。可用：text、integer、decimal(总位数,小数位)、date、timestamp、boolean。",
        errors={"columns": [f"{name}：不是可用的数据类型。"]},
    )


# DuckDB's options for a Parquet file. A dictionary of more values saves no space and is costly to try; nobody looks a value
# up by Bloom filter.
PARQUET = (
    "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880, DICTIONARY_SIZE_LIMIT 8000, WRITE_BLOOM_FILTER false"
)
