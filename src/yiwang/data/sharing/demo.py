"""演示：两个部门的资源、各状态的申请与授权、经网关的真实调用、一个可试用的密钥。数据全部按规则生成。"""

import asyncio
import random
import secrets
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone
from psycopg.conninfo import make_conninfo

from yiwang.data.catalog import contract as catalog
from yiwang.data.catalog.contract import Content, Description, ItemSpec, ResourceFacts
from yiwang.data.sharing.gateway import signing
from yiwang.data.sharing.gateway.server import Gateway
from yiwang.data.sharing.gateway.store import SECRET_CONTEXT
from yiwang.data.sharing.models import ApiKey, Grant, Request
from yiwang.data.sharing.services import deliveries, grants, handing, keys, lakeside, requests, sandbox
from yiwang.data.sharing.services.keys import IssuedKey
from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.crypto import decrypt
from yiwang.kernel.flow import services as flow
from yiwang.kernel.lake import services as lake
from yiwang.kernel.lake.sources import Query
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.people.models import Person
from yiwang.kernel.people.queries import actor_of_person

ROWS, DAYS, CALLS = 2000, 30, 120
LAW = "《中华人民共和国个人信息保护法》第十三条"
TENANTS, MARKET = "公租房保障对象信息", "市场主体登记信息"
# Division 999999 does not exist: nobody has these numbers.
PEOPLE = f"""SELECT printf('99999919900101%04d', i) AS id_number, '保障对象' || i AS name, printf('1990000%04d', i) AS phone,
 CASE i % 7 WHEN 0 THEN '退出' ELSE '在保' END AS status, DATE '2015-01-01' + CAST(i AS INTEGER) AS approved_on,
 '示例单位' || (i % 90) AS employer, CAST(30000 + i % 40000 AS DECIMAL(12,2)) AS income FROM range({ROWS}) AS t(i)"""  # noqa: S608 - our own number
FIRMS = f"""SELECT printf('99999999MA%08d', i) AS credit_code, '示例商行' || i AS name, CASE i % 11 WHEN 0 THEN '注销' ELSE '在业' END
 AS status, DATE '2012-03-01' + CAST(i AS INTEGER) AS founded_on, '经营者' || i AS owner FROM range({ROWS}) AS t(i)"""  # noqa: S608 - our own number
SHARED: tuple[tuple[str, str, str, tuple[tuple[ItemSpec, int, str, str], ...]], ...] = (
    ("HOUSING", TENANTS, PEOPLE, (
        (ItemSpec("id_number", "公民身份号码", length=18, is_key=True, nullable=False, share_condition="限履职核验"), 3, "id_number", "text"),
        (ItemSpec("name", "姓名", length=50, share_condition="限履职核验"), 2, "name", "text"),
        (ItemSpec("phone", "联系电话", length=20, share_condition="限履职核验"), 3, "phone", "text"),
        (ItemSpec("status", "保障状态", length=10, share_condition="限履职核验"), 2, "", "text"),
        (ItemSpec("approved_on", "保障起始日期", "date", share_condition="限履职核验"), 2, "", "date"),
        (ItemSpec("employer", "工作单位", length=100, share_condition="限履职核验"), 2, "", "text"),
        (ItemSpec("income", "家庭年收入", "decimal", share_type="withheld", share_basis=LAW), 4, "finance", "decimal(12,2)"))),
    ("MARKET", MARKET, FIRMS, (
        (ItemSpec("credit_code", "统一社会信用代码", length=18, is_key=True, nullable=False, share_type="unconditional"), 1, "", "text"),
        (ItemSpec("name", "名称", length=100, share_type="unconditional"), 1, "", "text"),
        (ItemSpec("status", "登记状态", length=10, share_type="unconditional"), 1, "", "text"),
        (ItemSpec("founded_on", "成立日期", "date", share_type="unconditional"), 1, "", "date"),
        (ItemSpec("owner", "经营者姓名", length=50, share_condition="限执法办案"), 2, "name", "text"))),
)  # fmt: skip


def _actor(post: str, unit: str) -> Actor:
    return actor_of_person(
        Person.objects.get(appointments__post__code=post, appointments__post__organisation__code=unit)
    )


