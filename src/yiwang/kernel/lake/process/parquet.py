"""Parquet from plain rows, in batches."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from yiwang.kernel.lake.terms import engine_type

BATCH = 20_000
# pyarrow looks for pandas at its first array and imports it where it is installed: once, before the fork.
pa.array([None])


def arrow_type(name: str) -> pa.DataType:
    """pyarrow's type of a column type."""
    plain = {"text": pa.string(), "integer": pa.int64(), "date": pa.date32(), "timestamp": pa.timestamp("us"),
             "boolean": pa.bool_()}  # fmt: skip
    if name in plain:
        return plain[name]
    engine_type(name)
    return pa.decimal128(*map(int, name.removeprefix("decimal(").removesuffix(")").split(",")))


def write(path: Path, columns: Iterable[Mapping[str, Any]], rows: Iterable[Sequence[Any]]) -> int:
    """Rows written; memory for one batch only. Values of another type than the column's raise ArrowInvalid."""
    schema = pa.schema([(column["name"], arrow_type(column["type"])) for column in columns])
    given, count = iter(rows), 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while batch := list(islice(given, BATCH)):
            arrays = [
                pa.array(values, type=field.type)
                for values, field in zip(zip(*batch, strict=True), schema, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            count += len(batch)
    return count
