"""A district with a data bureau and two departments; one of them has a register of persons to hand in."""

import io
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import xlsxwriter
from django.test import Client

from yiwang.data.catalog import contract as catalog
from yiwang.data.catalog import domain as catalog_domain
from yiwang.data.catalog import services as cataloguing
from yiwang.data.collection.domain import DOMAIN
from yiwang.data.collection.models import Package, Source
from yiwang.data.collection.services import intake, sources
from yiwang.data.governance import domain as governance_domain
from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.access.services import declare
from yiwang.kernel.calendar import services as calendars
from yiwang.kernel.calendar.workdays import Override
from yiwang.kernel.flow.publishing import publish
from yiwang.kernel.jobs.testing import run_all
from yiwang.kernel.lake import queries as lake
from yiwang.kernel.people.models import Account
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.people.testing import Town

HEADER = ["编号", "姓名", "出生日期", "人数"]
ITEMS = (
    catalog.ItemSpec("code", "编号", length=20, is_key=True, nullable=False, share_condition="限核验"),
    catalog.ItemSpec("name", "姓名", length=50, nullable=False, share_condition="限核验"),
    catalog.ItemSpec("birth", "出生日期", "date", share_condition="限核验"),
    catalog.ItemSpec("people", "人数", "integer", share_condition="限核验"),
)


def rows(count: int = 20, start: int = 1) -> list[list[str]]:
    return [[f"A{index:04}", f"人{index}", "1990-01-01", "3"] for index in range(start, start + count)]


def sheet(lines: list[list[str]], header: list[str] | None = None) -> io.BytesIO:
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    book.set_properties({"created": datetime(2026, 1, 1, tzinfo=UTC)})
    page = book.add_worksheet("数据")
    for index, line in enumerate([header or HEADER, *lines]):
        page.write_row(index, 0, line)
    book.close()
    content.seek(0)
    return content


def csv(lines: list[list[str]], header: list[str] | None = None, encoding: str = "utf-8") -> io.BytesIO:
    return io.BytesIO("\n".join(",".join(line) for line in [header or HEADER, *lines]).encode(encoding))


@dataclass
class District:
    town: Town
    accounts: dict[str, Account] = field(default_factory=dict)
    resource: int = 0

    def __getitem__(self, name: str) -> Actor:
        return actor_of(self.accounts[name])

    def client(self, name: str) -> Client:
        browser = Client()
        browser.force_login(self.accounts[name])
        return browser

    def unit(self, name: str) -> int:
        return self.town.organisations[name].pk

    def facts(self) -> catalog.ResourceFacts:
        return catalog.resource(SYSTEM, self.resource)

    def source(self, way: str = "upload", **given: Any) -> Source:
        if way == "upload" and not given:
            return sources.upload_source(self["报送员"], self.resource)
        return sources.create_source(self["管理员"], self.resource, way, **given)

    def hand_in(self, content: io.BytesIO, name: str = "名册.xlsx", who: str = "报送员", source: Source | None = None,
                run: bool = True, **given: Any) -> Package:  # fmt: skip
        package, _ = intake.receive(self[who], source or self.source(), name, content, **given)
        if run:
            run_all()
        return Package.objects.get(pk=package.pk)

    def data(self) -> list[dict[str, Any]]:
        """What is current, by key."""
        snapshot = lake.current(lake.table(self.facts().table))
        return lake.rows(snapshot, limit=1000) if snapshot else []


def publish_resource(district: District, name: str = "人员名册", unit: str = "住建局", cycle: str = "month") -> int:
    category = cataloguing.category_of_department(SYSTEM, district.unit(unit)).code
    content = catalog.Content(
        catalog.Description(name=name, category=category, abstract=f"{name}，来自业务系统。", cycle=cycle), ITEMS
    )
    at = datetime(2026, 1, 5, tzinfo=UTC)
    return catalog.register_published(SYSTEM, [(district.unit(unit), content)], at)[0].id


def furnish() -> District:
    town = Town()
    for spec in (*catalog_domain.DOMAIN.roles, *governance_domain.DOMAIN.roles, *DOMAIN.roles):
        declare(SYSTEM, spec, "test")
    calendars.publish(SYSTEM, "cn", [Override(date(2026, 1, 1), "rest", "元旦")], "测试通知", years=[2026])
    for flow in (*catalog_domain.DOMAIN.flows, *governance_domain.DOMAIN.flows, *DOMAIN.flows):
        publish(flow)
    cataloguing.load_standard(SYSTEM)
    town.organisation("区政府")
    for name in ("数管局", "住建局", "教育局"):
        town.organisation(name, under="区政府")
    district = District(town)
    for name, unit, roles in (
        ("管理员", "数管局", ("collection.manager", "catalog.reviewer")),
        ("另一管理员", "数管局", ("collection.manager",)),
        ("查阅", "数管局", ("collection.observer",)),
        ("报送员", "住建局", ("collection.clerk",)),
        ("教育报送员", "教育局", ("collection.clerk",)),
    ):
        district.accounts[name] = town.account(name, town.post(unit, name, *roles))
    district.resource = publish_resource(district)
    return district
