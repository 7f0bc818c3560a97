"""A few packages in each state, made as departments make them: a dirty sheet, a renamed header, an old template, a late one."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import xlsxwriter
from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.collection import terms
from yiwang.data.collection.demo.rows import MATTERS_IN, OFFICE_IN, SUBJECT
from yiwang.data.collection.models import Package, Source
from yiwang.data.collection.services import packages, processing, publishing, sources, watching
from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.lake import engine
from yiwang.kernel.lake import services as lake
from yiwang.kernel.lake.places import work_folder
from yiwang.kernel.lake.sources import Files
from yiwang.kernel.people.models import Person
from yiwang.kernel.people.queries import actor_of_person

SEED, ROWS = 20260103, 120
# Rows of a table with slips, and in how many of 10,000 there is one.
SLIPPED_ROWS, SLIPS = 240, 400
# One resource in so many has data from before the platform, this many days old.
BROUGHT_EACH, AGES = 11, (0, 3, 20, 25, 40)


def generated(
    facts: catalog.ResourceFacts, rows: int, *, bad: int = 0, seed: int = SEED, start: int = 0, slips: int | None = None,
) -> tuple[list[list[str]], dict[str, int]]:  # fmt: skip
    """(header and rows, truth). `slips`: see `rows.write`; with 0 of them, the truth of the rows with some."""
    with work_folder() as folder:
        truth = engine.run(
            "yiwang.data.collection.demo.rows:write",
            {"out": "rows.csv", "items": [asdict(item) for item in facts.items], "rows": rows, "seed": seed, "bad": bad, "start": start,
             "slips": slips},
            folder=folder,
        )  # fmt: skip
        with (folder / "rows.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file)), truth


def dirty_sheet(title: str, lines: Sequence[Sequence[str]]) -> io.BytesIO:
    """As it comes: a title over the table, who filled it in, a total, a note below."""
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    sheet, width = book.add_worksheet("填报说明"), len(lines[0])
    sheet.write_string(0, 0, "请按目录模板填写，不得改动表头。")
    sheet = book.add_worksheet("数据")
    sheet.merge_range(0, 0, 0, width - 1, f"{title}（演示数据）")
    sheet.write_string(1, 0, "填报单位：示例单位")
    for number, line in enumerate(lines, 2):
        for column, cell in enumerate(line):
            sheet.write_string(number, column, cell)
    end = len(lines) + 2
    sheet.write_string(end, 0, "合计")
    sheet.write_number(end, width - 1, len(lines) - 1)
    sheet.merge_range(
        end + 1, 0, end + 1, width - 1, "注：本表由业务科填报，数据由程序生成，不对应任何真实的人和单位。"
    )
    book.close()
    content.seek(0)
    return content


def text(lines: Sequence[Sequence[str]], encoding: str = "gb18030") -> io.BytesIO:
    content = io.StringIO(newline="")
    csv.writer(content).writerows(lines)
    return io.BytesIO(content.getvalue().encode(encoding))


class Builder:
    """Hands in as the departments would, and processes at once instead of leaving it to the worker."""

    def __init__(self, offered: Sequence[catalog.ResourceFacts]) -> None:
        self.offered = list(offered)
        self.manager = holder(terms.MANAGER)

    def source(self, facts: catalog.ResourceFacts, **given: Any) -> Source:
        way = given.pop("way", terms.Way.UPLOAD)
        if way == terms.Way.UPLOAD:
            return sources.upload_source(SYSTEM, facts.id)
        return sources.create_source(SYSTEM, facts.id, way, is_demo=True, **given)

    def hand_in(
        self, facts: catalog.ResourceFacts, name: str, content: io.BytesIO, source: Source | None = None
    ) -> Package:
        actor = holder(terms.CLERK, facts.organisation_id) or SYSTEM
        package, _ = packages.keep(actor, source or self.source(facts), name, content)
        return processing.advance(package.pk)

    def build(self) -> None:
        first, second, third, fourth, fifth = self.offered[:5]
        lines, _ = generated(first, ROWS, bad=250)
        self.hand_in(first, "报送数据.xlsx", dirty_sheet(first.name, lines))
        self.returned(second)
        self.renamed(third)
        short, _ = generated(fourth, 40, bad=4000)
        waiting = self.hand_in(fourth, "名册.csv", text(short))
        if self.manager is not None and waiting.state == terms.State.WAITING:
            publishing.approve(self.manager, waiting.pk, "已与业务科核实，问题行退回补正，其余先行入库")
        again, _ = generated(fourth, 40, bad=5500, seed=SEED + 5)
        self.hand_in(fourth, "名册-二次.csv", text(again))
        self.hand_in(fifth, "数据.csv", io.BytesIO("一,二\n1,2\n".encode()))
        self.brought(self.offered[5::BROUGHT_EACH])
        for facts in self.slipped():
            lines, _ = generated(facts, SLIPPED_ROWS, slips=SLIPS)
            self.hand_in(facts, "办理台账.csv", text(lines, "utf-8"))
        watching.remind(timezone.now(), most=6)

    def slipped(self) -> list[catalog.ResourceFacts]:
        """Two resources of their own whose rows can give slips away; data come for them in no other way."""
        free = [facts for number, facts in enumerate(self.offered) if number >= 5 and (number - 5) % BROUGHT_EACH]
        wanted = SUBJECT | {OFFICE_IN, MATTERS_IN[0]}
        return [facts for facts in free if wanted <= {item.name for item in facts.items}][:2]

    def brought(self, chosen: Sequence[catalog.ResourceFacts]) -> None:
        """What departments had before: some up to date, some not; all written by one engine run."""
        tables, now = [processing.table_of(facts) for facts in chosen], timezone.now()
        with work_folder() as folder:
            engine.run(
                "yiwang.data.collection.demo.rows:brought",
                {"seed": SEED, "tables": [
                    {"items": [asdict(item) for item in facts.items], "rows": 200 + 37 * number,
                     "columns": {column["name"]: column["type"] for column in table.columns}}
                    for number, (facts, table) in enumerate(zip(chosen, tables, strict=True))
                ]},
                folder=folder,
            )  # fmt: skip
            for number, (facts, table) in enumerate(zip(chosen, tables, strict=True)):
                staged = lake.stage(
                    SYSTEM, table, Files((str(folder / f"{number}.parquet"),)), "replace", {"taken_over": True}
                )
                at = now - timedelta(days=AGES[number % len(AGES)])
                publishing.take_over(SYSTEM, facts.id, staged, at, "上线前已有的数据")

    def returned(self, facts: catalog.ResourceFacts) -> None:
        """省级返还: a first batch, then one that differs; the second makes a statement."""
        source = self.source(
            facts, way=terms.Way.DROP, name=f"{facts.name}·省级返还"[:120], from_above=True, least_valid=90
        )
        lines, _ = generated(facts, ROWS)
        self.hand_in(facts, "省级返还-01.csv", text(lines, "utf-8"), source)
        self.hand_in(
            facts, "省级返还-02.csv", text([*lines[:-3], *generated(facts, 8, start=ROWS)[0][1:]], "utf-8"), source
        )

    def renamed(self, facts: catalog.ResourceFacts) -> None:
        """A header the department changed: the package waits for somebody to say what it is."""
        lines, _ = generated(facts, 30)
        header = [f"{title}（填写）" if number % 3 == 1 else title for number, title in enumerate(lines[0])]
        header[0] = f"{header[0]}代码"
        self.hand_in(facts, "换了表头.xlsx", dirty_sheet(facts.name, [header, *lines[1:]]))


def holder(role: str, organisation_id: int | None = None) -> Actor | None:
    """Who holds a role, in an organisation or anywhere."""
    where = {"appointments__post__organisation_id": organisation_id} if organisation_id else {}
    person = Person.objects.filter(appointments__post__roles__role__code=role, **where).order_by("pk").first()
    return actor_of_person(person) if person else None


def offered() -> list[catalog.ResourceFacts]:
    """Published resources with a key, those of departments with a clerk first."""
    found = [facts for facts in catalog.resources(SYSTEM) if facts.key and facts.items]
    units = {facts.organisation_id for facts in found}
    clerks = {unit: holder(terms.CLERK, unit) is None for unit in units}
    return sorted(found, key=lambda facts: (clerks[facts.organisation_id], facts.id))


def build() -> list[tuple[str, str, str]]:
    """Once, when the catalogue has resources to hand data in for."""
    found = offered()
    if len(found) >= 5 and not Package.objects.exists():
        Builder(found).build()
    return []


__all__ = ["Builder", "build", "dirty_sheet", "generated", "offered", "text"]