def _resource(unit: str, name: str, rows: str, items: tuple[tuple[ItemSpec, int, str, str], ...]) -> ResourceFacts:
    """In the catalogue as taken over from before, with data in the lake."""
    home, old = Organisation.objects.get(code=unit), timezone.now() - timedelta(days=90)
    category = catalog.resources(SYSTEM, organisation_id=home.pk)[0].category
    described = Description(
        name=name,
        category=category,
        abstract=f"{name}，按规则生成的演示数据。",
        format="database",
        share_method="query",
    )
    content = Content(described, tuple(item for item, *_ in items))
    made = catalog.register_published(SYSTEM, [(home.pk, content)], old, is_demo=True)[0]
    levels = {item.name: (level, kind) for item, level, kind, _ in items}
    catalog.set_levels(SYSTEM, made.id, {each.id: levels[each.name] for each in made.items}, "演示定级")
    columns = [{"name": item.name, "title": item.title, "type": kind} for item, _, _, kind in items]
    table = lake.ensure_table(SYSTEM, made.table, name, columns, list(made.key), organisation=home)
    snapshot = lake.publish(SYSTEM, lake.stage(SYSTEM, table, Query(rows), "replace", {"demo": True}), "演示数据")
    catalog.record_load(made.id, snapshot.number, timezone.now(), snapshot.rows)
    return catalog.resource(SYSTEM, made.id)


def _ask(facts: ResourceFacts, unit: str, fields: str, matter: str, **more: Any) -> Request:
    purpose = f"{matter}时核验申报信息，仅用于本事项办理，不作他用"
    return requests.apply(
        _actor("handler", unit), facts.id, purpose=purpose, matter=matter, fields=fields.split(), legal_basis="《政务数据共享条例》第二十条",
        wanted_until=timezone.localdate() + timedelta(days=365), **more,
    )  # fmt: skip


def _agree(request: Request, provider: str, **said: Any) -> Grant:
    action = "agree" if request.share_type == "unconditional" else "agree_conditional"
    flow.act(_actor("handler", provider), request.case_id, action, opinion="同意共享。", data=said)
    flow.act(_actor("sharing", "BUREAU"), request.case_id, "approve", opinion="同意授权。")
    return Grant.objects.get(request=request, kind="formal")


def _deliver(grant: Grant) -> Grant:
    handing.deliver(_actor("gateway", "BUREAU"), grant.request)
    grant.refresh_from_db()
    return grant


def build() -> list[tuple[str, str, str]]:
    """Does nothing the second time but name the key for trying."""
    if not Request.objects.exists():
        if not all(catalog.resources(SYSTEM, organisation_id=unit.pk) for unit in _providers()):
            return []  # no catalogue, nothing to share
        _build()
    return _for_trying()


def _providers() -> list[Organisation]:
    return list(Organisation.objects.filter(code__in=[unit for unit, *_ in SHARED])) or [Organisation()]


def _build() -> None:
    people, firms = (_resource(*spec) for spec in SHARED)
    wanted = "id_number name phone status approved_on"
    checked = _agree(
        _ask(people, "URBAN", wanted, "流动摊点经营帮扶资格审核"),
        "HOUSING",
        granted_quota=5000,
        condition="核验后不得留存",
    )
    listed = _agree(_ask(firms, "HOUSING", "credit_code name status founded_on", "物业服务企业核查"), "MARKET")
    stopped = _agree(_ask(people, "HEALTH", "id_number status", "医疗救助资格审核"), "HOUSING")
    ended = _agree(_ask(firms, "ECOLOGY", "credit_code name status owner", "排污企业名录核对"), "MARKET", page_rows=100)
    filed = _agree(_ask(firms, "EDUCATION", "credit_code name status", "校外培训机构清查", way="file"), "MARKET")
    for facts in (people, firms):
        lakeside.serve(SYSTEM, facts.id)
    for grant in (checked, listed, stopped, ended):
        _deliver(grant)
    deliveries.package(_actor("gateway", "BUREAU"), filed.pk)
    _deliver(filed)
    issued = [
        keys.issue_key(_actor("handler", unit), grant.pk) for unit, grant in (("URBAN", checked), ("HOUSING", listed))
    ]
    _history([checked, listed, stopped, ended])
    if not connection.in_atomic_block:
        asyncio.run(_calls(issued))
    grants.suspend(
        _actor("handler", "HOUSING"), stopped.pk, reason="核查使用情况，暂停共享", resource="sharing.provided"
    )
    grants.revoke(_actor("handler", "MARKET"), ended.pk, reason="事项已办结，不再需要", resource="sharing.provided")
    _waiting(people, firms)


