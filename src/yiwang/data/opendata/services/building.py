"""From the lake to published files, in the worker: never in a web request."""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction

from yiwang.data.opendata import queries
from yiwang.data.opendata.models import Dataset, Edition, PublishedFile, Row, Stop
from yiwang.data.opendata.services import subscribing
from yiwang.data.opendata.terms import MOST_ROWS, Format, State
from yiwang.data.protection import contract as protection
from yiwang.kernel.access.actors import Actor, Conflict, Invalid
from yiwang.kernel.bulk import copying
from yiwang.kernel.files import services as files
from yiwang.kernel.lake import engine, places
from yiwang.kernel.lake import queries as lake
from yiwang.kernel.lake.models import LakeTable, Snapshot
from yiwang.kernel.ledger import services as ledger
from yiwang.kernel.registers.exporting import safe, write

EXTRACT = "yiwang.data.opendata.services.extracting:rows"
OWNER = "opendata.edition"
NULL, BATCH, XLSX_ROWS, LARGEST = "\\N", 5000, 1_000_000, 1 << 30
CHARTED, KINDS, BARS = 3, 30, 12
Line = list[Any]


def build(actor: Actor, dataset_id: int) -> Edition | None:
    """Publish the current snapshot's open columns. Idempotent: what is published already gives the same edition.

    Runs the engine: call it from a job.
    """
    dataset = Dataset.objects.get(pk=dataset_id)
    facts = queries.facts_of(dataset.resource_id)
    items = queries.open_items(facts) if facts else ()
    Dataset.objects.filter(pk=dataset.pk).exclude(item_count=len(items)).update(item_count=len(items))
    table = LakeTable.objects.filter(name=facts.table).first() if facts else None
    snapshot = lake.current(table) if table else None
    if snapshot is None or facts is None or dataset.state != State.OPEN:
        return None
    held = {column["name"]: column["type"] for column in snapshot.columns}
    columns = [{"name": item.name, "title": item.title, "type": held[item.name]} for item in items if item.name in held]
    if not columns:
        return None
    names = {column["name"] for column in columns}
    plan = {name: how for name, how in queries.plans({0: items})[0].items() if name in names}
    last = dataset.editions.order_by("-number").first()
    stopped = last is not None and Stop.objects.filter(edition=last).exists()
    if (
        last is not None
        and not stopped
        and (last.snapshot, last.columns, last.plan) == (snapshot.number, columns, plan)
    ):
        return last
    # What a killed process leaves here, the lake's sweep takes; of sealed data it lies in memory.
    with places.work_folder(snapshot.clear) as folder:
        return _published(actor, dataset, snapshot, columns, plan, folder)


def _published(
    actor: Actor, dataset: Dataset, snapshot: Snapshot, columns: list[dict[str, str]], plan: queries.Plan, folder: Path
) -> Edition:
    engine.run(
        EXTRACT, {"source": lake.source(snapshot).described(), "columns": [column["name"] for column in columns]},
        memory_mb=settings.LAKE_MEMORY_MB, seconds=settings.LAKE_SECONDS, folder=folder,
    )  # fmt: skip
    lines = _Lines(folder / "rows.csv", columns, plan)
    total = _written(folder, lines, columns)
    with transaction.atomic():
        locked = Dataset.objects.select_for_update().get(pk=dataset.pk)
        facts = queries.facts_of(locked.resource_id)
        edition = Edition(
            dataset=locked, number=locked.editions.count() + 1, snapshot=snapshot.number, columns=columns, plan=plan,
            rows=total, queryable=total <= MOST_ROWS, charts=lines.charts(),
        )  # fmt: skip
        items = queries.open_items(facts) if facts else ()
        if locked.state != State.OPEN or not queries.servable(edition, items, queries.plans({0: items})[0]):
            raise Invalid("文件生成期间目录有变化，本次没有发布，稍后按新的目录重做。", rule="目录变化即停止提供")
        if LakeTable.objects.filter(pk=snapshot.table_id).exclude(current=snapshot).exists():
            # Also a person may have been deleted from the data meanwhile: what was read is not what is there now.
            raise Conflict("文件生成期间数据有更新，本次没有发布，稍后按新的数据重做。", rule="只发布现行数据")
        edition.save()
        _keep(actor, edition, folder)
        Row.objects.filter(edition__dataset=locked).delete()
        if edition.queryable:
            _store(edition, lines)
        locked.rows = total
        locked.save()
        subscribing.announce(
            actor, locked, f"数据已更新到第 {edition.number} 期，{total} 行。", f"edition:{edition.pk}"
        )
        ledger.record(
            actor, "opendata.publish", ("opendata.dataset", locked.pk), organisation_id=locked.organisation_id,
            after={"edition": edition.number, "snapshot": snapshot.number, "columns": [column["name"] for column in columns],
                   "rows": total, "files": dict(edition.files.values_list("format", "sha256"))},
        )  # fmt: skip
    return edition


