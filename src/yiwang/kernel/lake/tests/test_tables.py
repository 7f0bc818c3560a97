"""Registering, staging, publishing, rolling back and reading."""

import shutil

import duckdb
import pyarrow.parquet as pq
import pytest

from yiwang.kernel.access.actors import SYSTEM, Conflict, Invalid, Refused
from yiwang.kernel.lake import basics, queries, services, testing
from yiwang.kernel.lake.expressions import condition
from yiwang.kernel.lake.process.connections import scan
from yiwang.kernel.lake.sources import Files, Query
from yiwang.kernel.lake.tests.conftest import COLUMNS, ids, row
from yiwang.kernel.ledger.models import Entry

pytestmark = pytest.mark.django_db
assert basics.norm_text


def test_入湖后未发布不可见_发布后现行并入账(people, put):
    staged = put(people, [row(1), row(2)], publish=False)
    assert queries.current(people) is None
    services.publish(SYSTEM, staged, "首批")
    assert queries.current(people) == staged
    assert (staged.number, staged.rows, len(queries.paths(staged))) == (1, 2, 1)
    assert queries.rows(staged, limit=1) == [
        {"id": 1, "name": "户1", "district": "东", "amount": "0.25", "born": "1990-01-01",
         "seen": "2026-03-01 08:30:00", "alive": True}
    ]  # fmt: skip
    assert Entry.objects.get(action="lake.snapshot.published").reason == "首批"


@pytest.mark.parametrize(
    ("mode", "rows", "left", "counts"),
    [
        ("replace", [row(9)], [9], {"added": 1, "removed": 3}),
        ("append", [row(9)], [1, 2, 3, 9], {"added": 1}),
        ("merge", [row(3, name="改"), row(9)], [1, 2, 3, 9], {"added": 1, "changed": 1}),
        ("remove", [row(2), row(8)], [1, 3], {"removed": 1}),
    ],
)
def test_各种方式的结果(people, put, mode, rows, left, counts):
    put(people, [row(1), row(2), row(3)])
    columns = COLUMNS if mode != "remove" else COLUMNS[:1]
    rows = rows if mode != "remove" else [{"id": each["id"]} for each in rows]
    made = put(people, rows, mode, columns)
    assert (ids(made), made.rows, made.counts) == (left, len(left), counts)


def test_整分区替换只动出现的分区(put):
    table = services.ensure_table(SYSTEM, "by_district", "分区", COLUMNS, ["id"], partition="district")
    first = put(table, [row(1), row(2), row(3), row(4, district=None)])
    second = put(table, [row(5), row(7)], "partition")
    assert ids(second) == [2, 4, 5, 7]
    assert len(set(first.files) & set(second.files)) == 2
    third = put(table, [row(10, district=None)], "partition")
    assert ids(third) == [2, 5, 7, 10]


def test_列以字段编号读_后加的列旧文件为空(people, put):
    old = put(people, [row(1)])
    wider = [*COLUMNS, {"name": "phone", "title": "电话", "type": "text"}]
    table = services.ensure_table(SYSTEM, "people", "人口", wider, ["id"])
    new = put(table, [row(2, phone="138")], "append", wider)
    assert [each["phone"] for each in queries.rows(new, ["id", "phone"])] == [None, "138"]
    assert "phone" not in queries.rows(old)[0]
    field = pq.read_schema(queries.paths(new)[-1]).field("phone")
    assert field.metadata[b"PARQUET:field_id"] == b"8"


@pytest.mark.parametrize(
    ("columns", "key", "words"),
    [
        (COLUMNS[1:], ["name"], "主键和分区列不能改"),
        ([*COLUMNS[:-1], {"name": "valid", "title": "有效", "type": "boolean"}], ["id"], "不能删去或改名"),
        ([*COLUMNS[:-1], {"name": "alive", "title": "有效", "type": "text"}], ["id"], "不能改类型"),
        ([*COLUMNS, COLUMNS[0]], ["id"], "列名重复"),
        ([{"name": "id", "title": "", "type": "varchar"}], ["id"], "没有“varchar”这种数据类型"),
    ],
)
def test_有数据后列只增不改(people, put, columns, key, words):
    put(people, [row(1)])
    with pytest.raises(Invalid, match=words):
        services.ensure_table(SYSTEM, "people", "人口", columns, key)


def test_来源不合登记时用话拒绝且不留文件(people, put, tmp_path):
    put(people, [row(1)])
    kept = queries.paths(queries.current(people))
    text = [{**column, "type": "text"} for column in COLUMNS]
    cases = [
        ([row(2), row(2)], COLUMNS, "append", "1 个主键（id）重复"),
        ([row(1)], COLUMNS, "append", "1 行的主键已在表中"),
        ([row(2, id=None)], COLUMNS, "merge", "1 行的主键（id）为空"),
        ([{"id": "a", "born": "2026-02-30"}], text, "append", "“编号”1 行不是 integer；“出生”1 行不是 date"),
        (
            [{"id": 3, "nickname": "x"}],
            [COLUMNS[0], {"name": "nickname", "type": "text"}],
            "append",
            "没有的列：nickname",
        ),
        ([{"name": "x"}], [COLUMNS[1]], "append", "没有主键列：id"),
    ]
    for rows, columns, mode, words in cases:
        with pytest.raises(Invalid, match=words):
            put(people, rows, mode, columns)
    assert queries.paths(queries.current(people)) == kept
    assert len(list((tmp_path / "lake" / people.folder / "data").iterdir())) == len(kept)
    assert not list((tmp_path / "lake" / ".work").iterdir())


