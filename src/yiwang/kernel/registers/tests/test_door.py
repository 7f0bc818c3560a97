"""The write door: scope, version, freeze, numbers, ledger, actions."""

import datetime

import pytest

from yiwang.kernel.access.actors import Conflict, Invalid, Refused
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.registers import queries, services
from yiwang.kernel.registers.tests import world
from yiwang.kernel.registers.tests.sample.models import Bridge
from yiwang.kernel.registers.tests.sample.registers import BRIDGES


def values(city, **more):
    return {"code": "Q1", "name": "一号桥", "organisation": city.roads.pk, "lanes": 4} | more


def test_新增得到编号_作者_审计(city, keeper):
    made = services.save(keeper, BRIDGES, values(city))
    assert made.number == f"QL{made.created_at.year}0001"
    assert (made.created_by_id, made.version, made.lanes) == (keeper.person_id, 1, 4)
    entry = Entry.objects.get(target_kind=BRIDGES.code, target_id=made.pk)
    assert (entry.action, entry.after["name"], entry.organisation_id) == ("add", "一号桥", city.roads.pk)


def test_失败的新增归还编号(city, keeper):
    with pytest.raises(Refused):
        services.save(keeper, BRIDGES, values(city, organisation=city.parks.pk))
    assert services.save(keeper, BRIDGES, values(city)).number.endswith("0001")
    assert services.save(keeper, BRIDGES, values(city, code="Q2")).number.endswith("0002")


def test_不能给别的机构新增(city, keeper):
    with pytest.raises(Invalid) as problem:
        services.save(keeper, BRIDGES, values(city, organisation=city.parks.pk))
    assert "organisation" in problem.value.errors
    assert not Bridge.objects.exists()


def test_不能把记录改到范围之外(city, bridge):
    row = bridge()
    some = world.actor(BRIDGES, city.roads, scope=Scope.ORGANISATION)
    with pytest.raises(Invalid):
        services.save(some, BRIDGES, {"organisation": city.parks.pk}, pk=row.pk)


def test_坏输入逐项说明且不写入(city, keeper):
    with pytest.raises(Invalid) as problem:
        services.save(keeper, BRIDGES, values(city, name="", lanes="两"))
    assert {"name", "lanes"} <= set(problem.value.errors)
    with pytest.raises(Invalid) as problem:
        services.save(keeper, BRIDGES, values(city, height=3))
    assert "height" in problem.value.errors
    with pytest.raises(Invalid):
        services.save(keeper, BRIDGES, values(city, state="built"))
    assert not Bridge.objects.exists()


def test_同一幂等键只新增一次(city, keeper):
    first = services.save(keeper, BRIDGES, values(city), key="k1")
    assert services.save(keeper, BRIDGES, values(city), key="k1").pk == first.pk
    assert Bridge.objects.count() == 1


def test_修改只写变化并留前后值(city, keeper, bridge):
    row = bridge()
    services.save(keeper, BRIDGES, {"name": "二号桥", "lanes": 2}, pk=row.pk, version="1")
    entry = Entry.objects.get(action="change")
    assert (entry.before, entry.after) == ({"name": "Q1大桥"}, {"name": "二号桥"})
    assert services.save(keeper, BRIDGES, {"name": "二号桥"}, pk=row.pk).version == 2
    assert Entry.objects.filter(action="change").count() == 1


def test_版本过期说出谁在何时改过(keeper, everybody, bridge):
    row = bridge()
    services.save(everybody, BRIDGES, {"name": "新名"}, pk=row.pk, version="1")
    with pytest.raises(Conflict) as problem:
        services.save(keeper, BRIDGES, {"name": "旧人改"}, pk=row.pk, version="1")
    assert everybody.name in problem.value.message and "20" in problem.value.message
    assert Bridge.objects.get().name == "新名"


def test_看不到明文的人不能写脱敏字段(city, bridge):
    row = bridge()
    clerk = world.actor(BRIDGES, city.roads, ("view", "change"))
    with pytest.raises(Invalid):
        services.save(clerk, BRIDGES, {"keeper_phone": "138****5678"}, pk=row.pk)
    body = world.browse(clerk, f"/r/sample.bridge/{row.pk}/change/").content.decode()
    assert 'name="keeper_phone"' not in body


def test_冻结的记录不可改(keeper, bridge):
    row = bridge(state="closed")
    with pytest.raises(Refused) as problem:
        services.save(keeper, BRIDGES, {"name": "改"}, pk=row.pk)
    assert "冻结" in problem.value.message


