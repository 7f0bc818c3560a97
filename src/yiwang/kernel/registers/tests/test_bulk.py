"""One action over many rows: permission, scope and state row by row; each alone, or all or none."""

import pytest

from yiwang.kernel.access.actors import Invalid, Refused
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.registers import services
from yiwang.kernel.registers.services.bulk import MOST
from yiwang.kernel.registers.tests import world
from yiwang.kernel.registers.tests.sample.models import Depot
from yiwang.kernel.registers.tests.sample.registers import DEPOTS
from yiwang.kernel.registers.tests.world import browse


@pytest.fixture
def keeper(city):
    return world.actor(DEPOTS, city.roads)


@pytest.fixture
def depots(city):
    """Two open ones in scope, one closed in scope, one open beside."""
    homes = (city.roads, city.north, city.roads, city.parks)
    return [Depot.objects.create(code=f"D{n}", name=f"{n}号料场", organisation=home, open=n != 3)
            for n, home in enumerate(homes, 1)]  # fmt: skip


def still_open():
    return set(Depot.objects.filter(open=True).values_list("code", flat=True))


def test_逐条执行_各有结果与原因_范围外不露名称(keeper, depots):
    results = services.act_many(
        keeper, DEPOTS, [row.pk for row in reversed(depots)] + [depots[0].pk, 999_999], "shut", {}
    )
    assert [(row.title, row.done, row.message) for row in results] == [
        ("D1 1号料场", True, ""), ("D2 2号料场", True, ""), ("D3 3号料场", False, "该料场已关闭。"),
        ("", False, "没有找到该记录，或它不在您的数据范围内。"), ("", False, "没有找到该记录，或它不在您的数据范围内。"),
    ]  # fmt: skip
    assert still_open() == {"D4"}
    assert Entry.objects.filter(action="shut").count() == 2


def test_要么全部要么全不_有一条不行则都不执行(keeper, depots):
    results = services.act_many(keeper, DEPOTS, [row.pk for row in depots[:3]], "rename", {"name": "新"})
    assert [row.done for row in results] == [False] * 3
    assert "本行没有执行" in results[0].message and results[2].message == "已关闭的料场不能改名。"
    assert not Depot.objects.filter(name="新").exists() and not Entry.objects.filter(action="rename").exists()
    results = services.act_many(keeper, DEPOTS, [row.pk for row in depots[:2]], "rename", {"name": "新"})
    assert all(row.done for row in results) and Depot.objects.filter(name="新").count() == 2


def test_没有权限_未声明_未选_过多_填写不对都拒绝(city, keeper, depots):
    reader = world.actor(DEPOTS, city.roads, ("view",))
    pks = [row.pk for row in depots[:2]]
    with pytest.raises(Refused, match="“料场”的“关闭”"):
        services.act_many(reader, DEPOTS, pks, "shut", {})
    for code in ("alone", "nothing"):
        with pytest.raises(Refused, match="批量操作"):
            services.act_many(keeper, DEPOTS, pks, code, {})
    with pytest.raises(Invalid, match="没有选中"):
        services.act_many(keeper, DEPOTS, [], "shut", {})
    with pytest.raises(Invalid, match="一次最多"):
        services.act_many(keeper, DEPOTS, range(MOST + 1), "shut", {})
    with pytest.raises(Invalid, match="新名称"):
        services.act_many(keeper, DEPOTS, pks, "rename", {"name": ""})
    assert still_open() == {"D1", "D2", "D4"}


def test_列表可选行_表单后逐行报告(city, keeper, depots):
    text = browse(keeper, "/r/sample.depot/").content.decode()
    assert text.count('name="row"') == 3 and 'formaction="/r/sample.depot/bulk/rename/"' in text
    assert "bulk/alone/" not in text
    assert 'name="row"' not in browse(world.actor(DEPOTS, city.roads, ("view",)), "/r/sample.depot/").content.decode()
    rows = [str(row.pk) for row in depots[:2]]
    form = browse(keeper, "/r/sample.depot/bulk/rename/", {"row": rows}, method="POST").content.decode()
    assert "已选 2 条" in form and 'name="name"' in form
    wrong = browse(keeper, "/r/sample.depot/bulk/rename/", {"row": rows, "sent": "1"}, method="POST")
    assert wrong.status_code == 422
    done = browse(keeper, "/r/sample.depot/bulk/rename/", {"row": rows, "sent": "1", "name": "新"}, method="POST")
    assert "已执行 2 条" in done.content.decode()
    shut = browse(keeper, "/r/sample.depot/bulk/shut/", {"row": [*rows, str(depots[2].pk)]}, method="POST")
    assert "该料场已关闭" in shut.content.decode() and still_open() == {"D4"}
    assert browse(keeper, "/r/sample.depot/bulk/shut/", {"row": ["甲"]}, method="POST").status_code == 422
