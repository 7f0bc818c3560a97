"""Requests, terms, refusals and grants through the public verbs."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from yiwang.data.catalog import contract as catalog
from yiwang.data.catalog.models import Demand
from yiwang.data.sharing import queries
from yiwang.data.sharing.models import ApiKey, Delivery, Grant, SharingLimit, UsageDay
from yiwang.data.sharing.services import deliveries, grants, handing, keys, marks, requests, sandbox
from yiwang.data.sharing.services.filters import compiled
from yiwang.data.sharing.terms import GrantState, RequestState, ShareType
from yiwang.data.sharing.tests.world import BASIS, ITEMS, LEVELS, Bureau
from yiwang.kernel.access.actors import SYSTEM, Actor, Conflict, Invalid, Refused
from yiwang.kernel.clocks import queries as clocks
from yiwang.kernel.clocks import services as limits
from yiwang.kernel.crypto import decrypt
from yiwang.kernel.measures.periods import month_of
from yiwang.kernel.measures.queries import value
from yiwang.kernel.registers.queries import history
from yiwang.kernel.registers.registry import find

TYPES = {"status": "text", "born_on": "date", "income": "decimal(38,6)", "children": "integer", "alive": "boolean"}


# Requests and their clocks


def test_有条件的走完全程_授权只含申请的字段(bureau: Bureau) -> None:
    request = bureau.apply()
    assert request.share_type == ShareType.CONDITIONAL
    clock = clocks.current(request.case_id, "answer")
    assert clock is not None and (clock.budget, clock.unit) == (10, "working_day")
    assert request.answer_due == clock.due_at
    bureau.act("公安审核员", request, "agree_conditional", condition="不得留存", granted_quota=300, plain="")
    bureau.act("数管复核员", request, "approve")
    request.refresh_from_db()
    grant = Grant.objects.get(request=request)
    assert request.state == RequestState.AGREED
    assert request.deliver_due is not None and request.deliver_due > timezone.now() + timedelta(days=20)
    assert (grant.fields, grant.projection, grant.state) == (["id_number", "name", "status"],) * 2 + (
        GrantState.PENDING,
    )
    assert (grant.masks, grant.daily_quota, grant.page_rows, grant.condition) == (
        {"id_number": "id_number", "name": "name"}, 300, 0, "不得留存")  # fmt: skip
    for code, record in (("sharing.request", request), ("sharing.grant", grant)):
        past = [each for entry in history(SYSTEM, find(code), record) for each in entry.changes]
        assert "身份证号、姓名、人员状态" in {change.after for change in past}
        assert not any("id_number" in change.after for change in past)
    bureau.serve()
    handing.deliver(bureau["接口管理员"], request)
    request.refresh_from_db()
    grant.refresh_from_db()
    assert (request.state, grant.state) == (RequestState.DELIVERED, GrantState.ACTIVE)
    assert Demand.objects.get(reference=request.case.number).state == "met"


def test_无条件的一个工作日_不能附条件也不能拒绝(bureau: Bureau) -> None:
    request = bureau.apply(fields=["status", "moved_on"])
    assert request.share_type == ShareType.UNCONDITIONAL
    clock = clocks.current(request.case_id, "answer")
    assert clock is not None and clock.budget == 1
    for action, data in (
        ("refuse", {"refusal_reason": "不便", "refusal_basis": "内部规定"}),
        ("agree_conditional", {"condition": "先签协议"}),
    ):
        with pytest.raises(Refused, match="不符合"):
            bureau.act("公安审核员", request, action, **data)
    bureau.act("公安审核员", request, "agree")
    bureau.act("数管复核员", request, "approve")
    grant = Grant.objects.get(request=request)
    assert (grant.condition, grant.masks, grant.daily_quota) == ("", {}, request.daily_quota)


def test_拒绝须有理由和依据_经复核后列入负面清单(bureau: Bureau) -> None:
    request = bureau.apply()
    for data in ({}, {"refusal_reason": "不宜"}, {"refusal_basis": BASIS}):
        with pytest.raises(Invalid):
            bureau.act("公安审核员", request, "refuse", **data)
    bureau.act("公安审核员", request, "refuse", refusal_reason="涉及侦查", refusal_basis="《刑事诉讼法》第五十四条")
    demand = Demand.objects.get(reference=request.case.number)
    assert demand.state == "open" and "id_number" not in demand.wanted and "身份证号" in demand.wanted
    bureau.act("数管复核员", request, "confirm")
    request.refresh_from_db()
    found = Demand.objects.get(reference=request.case.number)
    assert (request.state, found.state, found.reason, found.basis) == (
        "refused",
        "refused",
        "涉及侦查",
        "《刑事诉讼法》第五十四条",
    )
    assert not Grant.objects.filter(request=request).exists()


def test_依据不足的拒绝退回提供部门(bureau: Bureau) -> None:
    request = bureau.apply()
    bureau.act("公安审核员", request, "refuse", refusal_reason="不便", refusal_basis="领导要求")
    bureau.act("数管复核员", request, "overrule", opinion="没有法律依据")
    bureau.act("公安审核员", request, "agree_conditional")
    bureau.act("数管复核员", request, "approve")
    assert Grant.objects.filter(request=request).exists()


def test_全部不予共享的资源当场答复_上清单(bureau: Bureau) -> None:
    closed = bureau.publish((ITEMS[4], ITEMS[0]), {"medical": (4, ""), "id_number": (4, "")})
    with pytest.raises(Refused, match="不予共享") as problem:
        bureau.apply(resource_id=closed.id)
    assert BASIS in problem.value.message
    found = Demand.objects.get(resource_id=closed.id)
    assert (found.state, found.organisation_id) == ("refused", bureau.unit("民政局"))


@pytest.mark.parametrize(("more", "field"), [
    ({"fields": ["medical", "status"]}, "fields"), ({"fields": ["nothing"]}, "fields"), ({"fields": []}, "fields"),
    ({"purpose": "工作需要"}, "purpose"), ({"matter": " "}, "matter"), ({"legal_basis": ""}, "legal_basis"),
    ({"wanted_until": date(2020, 1, 1)}, "wanted_until"), ({"wanted_until": date(2099, 1, 1)}, "wanted_until"),
    ({"daily_quota": 0}, "daily_quota"), ({"plain_fields": ["moved_on"]}, "plain_fields"),
    ({"row_filter": "medical = '甲'"}, "row_filter"), ({"row_filter": "length(status) > 1"}, "row_filter"),
])  # fmt: skip
def test_不合规的申请指出哪一项(bureau: Bureau, more: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as problem:
        bureau.apply(**more)
    assert field in problem.value.errors
    assert not Demand.objects.exists()


@pytest.mark.parametrize("text", [
    "status = '在册'; DROP TABLE x", "status = (SELECT 1)", "pg_sleep(9)", "status = '在册' --", "nothing = 1", "status", "1; 2",
])  # fmt: skip
def test_行条件里的SQL被拒(bureau: Bureau, text: str) -> None:
    with pytest.raises(Invalid):
        bureau.apply(row_filter=text)


def test_未定级的字段不能申请(bureau: Bureau) -> None:
    fresh = bureau.publish(levels={name: level for name, level in LEVELS.items() if name != "status"})
    with pytest.raises(Invalid) as problem:
        bureau.apply(resource_id=fresh.id)
    assert "尚未定级" in problem.value.errors["fields"][0]


def test_不能申请自己的资源(bureau: Bureau) -> None:
    with pytest.raises(Refused, match="本部门自己"):
        bureau.apply("公安需求员")


def test_同一提交只成一件(bureau: Bureau) -> None:
    assert bureau.apply(key="k").pk == bureau.apply(key="k").pk


def test_撤回的申请不再授权(bureau: Bureau) -> None:
    request = bureau.agreed()
    from_flow = bureau["民政需求员"]
    requests.flow.cancel(from_flow, request.case_id, opinion="不再需要")
    request.refresh_from_db()
    assert request.state == RequestState.WITHDRAWN
    assert Grant.objects.get(request=request).state == GrantState.REVOKED


def test_扩大目的须另行申请_原授权不变(bureau: Bureau) -> None:
    grant = bureau.delivered()
    again = requests.again(bureau["民政需求员"], grant.request, purpose="扩大用于养老补贴发放的资格核验工作")
    assert (again.replaces_id, again.pk != grant.request_id) == (grant.request_id, True)
    grant.refresh_from_db()
    assert grant.purpose == grant.request.purpose != again.purpose
    with pytest.raises(Refused):
        requests.again(bureau["教育需求员"], grant.request, purpose="借用别人的授权做别的事情吧")


def declare(actor: Actor, clock: str, days: int, basis: str) -> SharingLimit:
    row = SharingLimit.objects.get(code=f"sharing.request.{clock}", variant="conditional", local=False)
    return limits.declare_limit(
        actor,
        "sharing.limit",
        row.pk,
        number=days,
        basis=basis,
        nature="notice",
        valid_from=date(2026, 1, 1),
        local=True,
    )


def test_地方更严的时限优先_旧申请不变(bureau: Bureau) -> None:
    before = bureau.apply()
    declare(bureau["数管复核员"], "answer", 5, "某市政务数据共享办法第十条")
    declare(bureau["数管复核员"], "deliver", 30, "宽于国家规定的不适用")
    after = bureau.apply()
    budgets = [clocks.current(each.case_id, "answer").budget for each in (before, after)]  # type: ignore[union-attr]
    assert budgets == [10, 5]
    assert clocks.limit("sharing.request.deliver", "conditional", timezone.localdate()).number == 20


def test_没有施行中的时限就不受理(bureau: Bureau) -> None:
    SharingLimit.objects.update(valid_until=date(2025, 12, 31))
    with pytest.raises(Refused, match="没有施行中的“有条件共享答复时限”"):
        bureau.apply()
    with pytest.raises(Refused):
        clocks.limit("sharing.request.answer", "conditional", date(2025, 7, 31))


# Grants


def test_明文须申请且核准(bureau: Bureau) -> None:
    assert bureau.grant(plain_fields=["name"], said={"plain": "name"}).masks == {"id_number": "id_number"}
    assert bureau.grant(plain_fields=["name"]).masks == {"id_number": "id_number", "name": "name"}
    both = bureau.grant(plain_fields=["name", "id_number"], said={"plain": "姓名、身份证号"})
    assert both.masks == {}, "as the form shows them"
    request = bureau.apply()
    for beyond in ("name", "姓名", "没有的字段"):
        with pytest.raises(Invalid, match="超出申请") as refused:
            bureau.act("公安审核员", request, "agree_conditional", plain=beyond)
        assert "没有申请明文" in refused.value.errors["plain"][0]


def test_目录收紧后授权随之收紧_放宽不自动放宽(bureau: Bureau) -> None:
    grant = bureau.delivered()
    assert bureau.resource is not None
    ids = {item.name: item.id for item in bureau.resource.items}
    catalog.set_levels(
        SYSTEM, bureau.resource.id, {ids["name"]: (4, "name"), ids["status"]: (2, "status_code")}, "升级"
    )
    assert grants.refresh(SYSTEM, bureau.resource.id) == 1
    grant.refresh_from_db()
    assert grant.projection == ["id_number", "status"]
    assert grant.masks["status"] == grants.HIDDEN
    catalog.set_levels(SYSTEM, bureau.resource.id, {ids["medical"]: (1, "")}, "降级")
    grants.refresh(SYSTEM, bureau.resource.id)
    grant.refresh_from_db()
    assert "medical" not in grant.projection
    assert grants.refresh(SYSTEM, bureau.resource.id) == 0


@given(fields=st.sets(st.sampled_from([item.name for item in ITEMS])), levels=st.dictionaries(
    st.sampled_from([item.name for item in ITEMS]), st.integers(1, 4)))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_可出字段恒为授权与目录允许的交集(fields: set[str], levels: dict[str, int]) -> None:
    """The one function every door asks: nothing outside what was granted, nothing the catalogue withholds."""
    items = tuple(
        catalog.ItemFacts(
            id=number, name=spec.name, title=spec.title, data_type=spec.data_type, length=0, is_key=spec.is_key, is_timestamp=False,
            nullable=True, share_type=spec.share_type, share_condition="", share_basis="", open_type="withheld", open_condition="",
            level=levels.get(spec.name, 4), graded=spec.name in levels, sensitive="", declared_sensitive=False, standard="",
            code_table="", source_level="own",
        ) for number, spec in enumerate(ITEMS)
    )  # fmt: skip
    facts = catalog.ResourceFacts(
        id=1, code="1", name="", abstract="", organisation_id=1, organisation="", version=1, status="published", online=True,
        online_state="online", category="", theme="", format="", share_type="", open_type="", share_method="", cycle="", cycle_days=1,
        table="", published_at=None, loaded_at=None, snapshot=0, rows=0, due_at=None, items=items, is_demo=False,
    )  # fmt: skip
    grant = Grant(fields=sorted(fields))
    grant.request = requests.Request(share_type="conditional")
    shown = set(queries.projection(grant, facts))
    assert shown <= fields
    assert "medical" not in shown
    assert all(levels.get(name, 4) <= 3 for name in shown)
    assert shown >= {name for name in fields - {"medical"} if levels.get(name, 4) <= 3}


def test_撤销暂停恢复与限额(bureau: Bureau) -> None:
    grant = bureau.delivered()
    operator, provider = bureau["接口管理员"], bureau["公安审核员"]
    generation = grant.generation
    grants.change_quota(operator, grant.pk, daily_quota=5, rate=2, reason="控制流量")
    grants.suspend(provider, grant.pk, reason="核查使用情况", resource="sharing.provided")
    with pytest.raises(Conflict):
        grants.suspend(provider, grant.pk, reason="再次", resource="sharing.provided")
    grants.resume(provider, grant.pk, reason="核查完毕", resource="sharing.provided")
    with pytest.raises(Invalid):
        grants.revoke(provider, grant.pk, reason=" ", resource="sharing.provided")
    grants.revoke(provider, grant.pk, reason="超目的使用", resource="sharing.provided")
    grant.refresh_from_db()
    assert (grant.state, grant.daily_quota, grant.generation) == (GrantState.REVOKED, 5, generation + 4)
    with pytest.raises(Refused, match="不能签发"):
        keys.issue_key(operator, grant.pk)


def test_历史用量整批补录_已有的或自己平台的日子不行(bureau: Bureau) -> None:
    grant, operator = bureau.delivered(), bureau["接口管理员"]

    def day(back: int) -> date:
        return timezone.localdate(grant.created_at) - timedelta(days=back)

    days = {day(back): (10 * back, back, 9 * back) for back in (1, 2, 3)}
    grants.take_over_usage(operator, grant.pk, days, source="原平台日汇总")
    kept = UsageDay.objects.filter(grant=grant)
    assert {each.day: (each.answered, each.refused, each.rows) for each in kept} == days
    for wrong, problem in (
        ({day(4): (1, 0, 1), day(1): (1, 0, 1)}, Conflict), ({}, Invalid), ({day(4): (1, 0, 1), day(0): (1, 0, 1)}, Invalid),
        ({day(4): (1, 0, 1), day(5): (1, 0, -1)}, Invalid),
    ):  # fmt: skip
        with pytest.raises(problem):
            grants.take_over_usage(operator, grant.pk, wrong, source="原平台日汇总")
    with pytest.raises(Invalid):
        grants.take_over_usage(operator, grant.pk, {day(4): (1, 0, 1)}, source=" ")
    assert kept.count() == 3


def test_密钥只在签发时可见_库中是密文(bureau: Bureau) -> None:
    grant = bureau.delivered()
    issued = keys.issue_key(bureau["民政需求员"], grant.pk)
    row = ApiKey.objects.get(pk=issued.key.pk)
    assert issued.secret not in (row.sealed, row.public)
    assert decrypt(row.sealed, "sharing.apikey") == issued.secret
    with pytest.raises(Invalid):
        keys.issue_key(bureau["民政需求员"], grant.pk, valid_until=grant.valid_until + timedelta(days=1))
    keys.revoke_key(bureau["接口管理员"], row.pk, reason="轮换")
    with pytest.raises(Conflict):
        keys.revoke_key(bureau["接口管理员"], row.pk, reason="轮换")


def test_沙箱不等审核_只有合成数据(bureau: Bureau) -> None:
    request = bureau.apply()
    issued = sandbox.try_out(bureau["民政需求员"], request.pk)
    assert issued.key.public.startswith("yws_")
    assert bureau.resource is not None
    table = queries.serving(bureau.resource.id, synthetic=True)
    assert table is not None and table.rows == sandbox.ROWS
    assert {name for name, _ in table.columns} == {"id_number", "name", "status"}
    with pytest.raises(Refused):
        sandbox.try_out(bureau["教育需求员"], request.pk)


def test_服务表没建成不能交付(bureau: Bureau) -> None:
    request = bureau.agreed()
    with pytest.raises(Refused, match="还没有建成"):
        handing.deliver(bureau["接口管理员"], request)
    request.refresh_from_db()
    assert request.state == RequestState.AGREED


def test_异议标注同步(bureau: Bureau) -> None:
    bureau.serve()
    assert bureau.resource is not None
    found = {"110101199003074514": {"name": "异议核实中"}}
    assert [marks.keep(SYSTEM, bureau.resource.id, each) for each in (found, found, {})] == [True, False, True]


# Who may do what


@pytest.mark.parametrize(("who", "verb"), [
    ("公安审核员", "apply"), ("数管复核员", "apply"), ("接口管理员", "apply"), ("教育需求员", "issue"), ("公安审核员", "issue"),
    ("数管复核员", "issue"), ("民政需求员", "revoke"), ("教育审核员", "provider_revoke"), ("民政需求员", "quota"),
    ("公安审核员", "quota"), ("民政需求员", "take_over"), ("公安审核员", "take_over"), ("教育需求员", "revoke_key"), ("公安审核员", "revoke_key"), ("民政需求员", "deliver"),
    ("公安审核员", "limit"), ("接口管理员", "limit"), ("教育需求员", "sandbox"), ("教育审核员", "agree"), ("民政需求员", "agree"),
    ("民政需求员", "package"), ("公安审核员", "push"),
])  # fmt: skip
def test_越权一律拒绝(bureau: Bureau, who: str, verb: str) -> None:
    grant = bureau.delivered()
    waiting = bureau.apply()
    key = keys.issue_key(bureau["民政需求员"], grant.pk).key
    actor = bureau[who]
    tries = {
        "apply": lambda: bureau.apply(who), "issue": lambda: keys.issue_key(actor, grant.pk),
        "revoke": lambda: grants.revoke(actor, grant.pk, reason="试"),
        "provider_revoke": lambda: grants.revoke(actor, grant.pk, reason="试", resource="sharing.provided"),
        "take_over": lambda: grants.take_over_usage(actor, grant.pk, {}, source="试"),
        "quota": lambda: grants.change_quota(actor, grant.pk, daily_quota=1, rate=1, reason="试"),
        "revoke_key": lambda: keys.revoke_key(actor, key.pk, reason="试"),
        "deliver": lambda: handing.deliver(actor, bureau.agreed()), "sandbox": lambda: sandbox.try_out(actor, waiting.pk),
        "limit": lambda: declare(actor, "answer", 1, "试"),
        "agree": lambda: bureau.act(who, waiting, "agree_conditional"), "package": lambda: deliveries.package(actor, grant.pk),
        "push": lambda: deliveries.push(actor, grant.pk),
    }  # fmt: skip
    with pytest.raises(Refused):
        tries[verb]()


def test_复核人不能是同一件的答复人(bureau: Bureau) -> None:
    """The bureau's own data: who answered for it does not also review."""
    post = bureau.town.post("公安局", "双岗", "sharing.provider", "sharing.bureau")
    bureau.actors["双岗"] = bureau.town.actor("双岗", post)
    request = bureau.apply()
    bureau.act("双岗", request, "agree_conditional")
    with pytest.raises(Refused):
        bureau.act("双岗", request, "approve")