def _waiting(people: ResourceFacts, firms: ResourceFacts) -> None:
    """One in each stage, one refused, one with a sandbox."""
    fresh = _ask(people, "TRANSPORT", "id_number status", "出租车驾驶员从业资格审核")
    sandbox.try_out(_actor("handler", "TRANSPORT"), fresh.pk)
    at_bureau = _ask(people, "CULTURE", "id_number name status", "导游证核发")
    flow.act(
        _actor("handler", "HOUSING"),
        at_bureau.case_id,
        "agree_conditional",
        opinion="同意。",
        data={"condition": "限窗口查询"},
    )
    _agree(_ask(firms, "HOUSING", "credit_code name status owner", "建筑企业资质核查"), "MARKET", page_rows=50)
    refused = _ask(people, "URBAN", "id_number phone employer", "违停告知", plain_fields=["phone"])
    flow.act(_actor("handler", "HOUSING"), refused.case_id, "refuse", opinion="不予共享。", data={
        "refusal_reason": "告知违停可用车辆登记信息，使用保障对象联系电话超出必要范围", "refusal_basis": "《中华人民共和国个人信息保护法》第六条"})  # fmt: skip
    flow.act(_actor("sharing", "BUREAU"), refused.case_id, "confirm", opinion="理由与依据充分。")


def _history(found: list[Grant]) -> None:
    """The month before, as the former platform counted it."""
    chance, today = random.Random(809), timezone.localdate()  # noqa: S311 - invented figures, reproducible
    who = _actor("gateway", "BUREAU")
    for number, grant in enumerate(found):
        days = {}
        for back in range(1, DAYS):
            calls = chance.randrange(40, 200) * (4 - number) // 2
            days[today - timedelta(days=back)] = (calls, chance.randrange(3), calls - chance.randrange(9))
        grants.take_over_usage(who, grant.pk, days, source="原共享交换平台日汇总（演示）")


async def _calls(issued: list[IssuedKey]) -> None:
    """Real calls through the gateway's own door, good ones and a few that it refuses."""
    gateway = Gateway(make_conninfo(**{name: value for name, value in connection.get_connection_params().items()
                                      if name in ("dbname", "user", "password", "host", "port")}), Path(settings.VAR))  # fmt: skip
    await gateway.open()
    try:
        for each in issued:
            first = (
                "id_number=999999199001010001"
                if each.key.grant.resource_name == TENANTS
                else "credit_code=99999999MA00000001"
            )
            queries = [first[:-3] + f"{number:03d}" for number in range(CALLS)] + [
                "limit=5",
                "salary=1",
                f"{first}&fields=income",
            ]
            for query in queries:
                await _call(gateway, each, query)
    finally:
        await gateway.close()


async def _call(gateway: Gateway, issued: IssuedKey, query: str) -> None:
    path, stamp, nonce = f"/v1/g{issued.key.grant_id}/rows", str(int(time.time())), secrets.token_urlsafe(18)
    text = signing.text_to_sign("GET", path.encode(), query.encode(), signing.EMPTY_BODY, stamp, nonce)
    given = (issued.key.public, stamp, nonce, signing.sign(issued.secret.encode(), text))
    headers = [(name.encode(), value.encode()) for name, value in zip(signing.HEADERS, given, strict=True)]
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": query.encode(),
             "headers": headers, "client": ("127.0.0.1", 0)}  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        return None

    await gateway(scope, receive, send)


def _for_trying() -> list[tuple[str, str, str]]:
    """The housing department's key, read back: only a demonstration shows a key twice."""
    found = (
        ApiKey.objects.filter(is_demo=True, state="active", grant__resource_name=TENANTS, grant__state="active")
        .order_by("pk")
        .first()
    )
    if found is None:
        return []
    return [
        (
            f"{found.public} ",
            f"{decrypt(found.sealed, SECRET_CONTEXT)}  ",
            f"共享接口演示密钥：/v1/{found.grant.code}/rows?id_number=999999199001010001",
        )
    ]
