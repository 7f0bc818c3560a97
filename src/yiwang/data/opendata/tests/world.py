"""A department that opens its car parks: some fields may be known to everybody, some may not."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from yiwang.data.catalog import contract as catalog
from yiwang.data.catalog import services as catalogues
from yiwang.data.catalog.contract import Content, Description, ItemSpec, ResourceFacts
from yiwang.data.opendata.domain import DOMAIN
from yiwang.data.opendata.models import Application, Dataset
from yiwang.data.opendata.services import building, opening
from yiwang.data.protection import services as protections
from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.access.services import declare
from yiwang.kernel.calendar import services as calendars
from yiwang.kernel.calendar.workdays import Override
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.publishing import publish
from yiwang.kernel.lake import queries as lake
from yiwang.kernel.lake import services as lakes
from yiwang.kernel.lake import testing
from yiwang.kernel.people.testing import Town

OPEN: dict[str, Any] = {"share_type": "unconditional", "open_type": "unconditional"}
LAW = "《中华人民共和国个人信息保护法》第十三条"
# Every word of what may not leave carries this mark, so that a search of any answer finds it.
SECRET = "绝密"
ITEMS = (
    ItemSpec("code", "编号", is_key=True, nullable=False, **OPEN),
    ItemSpec("name", "名称", **OPEN),
    ItemSpec("kind", "类别", **OPEN),
    ItemSpec("places", "车位数", "integer", **OPEN),
    ItemSpec("fee", "收费标准", "decimal", **OPEN),
    ItemSpec("opened_on", "启用日期", "date", **OPEN),
    ItemSpec("is_public", "对外开放", "boolean", **OPEN),
    ItemSpec("keeper_secret", f"管理人{SECRET}", share_type="conditional", share_condition="限核验", is_sensitive=True),
    ItemSpec("graded_secret", f"内部评估{SECRET}", **OPEN),
    ItemSpec("ungraded_secret", f"待定级{SECRET}", **OPEN),
    ItemSpec("withheld_secret", f"不予共享{SECRET}", share_type="withheld", share_basis=LAW),
    ItemSpec("conditional_secret", f"有条件{SECRET}", share_type="unconditional", open_type="conditional", open_condition="签约"),
)  # fmt: skip
LEVELS = {"graded_secret": 2, "keeper_secret": 3, "withheld_secret": 4, "conditional_secret": 1}
OPEN_NAMES = {"code", "name", "kind", "places", "fee", "opened_on", "is_public"}
TYPES = {"decimal": "decimal(12,2)"}
COLUMNS = [
    {"name": each.name, "title": each.title, "type": TYPES.get(each.data_type, each.data_type)} for each in ITEMS
]
KINDS = ("公共", "路内", "立体")
# What a spreadsheet would run.
FORMULA = "=HYPERLINK(1)"


def rows(count: int = 40) -> list[dict[str, Any]]:
    made = []
    for number in range(1, count + 1):
        row: dict[str, Any] = {
            "code": f"T{number:03}", "name": FORMULA if number == 1 else f"停车场{number}", "kind": KINDS[number % 3],
            "places": number - 3, "fee": None if number == 2 else number * 2, "opened_on": date(2020 + number % 4, 5, 1),
            "is_public": number % 2 == 0,
        }  # fmt: skip
        made.append({**row, **{each.name: f"{SECRET}{number}" for each in ITEMS if each.name not in OPEN_NAMES}})
    return made


@dataclass
class City:
    town: Town
    folder: Path
    var: Path = Path()
    actors: dict[str, Actor] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Actor:
        return self.actors[name]

    def unit(self, name: str) -> int:
        return self.town.organisations[name].pk

    def resource(self, name: str = "停车场", count: int = 40, unit: str = "交通局") -> ResourceFacts:
        category = catalogues.category_of_department(SYSTEM, self.unit(unit)).code
        content = Content(Description(name=name, category=category, abstract=f"{name}的登记信息。"), ITEMS)
        made = catalog.register_published(SYSTEM, [(self.unit(unit), content)], datetime(2026, 1, 5, tzinfo=UTC))[0]
        levels = {each.id: (LEVELS.get(each.name, 1), "") for each in made.items if each.name != "ungraded_secret"}
        catalog.set_levels(SYSTEM, made.id, levels, "测试")
        self.load(made, count)
        return catalog.resource(SYSTEM, made.id)

    def load(self, facts: ResourceFacts, count: int = 40) -> None:
        table = lakes.ensure_table(SYSTEM, facts.table, facts.name, COLUMNS, ["code"])
        made = lakes.stage(SYSTEM, table, testing.parquet(self.folder, COLUMNS, rows(count)), "replace", {"test": True})
        lakes.publish(SYSTEM, made, "测试")
        catalog.record_load(facts.id, made.number, datetime(2026, 6, 1, tzinfo=UTC), made.rows)
        assert lake.current(table) == made

    def apply(self, facts: ResourceFacts, **more: Any) -> Application:
        given: dict[str, Any] = {"title": facts.name, "description": f"{facts.name}的位置与车位，每月更新。",
                                 "topic": "transport", "tags": ("停车", "便民"), **more}  # fmt: skip
        return opening.apply(self["交通开放员"], facts.id, **given)

    def opened(self, name: str = "停车场", count: int = 40) -> Dataset:
        """Through the review and published."""
        made = self.apply(self.resource(name, count))
        flow.act(self["审核员"], made.case_id, "open", opinion="同意")
        building.build(SYSTEM, made.dataset_id)
        return Dataset.objects.get(pk=made.dataset_id)

    def regrade(self, dataset: Dataset, name: str, level: int, kind: str = "") -> None:
        facts = catalog.resource(SYSTEM, dataset.resource_id)
        catalog.set_levels(
            SYSTEM, facts.id, {item.id: (level, kind) for item in facts.items if item.name == name}, "重新定级"
        )


def furnish(folder: Path) -> City:
    town = Town()
    for spec in DOMAIN.roles:
        declare(SYSTEM, spec, "test")
    calendars.publish(SYSTEM, "cn", [Override(date(2026, 1, 1), "rest", "元旦")], "测试通知", years=[2026])
    for declared in DOMAIN.flows:
        publish(declared)
    catalogues.load_standard(SYSTEM)
    town.organisation("市政府")
    for name in ("数管局", "交通局", "教育局"):
        town.organisation(name, under="市政府")
    city = City(town, folder)
    for name, unit, roles in (
        ("审核员", "数管局", ("opendata.reviewer", "opendata.service")),
        ("交通开放员", "交通局", ("opendata.clerk",)),
        ("教育开放员", "教育局", ("opendata.clerk",)),
    ):
        city.actors[name] = town.actor(name, town.post(unit, name, *roles))
    town.post("数管局", "安全岗")
    protections.load_standard(_keeper(town))
    return city


def _keeper(town: Town) -> Actor:
    from_home = town.post("数管局", "安全岗")
    return Actor(None, None, "规则", organisation_id=from_home.organisation_id, system=True)
