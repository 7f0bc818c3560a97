"""A district with a data bureau and two departments whose officers keep the catalogue."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from yiwang.data.catalog import services
from yiwang.data.catalog.domain import DOMAIN
from yiwang.data.catalog.models import Resource
from yiwang.data.catalog.terms import Content, Description, ItemSpec
from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.access.services import declare
from yiwang.kernel.calendar import services as calendars
from yiwang.kernel.calendar.workdays import Override
from yiwang.kernel.flow.publishing import publish
from yiwang.kernel.people.testing import Town

BASIS = "《中华人民共和国个人信息保护法》第十三条"
ITEMS = (
    ItemSpec("licence_no", "许可证编号", length=32, is_key=True, nullable=False, share_type="unconditional",
             open_type="unconditional"),
    ItemSpec("holder", "持证人姓名", length=50, share_condition="限行政审批核验使用", is_sensitive=True),
    ItemSpec("id_number", "身份证号", length=18, share_type="withheld", share_basis=BASIS, is_sensitive=True),
    ItemSpec("issued_on", "发证日期", "date", share_type="unconditional", open_type="unconditional", is_timestamp=True),
)  # fmt: skip


def content(category: str, name: str = "施工许可证信息", items: tuple[ItemSpec, ...] = ITEMS, **more: Any) -> Content:
    given = {"abstract": f"{name}的登记信息，来自审批系统。", "cycle": "month", **more}
    return Content(Description(name=name, category=category, **given), items)


def changed(given: Content, **more: Any) -> Content:
    return replace(given, description=replace(given.description, **more))


@dataclass
class District:
    town: Town
    actors: dict[str, Actor] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Actor:
        return self.actors[name]

    def unit(self, name: str) -> int:
        return self.town.organisations[name].pk

    def category(self, unit: str) -> str:
        return services.category_of_department(SYSTEM, self.unit(unit)).code

    def draft(
        self, name: str = "施工许可证信息", who: str = "住建编目员", unit: str = "住建局", **more: Any
    ) -> Resource:
        return services.register(self[who], content(self.category(unit), name, **more))

    def published(self, name: str = "施工许可证信息", unit: str = "住建局", **more: Any) -> Resource:
        """As taken over from before the platform."""
        entry = (self.unit(unit), content(self.category(unit), name, **more))
        at = datetime(2026, 1, 5, tzinfo=UTC)
        return Resource.objects.get(pk=services.register_many(self["审核员"], [entry], published_at=at)[0].pk)


def furnish() -> District:
    town = Town()
    for spec in DOMAIN.roles:
        declare(SYSTEM, spec, "test")
    calendars.publish(SYSTEM, "cn", [Override(date(2026, 1, 1), "rest", "元旦")], "测试通知", years=[2026])
    for flow in DOMAIN.flows:
        publish(flow)
    services.load_standard(SYSTEM)
    town.organisation("区政府")
    for name in ("数管局", "住建局", "教育局"):
        town.organisation(name, under="区政府")
    town.organisation("住建局质监站", under="住建局")
    district = District(town)
    for name, unit, roles in (
        ("审核员", "数管局", ("catalog.reviewer",)),
        ("住建编目员", "住建局", ("catalog.clerk",)),
        ("住建数据专员", "住建局", ("catalog.officer",)),
        ("住建首席数据官", "住建局", ("catalog.chief",)),
        ("教育编目员", "教育局", ("catalog.clerk",)),
        ("教育数据专员", "教育局", ("catalog.officer",)),
        ("查阅人", "教育局", ("catalog.reader",)),
    ):
        district.actors[name] = town.actor(name, town.post(unit, name, *roles))
    return district