def test_基于旧快照的不能发布_下一次基于已发布的(people, put):
    put(people, [row(1)])
    late = put(people, [row(2)], "append", publish=False)
    done = put(people, [row(3)], "append")
    with pytest.raises(Conflict, match="现行快照已变为第 3 号"):
        services.publish(SYSTEM, late, "晚")
    assert ids(done) == [1, 3]
    services.discard(SYSTEM, late, "重报")
    with pytest.raises(Conflict, match="已作废"):
        services.publish(SYSTEM, late, "晚")


def test_回退是新快照_旧内容_按号读仍是当时(people, put):
    first = put(people, [row(1)])
    second = put(people, [row(2)])
    third = services.rollback(SYSTEM, people, 1, "第二批有误")
    assert (third.number, ids(third), queries.current(people)) == (3, [1], third)
    assert ids(queries.numbered(people, 2)) == [2] == ids(second)
    assert third.digest == first.digest
    with pytest.raises(Invalid, match="没有发布过第 9 号"):
        services.rollback(SYSTEM, people, 9, "无")
    with pytest.raises(Refused, match="没有第 9 号"):
        queries.numbered(people, 9)


def test_以查询入湖与血缘(people, put):
    base = put(people, [row(1), row(2), row(4)])
    totals = services.ensure_table(
        SYSTEM, "totals", "汇总", [{"name": "district", "title": "区划", "type": "text"}, {"name": "n", "title": "人数", "type": "integer"}],
        ["district"],
    )  # fmt: skip
    made = services.stage(
        SYSTEM, totals, Query("SELECT district, count(*) AS n FROM people GROUP BY district", {"people": queries.source(base)}),
        "replace", {"from": base.number}, edges=[{"column": "n", "source": people, "source_column": "id", "transform": "count"}],
    )  # fmt: skip
    assert queries.rows(made) == [{"district": "东", "n": 1}, {"district": "西", "n": 2}]
    assert made.edges.get().source_column == "id"


def test_比较与对账(people, put, tmp_path):
    a = put(people, [row(1), row(2), row(3)])
    b = put(people, [row(2, name="改", amount=None), row(3), row(4)])
    found = queries.diff(a, b)
    assert (found.added, found.removed, found.changed, found.same) == (1, 1, 1, 1)
    assert found.by_column == {"name": 1, "amount": 1}
    assert found.samples["changed"] == [{"id": 2, "name": ["户2", "改"], "amount": ["0.50", None]}]
    assert [each["id"] for each in found.samples["added"] + found.samples["removed"]] == [4, 1]
    theirs = Files((testing.parquet(tmp_path, COLUMNS[:2], [row(3), row(3)]),))
    with pytest.raises(Invalid, match="右边有 1 处主键为空或重复"):
        queries.reconcile(b, theirs)


def test_写好的文件原样入湖_列号不符的重写(people, put):
    first = put(people, [row(1), row(2)])
    twice = put(services.ensure_table(SYSTEM, "again", "同列", COLUMNS, ["id"]), [row(7)])
    same = services.stage(SYSTEM, people, queries.paths(twice), "replace", {"test": True})
    assert queries.paths(same) != queries.paths(twice) and same.digest == twice.digest and ids(same) == [7]
    turned = services.ensure_table(SYSTEM, "turned", "列序不同", [COLUMNS[1], COLUMNS[0], *COLUMNS[2:]], ["id"])
    other = services.stage(SYSTEM, turned, queries.paths(first), "replace", {"test": True})
    assert other.digest != first.digest and ids(other) == [1, 2]
    assert queries.rows(other, ["name"], limit=1) == [{"name": "户1"}]


def test_引擎知道文件的行数_列以文件为准(people, put, tmp_path):
    held = put(people, [row(each) for each in range(7)])
    (path,) = queries.paths(held)
    folder = tmp_path / "district=南"
    folder.mkdir()
    shutil.copy(path, folder / "a.parquet")
    with duckdb.connect() as connection:
        for paths, rows in (([path], 7), ([path, path], 14), ([str(folder / "a.parquet")], 7)):
            given = f"FROM {scan(paths, held.columns)}"
            assert f"~{rows} rows" in connection.execute(f"EXPLAIN {given}").fetchall()[0][1]
            assert connection.sql(given).aggregate("count(*), min(district)").fetchall() == [(rows, "东")]


def test_写好的文件也查主键(people, put):
    double = put(services.ensure_table(SYSTEM, "keyless", "无主键", COLUMNS, []), [row(1), row(1)])
    with pytest.raises(Invalid, match="重复"):
        services.stage(SYSTEM, people, queries.paths(double), "replace", {"test": True})


def test_条件里层层嵌套的函数每层只写一次(people, put):
    held = put(people, [row(1, name=" Ａb "), row(2), row(3, name=None)])

    def nested(depth):
        text = "name"
        for _ in range(depth):
            text = f"norm_text(upper({text}))"
        return condition(f"{text} = 'AB'", {"name": "text"})

    sizes = [sum(map(len, nested(depth).over("t"))) for depth in (1, 2, 8)]
    assert sizes[2] < sizes[0] + 8 * (sizes[1] - sizes[0]) < 20_000 < len(nested(2).duckdb())
    assert queries.rows(held, ["id"], nested(8)) == [{"id": 1}]
