"""The published snapshots as an Apache Iceberg table: what PostgreSQL says, written again for other engines.

Data files are shared, never copied; bounds of values are left out of the manifests, so that no personal data outlives
its data file there. Every commit carries our number, so that a commit whose answer was lost is recognised.
"""

import importlib
import shutil
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.transforms import IdentityTransform
from pyiceberg.typedef import Record
from pyiceberg.types import (
    BooleanType,
    DateType,
    DecimalType,
    IcebergType,
    LongType,
    NestedField,
    StringType,
    TimestampType,
)

from yiwang.kernel.lake.process.task import Task

# What pyiceberg and sqlalchemy load on first use: here it is loaded once, before the fork.
for _module in ("pyiceberg.io.pyarrow", "sqlalchemy.dialects.postgresql.psycopg", "psycopg", "psycopg.types.hstore"):
    importlib.import_module(_module)

NAMESPACE, CATALOG = "lake", "yiwang"
UID, NUMBER = "yiwang.uid", "yiwang.number"
PLAIN: dict[str, IcebergType] = {
    "text": StringType(), "integer": LongType(), "date": DateType(), "timestamp": TimestampType(),
    "boolean": BooleanType(),
}  # fmt: skip
PROPERTIES = {
    "write.delete.mode": "copy-on-write", "write.update.mode": "copy-on-write", "write.merge.mode": "copy-on-write",
    "write.metadata.metrics.default": "none", "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "5", "format-version": "2",
}  # fmt: skip
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall-clock content


def _type(name: str) -> IcebergType:
    if name in PLAIN:
        return PLAIN[name]
    precision, scale = name.removeprefix("decimal(").removesuffix(")").split(",")
    return DecimalType(int(precision), int(scale))


def _schema(columns: list[dict[str, Any]]) -> Schema:
    return Schema(
        *(NestedField(column["id"], column["name"], _type(column["type"]), required=False) for column in columns)
    )


def _spec(table: Mapping[str, Any]) -> PartitionSpec:
    if not table["partition"]:
        return UNPARTITIONED_PARTITION_SPEC
    source = next(column["id"] for column in table["columns"] if column["name"] == table["partition"])
    return PartitionSpec(PartitionField(source, 1000, IdentityTransform(), table["partition"]))


def _value(text: str | None, kind: str) -> Any:
    """A partition value as Iceberg keeps it."""
    if text is None or kind == "text":
        return text
    if kind == "integer":
        return int(text)
    if kind == "boolean":
        return text == "true"
    if kind == "date":
        return (date.fromisoformat(text) - EPOCH.date()).days
    if kind == "timestamp":
        return int((datetime.fromisoformat(text) - EPOCH).total_seconds() * 1_000_000)
    return Decimal(text)


def _number(held: Snapshot) -> str | None:
    """Which of our snapshots an Iceberg snapshot says it is."""
    return held.summary.additional_properties.get(NUMBER) if held.summary is not None else None


