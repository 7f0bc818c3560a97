"""Tables for tests, from plain rows."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from yiwang.kernel.lake.process.parquet import arrow_type


def parquet(folder: Path, columns: Iterable[Mapping[str, str]], rows: Iterable[Mapping[str, Any]]) -> str:
    """A new Parquet file in the folder with these rows; its path."""
    schema = pa.schema([(column["name"], arrow_type(column["type"])) for column in columns])
    path = folder / f"{uuid4().hex}.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)
    return str(path)
