"""Edges read from a query, kept with snapshots, walked both ways."""

import pytest

from yiwang.kernel.access.actors import SYSTEM, Invalid
from yiwang.kernel.lake import lineage, queries, services
from yiwang.kernel.lake.lineage import Step
from yiwang.kernel.lake.models import Edge
from yiwang.kernel.lake.sources import Query
from yiwang.kernel.lake.tests.conftest import row

pytestmark = pytest.mark.django_db


def table(name, *columns):
    return services.ensure_table(
        SYSTEM, name, name, [{"name": each, "title": each, "type": "text"} for each in columns], list(columns[:1])
    )


@pytest.fixture
def firms(db):
    return table("firms", "code", "name", "address")


@pytest.fixture
def taxes(db):
    return table("taxes", "code", "payer", "paid")


def edges(sql, **tables):
    found = lineage.of_query(sql, tables)
    return {(edge["column"], edge["source"].name, edge["source_column"]) for edge in found}


def test_逐列来源_经过子查询_公共表_星号与合并(firms, taxes):
    sql = """
    WITH best AS (SELECT code, coalesce(name, payer) AS name FROM firms LEFT JOIN taxes USING (code))
    SELECT b.*, upper(f.address) AS place, '常量' AS mark, f.name || t.paid AS both
    FROM best b JOIN firms f ON f.code = b.code JOIN (SELECT * FROM taxes) t ON t.code = f.code
    WHERE t.payer <> ''
    """
    assert edges(sql, firms=firms, taxes=taxes) == {
        ("code", "firms", "code"), ("name", "firms", "name"), ("name", "taxes", "payer"), ("place", "firms", "address"),
        ("both", "firms", "name"), ("both", "taxes", "paid"), ("code", "taxes", "code"),  # USING joins both
    }  # fmt: skip
    found = {edge["column"]: edge["transform"] for edge in lineage.of_query(sql, {"firms": firms, "taxes": taxes})}
    assert found["place"] == "UPPER(f.address)"


def test_列名大小写照登记的写(db):
    upper = table("upper_case", "XM", "代码")
    found = lineage.of_query('SELECT xm AS Xm, "代码" AS DM FROM t', {"t": upper})
    assert [(edge["column"], edge["source_column"]) for edge in found] == [("Xm", "XM"), ("DM", "代码")]


def test_并集与计数(firms, taxes):
    union = "SELECT code, name FROM firms UNION ALL SELECT code, payer FROM taxes"
    assert ("name", "taxes", "payer") in edges(union, firms=firms, taxes=taxes)
    count = "SELECT name, count(*) AS n FROM firms GROUP BY name"
    assert edges(count, firms=firms) == {("name", "firms", "name"), ("n", "firms", "")}


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT code FROM elsewhere", "没有给出的表：elsewhere"),
        ("DELETE FROM firms", "只能由一个 SELECT"),
        ("SELECT nothing FROM firms", "没有“nothing”这一列"),
        ("SELECT code FROM firms; SELECT 1", "只能由一个 SELECT"),
        ("SELECT (", "推不出血缘"),
        ("SELECT * FROM read_csv('/etc/passwd')", "没有给出的表|推不出血缘"),
    ],
)
def test_推不出就说(firms, sql, words):
    with pytest.raises(Invalid, match=words):
        lineage.of_query(sql, {"firms": firms})


@pytest.fixture
def derived(people, put):
    """people → totals → board, each staged with the lineage of its own query."""
    base = put(people, [row(1), row(2)])
    made = {"people": people}
    for name, sql, source in (
        ("totals", "SELECT district, sum(amount)::VARCHAR AS amount, count(*)::VARCHAR AS n FROM people GROUP BY district", "people"),
        ("board", "SELECT district AS place, n || '／' || amount AS text FROM totals", "totals"),
    ):  # fmt: skip
        columns = {"totals": ("district", "amount", "n"), "board": ("place", "text")}[name]
        made[name] = table(name, *columns)
        query = Query(sql, {source: queries.source(base)})
        staged = services.stage(
            SYSTEM, made[name], query, "replace", {}, edges=lineage.of_query(sql, {source: made[source]})
        )
        base = services.publish(SYSTEM, staged, "测试")
    return made


def cells(found):
    return {(step.distance, step.target, step.column, step.source, step.source_column) for step in found.steps}


def test_向上到源头_向下到全部影响(derived):
    assert cells(queries.upstream(derived["board"], "text")) == {
        (1, "board", "text", "totals", "n"), (1, "board", "text", "totals", "amount"),
        (2, "totals", "n", "people", ""), (2, "totals", "amount", "people", "amount"),
    }  # fmt: skip
    found = queries.downstream(derived["people"], "amount")
    assert found.complete
    assert cells(found) == {
        (1, "totals", "amount", "people", "amount"), (1, "totals", "n", "people", ""),
        (2, "board", "text", "totals", "amount"), (2, "board", "text", "totals", "n"),
    }  # fmt: skip
    assert {step.target for step in queries.downstream(derived["people"], "name").steps} == {"totals", "board"}
    assert queries.downstream(derived["board"], "text").steps == ()


def test_只按现行快照_换了来源旧边不再算_回退又回来(people, put, derived):
    other = table("other", "district")
    held = derived["board"]
    text = source_of(put, held, [{"place": "东", "text": "x"}])
    services.publish(
        SYSTEM,
        services.stage(SYSTEM, held, text, "replace", {}, edges=[{"column": "place", "source": other, "source_column": "district"}]),
        "换源",
    )  # fmt: skip
    assert cells(queries.upstream(held, "place")) == {(1, "board", "place", "other", "district")}
    assert queries.upstream(held, "text").steps == ()
    services.rollback(SYSTEM, held, 1, "换错了")
    assert len(queries.upstream(held, "text").steps) == 4


def source_of(put, held, rows):
    """The rows as a source, through a staged snapshot that is never published."""
    return queries.source(put(held, rows, "replace", held.columns, publish=False))


def test_追加沿用旧边_同样的边只留最新的包(people, put):
    for package in ("package:1", "package:2"):
        source = source_of(put, people, [row(int(package[-1]))])
        edge = {"column": "name", "origin": package, "transform": "原样"}
        services.publish(SYSTEM, services.stage(SYSTEM, people, source, "append", {}, edges=[edge]), "入")
    assert queries.upstream(people, "name").steps == (Step(1, "people", "name", "", "", "package:2", "原样"),)
    assert Edge.objects.count() == 2
    with pytest.raises(Invalid, match="没有的列：nothing"):
        services.stage(SYSTEM, people, source, "replace", {}, edges=[{"column": "nothing", "origin": "x"}])


def test_环只走一遍_太深会说没走完(put):
    tables = [table(f"t{number}", "a") for number in range(5)]
    for number, held in enumerate(tables):
        edge = {"column": "a", "source": tables[number - 1], "source_column": "a"}
        source = source_of(put, held, [{"a": "x"}])
        services.publish(SYSTEM, services.stage(SYSTEM, held, source, "replace", {}, edges=[edge]), "测试")
    found = queries.upstream(tables[0], "a")
    assert len(found.steps) == 5 and found.complete
    assert [step.source for step in queries.downstream(tables[0], "a").steps] == ["t0", "t1", "t2", "t3", "t4"]
    short = queries.upstream(tables[0], "a", deepest=2)
    assert len(short.steps) == 2 and not short.complete