class Export:
    """One table's Iceberg side. `table` is {name, uid, columns, partition, location}."""

    def __init__(self, uri: str, warehouse: str, table: dict[str, Any]) -> None:
        self.catalog = SqlCatalog(CATALOG, uri=uri, warehouse=warehouse)
        self.catalog.create_namespace_if_not_exists(NAMESPACE)
        self.facts = table
        self.name = (NAMESPACE, table["name"])

    def open(self, *, rebuild: bool) -> tuple[Table, bool]:
        """The table, made anew when asked or when what is there is not ours or has moved; and whether it is new."""
        try:
            found = self.catalog.load_table(self.name)
        except (NoSuchTableError, OSError):
            found = None
        if found is not None and not rebuild and self._ours(found):
            return self._columns_added(found), False
        self.forget()
        made = self.catalog.create_table(
            self.name, _schema(self.facts["columns"]), location=self.facts["location"], partition_spec=_spec(self.facts),
            properties={**PROPERTIES, UID: self.facts["uid"]},
        )  # fmt: skip
        return made, True

    def _ours(self, found: Table) -> bool:
        """Made by us, in this place, its last commit ours, and nothing in it deletes beside a file."""
        last = found.current_snapshot()
        signed = last is None or _number(last) is not None
        here = found.properties.get(UID) == self.facts["uid"] and found.location() == self.facts["location"]
        return here and signed and not any(task.delete_files for task in found.scan().plan_files())

    def forget(self) -> None:
        """Out of the catalog whether its metadata can be read or not, and off the disk: the rows say it all again."""
        with suppress(NoSuchTableError):
            self.catalog.drop_table(self.name)
        shutil.rmtree(Path(self.facts["location"]) / "metadata", ignore_errors=True)

    def _columns_added(self, found: Table) -> Table:
        known = {field.field_id for field in found.schema().fields}
        new = [column for column in self.facts["columns"] if column["id"] not in known]
        if new:
            with found.update_schema() as update:
                for column in new:
                    update.add_column(column["name"], _type(column["type"]))
        return found.refresh()

    def commit(self, found: Table, number: int, digest: str, files: list[dict[str, Any]]) -> int:
        """Make the table's content these files; the Iceberg snapshot's id."""
        last = found.current_snapshot()
        if last is not None and _number(last) == str(number):
            return last.snapshot_id
        there = {task.file.file_path: task.file for task in found.scan().plan_files()} if last else {}
        wanted = {file["path"]: file for file in files}
        with found.transaction() as transaction:
            update = transaction.update_snapshot(
                snapshot_properties={NUMBER: str(number), "yiwang.digest": digest}
            ).overwrite()
            for path, gone in there.items():
                if path not in wanted:
                    update.delete_data_file(gone)
            for path, file in wanted.items():
                if path not in there:
                    update.append_data_file(self._data_file(file))
            update.commit()
        now = found.refresh().current_snapshot()
        if now is None:
            raise RuntimeError("the commit left no snapshot")
        return now.snapshot_id

    def _data_file(self, file: dict[str, Any]) -> DataFile:
        kinds = {column["name"]: column["type"] for column in self.facts["columns"]}
        partition = self.facts["partition"]
        values = [_value(file["partition"], kinds[partition])] if partition else []
        return DataFile.from_args(
            content=DataFileContent.DATA, file_path=file["path"], file_format=FileFormat.PARQUET,
            partition=Record(*values), record_count=file["rows"], file_size_in_bytes=file["bytes"], spec_id=0,
            sort_order_id=None, equality_ids=None, key_metadata=None, split_offsets=None,
        )  # fmt: skip

    def drop(self, found: Table, ended: list[int]) -> None:
        """Forget Iceberg snapshots whose data files are gone, and metadata files nothing names."""
        known = {snapshot.snapshot_id for snapshot in found.snapshots()}
        current = found.current_snapshot()
        gone = [each for each in ended if each in known and (current is None or each != current.snapshot_id)]
        if gone:
            found.maintenance.expire_snapshots().by_ids(gone).commit()
            found.refresh()
        self._tidy(found)

    def _tidy(self, found: Table) -> None:
        named = {found.metadata_location, *(entry.metadata_file for entry in found.metadata.metadata_log)}
        for snapshot in found.snapshots():
            named.add(snapshot.manifest_list)
            named |= {manifest.manifest_path for manifest in snapshot.manifests(found.io)}
        for path in (Path(found.location()) / "metadata").glob("*"):
            if str(path) not in {str(name).removeprefix("file://") for name in named}:
                path.unlink(missing_ok=True)


def follow(
    task: Task, uri: str, warehouse: str, table: dict[str, Any], rebuild: bool, pending: list[dict[str, Any]],
    current: dict[str, Any], ended: list[int],
) -> dict[str, Any]:  # fmt: skip
    """Bring the Iceberg table up to the published snapshots: {rebuilt, ids: {number: Iceberg id}}.

    `pending` and `current` are {number, digest, files: [{path, rows, bytes, partition}]}, pending in publication order.
    """
    export = Export(uri, warehouse, table)
    found, rebuilt = export.open(rebuild=rebuild)
    ids = {}
    for each in [current] if rebuilt else pending:
        ids[each["number"]] = export.commit(found, each["number"], each["digest"], each["files"])
    export.drop(found, ended)
    return {"rebuilt": rebuilt, "ids": ids}


def forget(task: Task, uri: str, warehouse: str, table: dict[str, Any]) -> None:
    """Nothing of the table is left for other engines: neither in the catalog nor on the disk."""
    Export(uri, warehouse, table).forget()


def content(task: Task, uri: str, warehouse: str, table: dict[str, Any]) -> dict[str, Any]:
    """What a reader of the Iceberg table sees: {number, paths, deletes}; refusing nothing, judging nothing."""
    found = Export(uri, warehouse, table).catalog.load_table((NAMESPACE, table["name"]))
    last = found.current_snapshot()
    plan = list(found.scan().plan_files()) if last else []
    number = _number(last) if last else None
    return {
        "number": int(number) if number else None, "paths": sorted(task.file.file_path for task in plan),
        "deletes": sum(len(task.delete_files) for task in plan),
    }  # fmt: skip
