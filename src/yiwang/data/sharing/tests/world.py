"""A data bureau, a department that has people and one that needs them; what each may do."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.catalog import services as catalogues
from yiwang.data.catalog.contract import Content, Description, ItemSpec, ResourceFacts
from yiwang.data.protection.domain import DOMAIN as PROTECTION
from yiwang.data.protection.services.rules import load_standard as load_rules
from yiwang.data.sharing.domain import DOMAIN
from yiwang.data.sharing.models import Grant, Request
from yiwang.data.sharing.services import handing, requests, serving
from yiwang.data.sharing.terms import ShareType
from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.access.services import declare
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.calendar import services as calendars
from yiwang.kernel.calendar.workdays import Override
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.publishing import publish
from yiwang.kernel.people.testing import Town

BASIS = "《中华人民共和国个人信息保护法》第十三条"
ITEMS = (
    ItemSpec("id_number", "身份证号", length=18, is_key=True, nullable=False, share_condition="限核验", is_sensitive=True),
    ItemSpec("name", "姓名", length=50, share_condition="限核验", is_sensitive=True),
    ItemSpec("status", "人员状态", length=10, share_type="unconditional"),
    ItemSpec("moved_on", "迁入日期", "date", share_type="unconditional"),
    ItemSpec("medical", "病历", share_type="withheld", share_basis=BASIS),
)  # fmt: skip
LEVELS = {
    "id_number": (3, "id_number"),
    "name": (3, "name"),
    "status": (1, ""),
    "moved_on": (1, ""),
    "medical": (4, ""),
}
ROWS = [
    ("110101199003074514", "王小明", "在册", "2020-01-01", "机密甲"),
    ("110101199003074522", "李小红", "注销", "2021-01-01", "机密乙"),
]
COLUMNS = [("id_number", "text"), ("name", "text"), ("status", "text"), ("moved_on", "date"), ("medical", "text")]


@dataclass
class Bureau:
    town: Town
    actors: dict[str, Actor] = field(default_factory=dict)
    resource: ResourceFacts | None = None

    def __getitem__(self, name: str) -> Actor:
        return self.actors[name]

    def unit(self, name: str) -> int:
        return self.town.organisations[name].pk

    def publish(
        self, items: tuple[ItemSpec, ...] = ITEMS, levels: dict[str, tuple[int, str]] | None = None
    ) -> ResourceFacts:
        category = catalogues.category_of_department(SYSTEM, self.unit("公安局")).code
        content = Content(
            Description(name="常住人口", category=category, abstract="常住人口登记信息，来自户籍系统。"), items
        )
        at = datetime(2026, 1, 5, tzinfo=UTC)
        made = catalog.register_published(SYSTEM, [(self.unit("公安局"), content)], at)[0]
        wanted = LEVELS if levels is None else levels
        catalog.set_levels(
            SYSTEM, made.id, {each.id: wanted[each.name] for each in made.items if each.name in wanted}, "测试"
        )
        return catalog.resource(SYSTEM, made.id)

    def apply(self, who: str = "民政需求员", **more: Any) -> Request:
        assert self.resource is not None
        given: dict[str, Any] = {
            "purpose": "核验低保申请人的户籍状态，只用于救助审核", "matter": "低保审核", "fields": ["id_number", "name", "status"],
            "legal_basis": "《社会救助暂行办法》第十一条", "wanted_until": timezone.localdate() + timedelta(days=100), **more,
        }  # fmt: skip
        return requests.apply(self[who], given.pop("resource_id", self.resource.id), **given)

    def act(self, who: str, request: Request, action: str, **data: Any) -> Any:
        opinion = data.pop("opinion", "同意")
        return flow.act(self[who], request.case_id, action, opinion=opinion, data=data)

    def agreed(self, **more: Any) -> Request:
        """Through provider and bureau; what the provider says is in `said`."""
        said = more.pop("said", {})
        request = self.apply(**more)
        unconditional = request.share_type == ShareType.UNCONDITIONAL
        self.act("公安审核员", request, "agree" if unconditional else "agree_conditional", **said)
        self.act("数管复核员", request, "approve")
        request.refresh_from_db()
        return request

    def grant(self, **more: Any) -> Grant:
        return Grant.objects.select_related("request").get(request=self.agreed(**more), kind="formal")

    def serve(self, snapshot: int = 1, rows: list[tuple[str, ...]] | None = None) -> None:
        """As if the worker had built it from the lake."""
        assert self.resource is not None
        text = "".join(",".join(row) + "\n" for row in rows or ROWS).encode()
        serving.build(SYSTEM, self.resource.id, COLUMNS, ["id_number"], [text], snapshot=snapshot)

    def delivered(self, **more: Any) -> Grant:
        found = self.grant(**more)
        self.serve()
        handing.deliver(self["接口管理员"], found.request)
        found.refresh_from_db()
        return found


def furnish() -> Bureau:
    town = Town()
    for spec in (*DOMAIN.roles, *PROTECTION.roles):
        declare(SYSTEM, spec, "test")
    calendars.publish(SYSTEM, "cn", [Override(date(2026, 1, 1), "rest", "元旦")], "测试通知", years=[2026])
    for declared in (*DOMAIN.flows, *PROTECTION.flows):
        publish(declared)
    town.organisation("市政府")
    catalogues.load_standard(SYSTEM)
    maker = town.post("市政府", "规则员", town.role("test.rules", ("protection.rule", "add", Scope.ALL)))
    load_rules(town.actor("规则员", maker))
    for name in ("数管局", "公安局", "民政局", "教育局"):
        town.organisation(name, under="市政府")
    bureau = Bureau(town)
    for name, unit, roles in (
        ("民政需求员", "民政局", ("sharing.requester",)),
        ("教育需求员", "教育局", ("sharing.requester",)),
        ("公安审核员", "公安局", ("sharing.provider",)),
        ("公安需求员", "公安局", ("sharing.requester",)),
        ("教育审核员", "教育局", ("sharing.provider",)),
        ("数管复核员", "数管局", ("sharing.bureau",)),
        ("接口管理员", "数管局", ("sharing.operator",)),
        ("个人信息办理员", "数管局", ("protection.person_clerk",)),
        ("民政安全员", "民政局", ("protection.steward",)),
        ("教育安全员", "教育局", ("protection.steward",)),
    ):
        bureau.actors[name] = town.actor(name, town.post(unit, name, *roles))
    bureau.resource = bureau.publish()
    return bureau
