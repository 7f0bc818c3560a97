"""A department with a catalogued register of persons and the dirty sheet it sends."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from yiwang.data.catalog import contract as catalog
from yiwang.data.catalog.terms import ItemSpec
from yiwang.data.catalog.tests.world import District, furnish
from yiwang.data.governance.domain import DOMAIN
from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.access.services import declare
from yiwang.kernel.flow.publishing import publish
from yiwang.kernel.lake import services as lake
from yiwang.kernel.lake.testing import parquet

OPEN = {"share_type": "unconditional", "open_type": "withheld"}
ITEMS = (
    ItemSpec("no", "登记号", length=20, is_key=True, nullable=False, **OPEN),
    ItemSpec("name", "姓名", length=50, nullable=False, **OPEN),
    ItemSpec("id_number", "公民身份号码", length=18, **OPEN),
    ItemSpec("sex", "性别", length=3, **OPEN),
    ItemSpec("joined", "登记日期", "date", is_timestamp=True, **OPEN),
    ItemSpec("amount", "金额", "decimal", **OPEN),
    ItemSpec("phone", "联系电话", length=30, **OPEN),
)
GOOD = {"no": "A1", "name": "张三", "id_number": "11010519491231002X", "sex": "女", "joined": "2024-01-05", "amount": "12.50",
        "phone": "027-85750000"}  # fmt: skip


@dataclass
class World:
    district: District
    facts: catalog.ResourceFacts
    folder: Path

    def __getitem__(self, name: str) -> Actor:
        return self.district[name]

    def sheet(self, *rows: dict[str, Any], numbered: bool = True) -> str:
        """Rows as received: all text; what a row leaves out is as in GOOD."""
        columns = [{"name": item.name, "type": "text"} for item in ITEMS]
        if numbered:
            columns.append({"name": "_row", "type": "integer"})
        full = [{**GOOD, "no": f"A{number}", **row} for number, row in enumerate(rows, 1)]
        return parquet(
            self.folder,
            columns,
            [{"_row": number + 1, **row} if numbered else row for number, row in enumerate(full, 1)],
        )

    def snapshot(self, *rows: dict[str, Any], edges: Sequence[dict[str, Any]] = ()) -> int:
        """Publish rows as the resource's table; the snapshot's number."""
        columns = [{"name": item.name, "title": item.title, "type": "text"} for item in ITEMS]
        table = lake.ensure_table(SYSTEM, self.facts.table, self.facts.name, columns, list(self.facts.key))
        made = lake.stage(SYSTEM, table, self.sheet(*rows, numbered=False), "replace", {"package": uuid4().hex},
                          edges=edges)  # fmt: skip
        lake.publish(SYSTEM, made, "测试")
        return int(made.number)


def build(folder: Path) -> World:
    district = furnish()
    for spec in DOMAIN.roles:
        declare(SYSTEM, spec, "test")
    for flow in DOMAIN.flows:
        publish(flow)
    for name, unit, role in (
        ("治理员", "数管局", "governance.steward"), ("住建治理岗", "住建局", "governance.provider"),
        ("教育治理岗", "教育局", "governance.provider"), ("用数单位", "教育局", "governance.reader"),
    ):  # fmt: skip
        district.actors[name] = district.town.actor(name, district.town.post(unit, name, role))
    made = district.published("人员登记", items=ITEMS)
    return World(district, catalog.resource(SYSTEM, made.pk), folder)