class _Lines:
    """The extracted rows, typed and masked, read again for each format; counts for the charts on the way."""

    def __init__(self, path: Path, columns: Sequence[Mapping[str, str]], plan: queries.Plan) -> None:
        self.path, self.columns, self.plan = path, columns, plan
        self.counts: dict[int, Counter[str]] = {}

    def __iter__(self) -> Iterator[Line]:
        counted = {
            index: Counter[str]()
            for index, column in enumerate(self.columns)
            if column["type"] in ("text", "boolean", "date") and column["name"] not in self.plan
        }
        with self.path.open(newline="", encoding="utf-8") as stream:
            for raw in csv.reader(stream):
                line = [self._value(column, text) for column, text in zip(self.columns, raw, strict=True)]
                for index in list(counted):
                    self._count(counted, index, line[index])
                yield line
        self.counts = counted

    def _value(self, column: Mapping[str, str], text: str) -> Any:
        if text == NULL:
            return None
        name, kind = column["name"], column["type"]
        if name in self.plan:
            sensitive, method = self.plan[name]
            return protection.mask(sensitive, method, text, "opendata")
        if kind == "integer":
            return int(text)
        if kind == "boolean":
            return text == "true"
        return text if kind != "text" else "".join(c for c in text if c >= " " or c in "\n\t")

    def _count(self, counted: dict[int, Counter[str]], index: int, value: Any) -> None:
        kind = self.columns[index]["type"]
        if value is None:
            return
        label = (
            str(value)[:4] if kind == "date" else ("是" if value else "否") if kind == "boolean" else str(value)[:30]
        )
        counted[index][label] += 1
        if len(counted[index]) > KINDS:
            # A name for each row is no classification; its counts would be a copy of the data.
            del counted[index]

    def charts(self) -> list[dict[str, Any]]:
        """At most three: rows by the values of a column that has few, by year for a day."""
        made = []
        for index, counts in self.counts.items():
            if len(counts) > 1 and max(counts.values()) > 1:
                by_year = self.columns[index]["type"] == "date"
                rows = sorted(counts.items()) if by_year else counts.most_common(BARS)
                made.append({"column": self.columns[index]["name"], "title": self.columns[index]["title"],
                             "by_year": by_year, "rows": [list(row) for row in rows[-BARS:]]})  # fmt: skip
        return made[:CHARTED]


def _cell(value: Any, kind: str) -> Any:
    """Text no spreadsheet takes for a formula; a number stays one."""
    if value is None:
        return ""
    return safe(str(value)) if kind == "text" else str(value) if not isinstance(value, int) else value


def _written(folder: Path, lines: _Lines, columns: Sequence[Mapping[str, str]]) -> int:
    """The three files; how many rows."""
    titles, kinds = [safe(column["title"]) for column in columns], [column["type"] for column in columns]
    total = 0
    with (folder / "csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(titles)
        for total, line in enumerate(lines, start=1):  # noqa: B007 - the last number counts
            writer.writerow([_cell(value, kind) for value, kind in zip(line, kinds, strict=True)])
    with (folder / "json").open("w", encoding="utf-8") as stream:
        described = {
            "fields": [{"name": each["name"], "title": each["title"], "type": each["type"]} for each in columns]
        }
        stream.write(json.dumps(described, ensure_ascii=False)[:-1] + ', "records": [')
        for number, line in enumerate(lines):
            record = {column["name"]: value for column, value in zip(columns, line, strict=True)}
            stream.write((",\n" if number else "\n") + json.dumps(record, ensure_ascii=False))
        stream.write("\n]}\n")
    if total <= XLSX_ROWS:
        with (folder / "xlsx").open("wb") as book:
            rows = ([_cell(value, kind) for value, kind in zip(line, kinds, strict=True)] for line in lines)
            write(book, _headed(titles, rows), "xlsx", "开放数据")
    return total


def _headed(titles: list[str], rows: Iterator[Line]) -> Iterator[Line]:
    yield list(titles)
    yield from rows


def _sha256(stream: BinaryIO) -> str:
    hasher = hashlib.sha256()
    while block := stream.read(1 << 20):
        hasher.update(block)
    return hasher.hexdigest()


def _keep(actor: Actor, edition: Edition, folder: Path) -> None:
    for form in Format.values:
        path = folder / form
        if not path.exists():
            continue
        with path.open("rb") as stream:
            digest, size = _sha256(stream), path.stat().st_size
            name = f"{edition.dataset.name}-{edition.number}.{form}"
            file = files.store(actor, name, stream, owner=(OWNER, edition.pk), kind=form, limit=LARGEST)
        PublishedFile.objects.create(edition=edition, format=form, file=file, size=size, sha256=digest)


def _store(edition: Edition, lines: _Lines) -> None:
    names = [column["name"] for column in edition.columns]
    batch: list[Row] = []
    for number, line in enumerate(lines, start=1):
        batch.append(Row(edition=edition, number=number, content=dict(zip(names, line, strict=True))))
        if len(batch) == BATCH:
            copying.insert(Row, batch)
            batch = []
    copying.insert(Row, batch)
