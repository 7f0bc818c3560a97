"""The catalogue's district with officers who keep its data safe, and a table of people."""

from pathlib import Path
from typing import Any

from yiwang.data.catalog import contract as catalog
from yiwang.data.catalog.contract import ItemSpec
from yiwang.data.catalog.tests.world import BASIS, District, furnish
from yiwang.data.protection import services
from yiwang.data.protection.domain import DOMAIN
from yiwang.data.protection.flows import FLOWS
from yiwang.data.protection.tests.test_detection import HOMES, identities, phones
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.access.services import declare
from yiwang.kernel.flow.publishing import publish
from yiwang.kernel.lake import services as lake
from yiwang.kernel.lake import testing

ITEMS = (
    ItemSpec("pid", "人员编号", length=20, is_key=True, nullable=False, share_type="unconditional", open_type="unconditional"),
    ItemSpec("xm", "姓名", length=50, share_condition="限核验使用"),
    ItemSpec("sfz", "身份证号", length=18, share_type="withheld", share_basis=BASIS),
    ItemSpec("bz1", "备用字段", length=20, share_condition="限核验使用"),
    ItemSpec("note", "说明", length=200, share_type="unconditional"),
)  # fmt: skip
COLUMNS = [{"name": item.name, "title": item.title, "type": "text"} for item in ITEMS]
NAMES = ("张伟", "王芳", "李娜", "刘洋", "陈静")


def people(count: int = 60) -> list[dict[str, Any]]:
    return [
        {"pid": f"P{number}", "xm": NAMES[number % 5], "sfz": identity, "bz1": phone, "note": HOMES[number % 50] if number % 2 else None}
        for number, (identity, phone) in enumerate(zip(identities(count), phones(count), strict=True))
    ]  # fmt: skip


def safe() -> District:
    district = furnish()
    for spec in DOMAIN.roles:
        declare(SYSTEM, spec, "test")
    for name, unit, role in (("安全员", "数管局", "protection.keeper"), ("住建安全员", "住建局", "protection.steward")):
        district.actors[name] = district.town.actor(name, district.town.post(unit, name, role))
    services.load_standard(district["安全员"])
    return district


def answering(district: District) -> District:
    """With the clerk who answers requests of persons."""
    for declared in FLOWS:
        publish(declared)
    post = district.town.post("数管局", "个人信息岗", "protection.person_clerk")
    district.actors["办理员"] = district.town.actor("办理员", post)
    return district


def holding(district: District, folder: Path, rows: list[dict[str, Any]]) -> catalog.ResourceFacts:
    """A published resource of the housing department whose data are these rows."""
    resource = district.published("人员信息", items=ITEMS)
    table = lake.ensure_table(SYSTEM, resource.table, resource.name, COLUMNS, ["pid"])
    made = lake.stage(SYSTEM, table, testing.parquet(folder, COLUMNS, rows), "replace", {"test": True})
    lake.publish(SYSTEM, made, "测试")
    return catalog.resource(SYSTEM, resource.pk)
