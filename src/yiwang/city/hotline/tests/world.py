"""A district with a hotline, two bureaus and a subdistrict, built through the public verbs."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.test import Client

from yiwang.city.command import domain as command_domain
from yiwang.city.command import services as dictionary
from yiwang.city.hotline import flows
from yiwang.city.hotline.domain import DOMAIN
from yiwang.city.hotline.models import Request
from yiwang.city.hotline.services.intake import Intake, register_many, register_request
from yiwang.city.hotline.terms import Channel, Kind
from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.access.models import Role
from yiwang.kernel.access.services import declare, hold_role
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.models import Seat
from yiwang.kernel.flow.publishing import publish
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.orgs.services import create_organisation, create_post, load_regions
from yiwang.kernel.people.models import Account
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.people.services import appoint, create_account, create_person
from yiwang.standards.services import load_holidays

LONG_AGO = date(2020, 1, 1)
PASSWORD = "Long-Enough-2026"
HANDLER = ("hotline.handler",)
POSTS = (
    ("HOTLINE", "operator", ("hotline.operator",), False),
    ("HOTLINE", "dispatcher", ("hotline.dispatcher", "command.editor"), False),
    ("HOTLINE", "caller", ("hotline.caller",), False),
    ("HOTLINE", "manager", ("hotline.manager",), False),
    ("HOTLINE", "director", ("hotline.manager",), True),
    ("HOUSING", "handler", HANDLER, False),
    ("HOUSING", "head", HANDLER, True),
    ("URBAN", "handler", HANDLER, False),
    ("URBAN", "head", HANDLER, True),
    ("SUB1", "handler", HANDLER, False),
    ("SUB1", "head", HANDLER, True),
    ("ECOLOGY", "head", (), True),
)
UNITS = (("HOTLINE", "热线中心"), ("HOUSING", "住建局"), ("URBAN", "执法局"), ("ECOLOGY", "环境局"))
MATTERS = (
    ("CJ0101", "城乡建设", "物业服务", "HOUSING", "", True, 5, "物业、电梯"),
    ("CJ0203", "城乡建设", "市政设施", "HOUSING", "执法局", False, 5, "路面、路灯"),
    ("HB0102", "环境保护", "噪声扬尘", "URBAN", "", False, 3, "噪音、扬尘"),
)


@dataclass
class World:
    units: dict[str, Organisation] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Actor:
        """operator dispatcher caller manager director; housing.handler housing.head …"""
        return actor_of(self.accounts[name])

    def client(self, name: str) -> Client:
        browser = Client()
        browser.force_login(self.accounts[name])
        return browser

    def unit(self, code: str) -> int:
        return self.units[code].pk

    def request(self, **given: Any) -> Request:
        """One request waiting for dispatch."""
        said: dict[str, Any] = {
            "channel": Channel.PHONE, "kind": Kind.COMPLAINT, "title": "望江街道路灯不亮", "content": "解放路路灯三天不亮",
            "name": "钱多多", "phone": "13812345678",
        }  # fmt: skip
        key, submit = given.pop("key", ""), given.pop("submit", True)
        who = given.pop("by", "operator")
        return register_request(self[who], Intake(**{**said, **given}), submit=submit, key=key)

    def requests(self, *titles: str) -> list[Request]:
        """Requests registered together, as an import does, waiting for dispatch."""
        said = [Intake(Channel.PHONE, Kind.COMPLAINT, each, "路灯三天不亮", phone="13812345678") for each in titles]
        return register_many(self["operator"], said)

    def act(self, name: str, request: Request, action: str, at: datetime | None = None, **given: Any) -> Request:
        flow.act(self[name], request.case_id, action, happened_at=at, **given)
        request.refresh_from_db()
        return request

    def dispatch(
        self, request: Request, to: str = "HOUSING", at: datetime | None = None, *, co: tuple[str, ...] = (),
        limit: int = 5, unit: str = "working_day",
    ) -> Request:  # fmt: skip
        data = {
            "lead": self.unit(to),
            "co_handlers": [self.unit(each) for each in co],
            "limit": limit,
            "limit_unit": unit,
        }
        return self.act("dispatcher", request, "dispatch", at, data=data)

    def handle(self, request: Request, at: datetime | None = None, reply: str = "", unit: str = "housing") -> Request:
        """From 签收 (when it waits for it) to the callback."""
        request.case.refresh_from_db()
        if request.case.stage == "sign":
            self.act(f"{unit}.handler", request, "sign", at)
        self.act(
            f"{unit}.handler",
            request,
            "answer",
            at,
            data={"reply": reply or "经现场核查属实，已于当日修复完毕，路灯恢复照明。"},
        )
        return self.act(f"{unit}.head", request, "approve", at, opinion="同意")

    def close(self, request: Request, result: str = "satisfied", at: datetime | None = None) -> Request:
        given: dict[str, Any] = {} if result in ("unrated", "unreached") else {"data": {"resolved": True}}
        return self.act("caller", request, result, at, opinion="电话回访", **given)

    def done(self, **given: Any) -> Request:
        return self.close(self.handle(self.dispatch(self.request(**given))))


def seat(request: Request, kind: str = "", state: str = "open") -> Seat:
    found = Seat.objects.filter(case=request.case_id, state=state)
    return (found.filter(kind=kind) if kind else found).get()


def build() -> World:
    load_holidays(SYSTEM)
    for spec in (*DOMAIN.roles, *command_domain.DOMAIN.roles):
        declare(SYSTEM, spec, "test")
    for each in flows.FLOWS:
        publish(each)
    world = World()
    load_regions(SYSTEM, [("99", "示例省"), ("9901", "示例市"), ("990101", "示例区"), ("990101001", "望江街道")])
    top = create_organisation(SYSTEM, code="GOV", name="示例区人民政府", kind=Organisation.Kind.GOVERNMENT)
    for code, name in UNITS:
        world.units[code] = create_organisation(SYSTEM, code=code, name=name, parent_id=top.pk)
    world.units["SUB1"] = create_organisation(
        SYSTEM, code="SUB1", name="望江街道办事处", short_name="望江街道", parent_id=top.pk,
        kind=Organisation.Kind.SUBDISTRICT,
    )  # fmt: skip
    roles = {role.code: role.pk for role in Role.objects.all()}
    for number, (unit, code, held, head) in enumerate(POSTS):
        post = create_post(SYSTEM, world.unit(unit), code=code, name=f"{unit}{code}", is_head=head)
        for role in held:
            hold_role(SYSTEM, roles[role], post.pk, valid_from=LONG_AGO, reason="测试")
        name = code if unit == "HOTLINE" else f"{unit.lower()}.{code}"
        person = create_person(SYSTEM, name=f"人员{number:02}", staff_number=f"T{number:03}")
        appoint(SYSTEM, person.pk, post.pk, valid_from=LONG_AGO)
        world.accounts[name] = create_account(
            SYSTEM, person.pk, username=name.replace(".", ""), password=PASSWORD, must_change=False
        )
    editor = world["dispatcher"]
    edition = dictionary.create_edition(editor, number="2020-1", name="事项词典")
    for code, category, name, lead, joint, local, limit, keywords in MATTERS:
        values = {"code": code, "category": category, "name": name, "responsible": world.units[lead], "by_region": local,
                  "joint_names": joint, "limit": limit, "unit": "working_day", "closing_condition": "已查明并答复",
                  "keywords": keywords}  # fmt: skip
        dictionary.save_matter(editor, edition, values)
    dictionary.publish_edition(editor, edition, effective_from=LONG_AGO)
    return world


__all__ = ["Channel", "Kind", "World", "build", "seat"]