# Row filters


@pytest.mark.parametrize(("text", "expected", "values"), [
    ("status = '在册'", '("status" = %s::text)', ("在册",)),
    ("status IN ('在册', '注销') AND NOT alive", '(("status" IN (%s::text, %s::text)) AND (NOT "alive"))', ("在册", "注销")),
    ("children >= 2 OR children IS NULL", '(("children" >= %s::bigint) OR ("children" IS NULL))', ("2",)),
    ("status LIKE '在%'", "(\"status\" LIKE %s::text ESCAPE '')", ("在%",)), ("", "", ()),
])  # fmt: skip
def test_行条件变成带参数的谓词(text: str, expected: str, values: tuple[str, ...]) -> None:
    found = compiled(text, TYPES)
    assert (found.text, found.values) == (expected, values)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=("Cc", "Cs")), max_size=30))
@settings(max_examples=80, deadline=None)
def test_任何值都只是参数(value: str) -> None:
    quoted = value.replace("'", "''")
    found = compiled(f"status = '{quoted}'", TYPES)
    assert (found.text, found.values) == ('("status" = %s::text)', (value,))


# Figures


def test_指标等于独立查询_不含沙箱(bureau: Bureau) -> None:
    grant = bureau.delivered()
    queries.UsageDay.objects.create(
        grant=grant,
        provider=grant.provider,
        organisation=grant.organisation,
        day=timezone.localdate(),
        answered=7,
        refused=2,
        rows=9,
    )
    trial = sandbox.grants.sandbox(bureau["民政需求员"], grant.request_id)
    queries.UsageDay.objects.create(
        grant=trial,
        provider=trial.provider,
        organisation=trial.organisation,
        day=timezone.localdate(),
        answered=100,
        rows=100,
    )
    Delivery.objects.create(grant=grant, organisation=grant.organisation, provider=grant.provider, way="table", snapshot=1, rows=40,
                            digest="x", target="t", once="k")  # fmt: skip
    month = month_of(timezone.localdate().replace(day=1))
    found = {code: value(SYSTEM, f"sharing.{code}", month).value for code in (
        "requests", "calls", "call_rows", "refused_calls", "delivered_rows", "refused_requests")}  # fmt: skip
    assert {code: int(number or 0) for code, number in found.items()} == {
        "requests": 1, "calls": 7, "call_rows": 9, "refused_calls": 2, "delivered_rows": 40, "refused_requests": 0}  # fmt: skip
    assert value(SYSTEM, "sharing.answered_in_time", month).denominator == 1


def test_交付记录不能改(bureau: Bureau) -> None:
    grant = bureau.grant()
    made = Delivery.objects.create(grant=grant, organisation=grant.organisation, provider=grant.provider, way="table", snapshot=1,
                                   rows=1, digest="x", target="t", once="k")  # fmt: skip
    with pytest.raises((IntegrityError, Exception), match=r"delivery|append|不能"), transaction.atomic():
        Delivery.objects.filter(pk=made.pk).update(rows=2)