def test_操作只在该状态可做_留痕并升版本(keeper, bridge):
    row = bridge()
    with pytest.raises(Refused):
        services.act(keeper, BRIDGES, row.pk, "close", {})
    with pytest.raises(Invalid):
        services.act(keeper, BRIDGES, row.pk, "open", {})
    done = services.act(keeper, BRIDGES, row.pk, "open", {"opened_on": "2026-05-01"}, version="1")
    assert (done.state, done.version) == ("built", 2)
    assert Entry.objects.get(action="open").after == {"state": "built", "opened_on": "2026-05-01"} | {
        name: value
        for name, value in Entry.objects.get(action="open").after.items()
        if name not in {"state", "opened_on"}
    }
    with pytest.raises(Refused):
        services.act(keeper, BRIDGES, row.pk, "open", {"opened_on": "2026-05-01"})
    with pytest.raises(Refused):
        services.act(keeper, BRIDGES, row.pk, "fly", {})


@pytest.mark.parametrize("verb", ["add", "change", "open"])
def test_没有动作权限即被拒绝(city, bridge, verb):
    row = bridge()
    held = tuple(code for code, _ in BRIDGES.guard.verbs if code != verb)
    clerk = world.actor(BRIDGES, city.roads, held)
    with pytest.raises(Refused):
        if verb == "open":
            services.act(clerk, BRIDGES, row.pk, "open", {"opened_on": "2026-05-01"})
        else:
            services.save(clerk, BRIDGES, values(city, code="Q9"), pk=row.pk if verb == "change" else None)


def test_范围之外的记录不可改也不可办(stranger, bridge):
    row = bridge()
    for attempt in (
        lambda: services.save(stranger, BRIDGES, {"name": "x"}, pk=row.pk),
        lambda: services.act(stranger, BRIDGES, row.pk, "open", {"opened_on": "2026-05-01"}),
        lambda: queries.one(stranger, BRIDGES, row.pk),
    ):
        with pytest.raises(Refused) as problem:
            attempt()
        assert problem.value.code == "absent"


def test_详情页有记录_操作_脱敏历史(keeper, reader, bridge):
    row = bridge()
    services.save(keeper, BRIDGES, {"keeper_phone": "13987654321"}, pk=row.pk)
    body = world.browse(reader, f"/r/sample.bridge/{row.pk}/").content.decode()
    assert "139****4321" in body and "13987654321" not in body and "13812345678" not in body
    assert "13987654321" in world.browse(keeper, f"/r/sample.bridge/{row.pk}/").content.decode()


def test_表单页保存与报错(city, keeper, bridge):
    assert f'value="{city.roads.pk}" selected' in world.browse(keeper, "/r/sample.bridge/new/").content.decode()
    response = world.browse(keeper, "/r/sample.bridge/new/", {**values(city), "key": "a"}, method="POST")
    made = Bridge.objects.get()
    assert (response.status_code, response.url) == (302, f"/r/sample.bridge/{made.pk}/")
    wrong = world.browse(
        keeper, f"/r/sample.bridge/{made.pk}/change/", {**values(city, name=""), "version": "1"}, method="POST"
    )
    assert wrong.status_code == 422 and "这个字段是必填项" in wrong.content.decode()
    services.save(keeper, BRIDGES, {"name": "抢先"}, pk=made.pk)
    late = world.browse(keeper, f"/r/sample.bridge/{made.pk}/change/", {**values(city), "version": "1"}, method="POST")
    assert late.status_code == 409 and "修改了这条记录" in late.content.decode()


def test_操作页(keeper, bridge):
    row = bridge()
    assert "通车日期" in world.browse(keeper, f"/r/sample.bridge/{row.pk}/act/open/").content.decode()
    Bridge.objects.filter(pk=row.pk).update(opened_on=datetime.date(2025, 12, 31))
    assert 'value="2025-12-31"' in world.browse(keeper, f"/r/sample.bridge/{row.pk}/act/open/").content.decode()
    assert world.browse(keeper, f"/r/sample.bridge/{row.pk}/act/close/", {}, method="POST").status_code == 403
    done = world.browse(keeper, f"/r/sample.bridge/{row.pk}/act/open/", {"opened_on": "2026-01-02"}, method="POST")
    assert done.status_code == 302


def test_候选项限于可选范围(city, keeper, stranger):
    body = world.browse(keeper, "/r/sample.bridge/pick/organisation/?verb=add&organisation=所").content.decode()
    assert "北片养护所" in body
    assert "北片养护所" not in world.browse(stranger, "/r/sample.bridge/pick/organisation/?verb=add").content.decode()
    assert world.browse(keeper, "/r/sample.bridge/pick/nothing/").status_code == 404
