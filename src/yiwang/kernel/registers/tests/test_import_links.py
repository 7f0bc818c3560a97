"""Import of what hangs together: rows below rows of the same sheet in any order, many-to-many by code list."""

import io

import pytest

from yiwang.kernel.files import queries as files
from yiwang.kernel.registers import exporting, importing, queries, services
from yiwang.kernel.registers.tests import world
from yiwang.kernel.registers.tests.sample.models import Depot
from yiwang.kernel.registers.tests.sample.registers import DEPOTS
from yiwang.kernel.registers.tests.test_exchange import cells, xlsx

HEADERS = ["料场代码", "名称", "所属机构", "上级料场", "共用单位"]


@pytest.fixture
def keeper(city):
    return world.actor(DEPOTS, city.roads)


def imported(who, *lines):
    run = services.upload(who, DEPOTS, "料场.xlsx", xlsx(HEADERS, *lines))
    services.confirm(who, DEPOTS, run, run.mapping)
    run.refresh_from_db()
    return run


def errors(run):
    with files.content(files.of((importing.OWNER, run.pk)).get(kind="errors")) as stream:
        return [line[0] for line in cells(io.BytesIO(stream.read()))[1:]]


def test_子在前父在后也能导入_按代码或名称(city, keeper):
    run = imported(keeper, ["C", "丙", "ROADS", "乙"], ["B", "乙", "ROADS", "A"], ["A", "甲", "ROADS", ""])
    assert (run.state, run.created) == ("done", 3), errors(run)
    assert dict(Depot.objects.values_list("code", "parent__code")) == {"A": None, "B": "A", "C": "B"}
    again = imported(keeper, ["B", "乙", "ROADS", "C"], ["C", "丙", "ROADS", "A"], ["A", "甲", "ROADS", ""])
    assert (again.changed, again.unchanged) == (2, 1)
    assert dict(Depot.objects.values_list("code", "parent__code")) == {"A": None, "B": "C", "C": "A"}


def test_互为上下级的行都标出_一行也不写(keeper):
    run = imported(
        keeper,
        ["A", "甲", "ROADS", "B"],
        ["B", "乙", "ROADS", "A"],
        ["C", "丙", "ROADS", "A"],
        ["D", "丁", "ROADS", "D"],
    )
    assert (run.state, Depot.objects.count()) == ("refused", 0)
    said = errors(run)
    assert "互为上下级" in said[0] and "互为上下级" in said[1] and "互为上下级" in said[3]
    assert "没有找到" in said[2]


def test_多选列按代码或名称_顿号逗号分隔_可清空(city, keeper):
    run = imported(keeper, ["A", "甲", "ROADS", "", "PARKS、北片养护所，PARKS"])
    assert run.state == "done", errors(run)
    assert set(Depot.objects.get().users.all()) == {city.parks, city.north}
    assert imported(keeper, ["A", "甲", "ROADS", "", "北片养护所；园林局"]).unchanged == 1
    assert imported(keeper, ["A", "甲", "ROADS", "", "园林局"]).changed == 1
    assert set(Depot.objects.get().users.all()) == {city.parks}
    assert imported(keeper, ["A", "甲", "ROADS", "", ""]).changed == 1
    assert not Depot.objects.get().users.exists()


def test_多选列有一个找不到_指出是哪一个(keeper):
    run = imported(keeper, ["A", "甲", "ROADS", "", "园林局、没有的局"])
    assert (run.state, Depot.objects.count()) == ("refused", 0)
    assert "“没有的局”没有找到" in errors(run)[0]


def test_多选列的导出原样导入无变化(city, keeper):
    imported(keeper, ["A", "甲", "ROADS", "", "园林局、北片养护所"])
    columns = ("code", "name", "organisation", "users")
    stream = exporting.export(keeper, DEPOTS, queries.Wish(columns=columns), "xlsx")
    run = services.upload(keeper, DEPOTS, "料场.xlsx", stream)
    services.confirm(keeper, DEPOTS, run, run.mapping)
    run.refresh_from_db()
    assert (run.unchanged, run.changed, run.errors) == (1, 0, 0), run.message
