"""The list: scope, filters, search, order, keyset paging, bounded count, views."""

import datetime
from datetime import UTC

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from yiwang.kernel.access.actors import Invalid, Refused
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.bulk import copying, indexing
from yiwang.kernel.registers import exporting, queries, services
from yiwang.kernel.registers.tests import world
from yiwang.kernel.registers.tests.sample.models import Bridge
from yiwang.kernel.registers.tests.sample.registers import BRIDGES

NOON = datetime.datetime(2026, 3, 1, 4, 0, tzinfo=UTC)


def listed(actor, **given):
    found = queries.listing(actor, BRIDGES, queries.wish(BRIDGES, {name: [value] for name, value in given.items()}))
    return [record.code for record in found.records]


def test_范围之外的人看不到任何一行(keeper, stranger, bridge):
    bridge("Q1")
    assert listed(keeper) == ["Q1"]
    assert listed(stranger) == []


def test_本部门范围不含下级(city, bridge):
    bridge("Q1")
    bridge("Q2", organisation=city.north)
    assert listed(world.actor(BRIDGES, city.roads, scope=Scope.ORGANISATION)) == ["Q1"]
    assert sorted(listed(world.actor(BRIDGES, city.roads, scope=Scope.TREE))) == ["Q1", "Q2"]


def test_筛选逐项起作用(city, keeper, bridge):
    bridge("Q1", state="built", toll=True, opened_on=datetime.date(2020, 5, 1), inspected_at=NOON)
    bridge("Q2", organisation=city.north)
    assert listed(keeper, state="built") == ["Q1"]
    assert listed(keeper, toll="否") == ["Q2"]
    assert listed(keeper, organisation=str(city.north.pk)) == ["Q2"]
    assert sorted(listed(keeper, organisation=f"{city.roads.pk} · 交通运输局")) == ["Q1", "Q2"]
    assert listed(keeper, **{"opened_on.from": "2020-05-01", "opened_on.to": "2020-05-01"}) == ["Q1"]
    assert listed(keeper, **{"opened_on.from": "2020-05-02"}) == []
    assert listed(keeper, name="Q2") == ["Q2"]


def test_时间筛选按北京时间的整日(keeper, bridge):
    bridge("Q1", inspected_at=datetime.datetime(2026, 2, 28, 16, 0, tzinfo=UTC))
    assert listed(keeper, **{"inspected_at.from": "2026-03-01", "inspected_at.to": "2026-03-01"}) == ["Q1"]
    assert listed(keeper, **{"inspected_at.to": "2026-02-28"}) == []


def test_期限写成当日24时_按当日筛选和导出(keeper, bridge):
    found = bridge("Q1", mend_by=datetime.datetime(2026, 12, 4, 16, 0, tzinfo=UTC))
    bridge("Q2", mend_by=datetime.datetime(2026, 12, 4, 4, 30, tzinfo=UTC))
    shown = {
        bound.name: queries.shown(bound, found, frozenset()) for bound in queries.offered_columns(BRIDGES).values()
    }
    assert shown["mend_by"] == "2026-12-04 24:00"
    both = {"mend_by.from": "2026-12-04", "mend_by.to": "2026-12-04"}
    assert sorted(listed(keeper, **both)) == ["Q1", "Q2"]
    assert listed(keeper, **{"mend_by.from": "2026-12-05"}) == []
    assert sorted(listed(keeper, **{"mend_by.to": "9999-12-31"})) == ["Q1", "Q2"]  # 长期
    assert listed(keeper, **{"mend_by.from": "9999-12-31"}) == []
    assert listed(keeper, **{"mend_by.to": "2026-12-03"}) == []
    stream = exporting.export(keeper, BRIDGES, queries.Wish(columns=("code", "mend_by")), "csv")
    text = stream.read().decode("utf-8-sig")
    assert "Q1,2026-12-04 24:00" in text and "Q2,2026-12-04 12:30" in text


@pytest.mark.parametrize(
    "given",
    [{"state": "nothing"}, {"toll": "也许"}, {"organisation": "x"}, {"organisation": "9" * 30},
     {"opened_on.from": "昨天"}, {"after": "%%%"}, {"after": "WzFd"}],
)  # fmt: skip
def test_读不懂的条件给出一句话(keeper, bridge, given):
    bridge()
    with pytest.raises(Invalid) as problem:
        listed(keeper, **given)
    assert problem.value.message.endswith("。")


def test_两字词与长词都经索引找到(keeper, reader, bridge):
    bridge("Q1", name="柳江大桥", note="位于柳北区胜利路")
    bridge("Q2", name="文惠桥", note="Liuzhou Bridge 100%")
    assert listed(keeper, q="柳北") == ["Q1"]
    assert listed(keeper, q="胜利路 柳江") == ["Q1"]
    assert listed(keeper, q="BRIDGE") == ["Q2"]
    assert listed(keeper, q="0%") == ["Q2"]
    assert listed(keeper, q="桥 柳北") == ["Q1"]
    assert listed(keeper, q="北区路") == []
    assert listed(keeper, q="桥位") == []
    with pytest.raises(Invalid):
        listed(keeper, q="桥")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "sample_bridge_words" in Bridge.objects.filter(queries.searching(reader, BRIDGES, "柳北")).explain()


def test_脱敏字段只在有权查看明文的行中可搜可筛(city, keeper, reader, bridge):
    bridge("Q1")
    assert listed(keeper, q="5678") == ["Q1"]
    assert listed(keeper, keeper_phone="13812345678") == ["Q1"]
    assert listed(reader, q="5678") == []
    assert listed(reader, keeper_phone="1381") == []


def test_一词在明处一词在脱敏处_只在可看明文的行中算数(city, keeper, reader, bridge):
    bridge("Q1", name="柳江大桥", organisation=city.north)
    bridge("Q2", name="柳江二桥")
    some = world.actor(BRIDGES, city.roads, ("view", "export"))
    some.permissions[(BRIDGES.code, "unmask")] = world.actor(BRIDGES, city.north).permissions[(BRIDGES.code, "unmask")]
    assert listed(keeper, q="柳江 5678", sort="code") == ["Q1", "Q2"]
    assert listed(some, q="柳江 5678") == ["Q1"]
    assert listed(some, q="5678 1381") == ["Q1"]
    assert listed(reader, q="柳江 5678") == []
    assert [row.code for row in queries.matching(some, BRIDGES, queries.Wish(text="柳江 5678"), "export")] == ["Q1"]
    # Exporting further than one may view or read unmasked must not make the masked column searchable there.
    narrow = world.actor(BRIDGES, city.north, ("view", "unmask"))
    narrow.permissions[(BRIDGES.code, "export")] = some.permissions[(BRIDGES.code, "export")]
    assert [row.code for row in queries.matching(narrow, BRIDGES, queries.Wish(text="5678"), "export")] == ["Q1"]


def test_明文只给有权的行(city, bridge):
    near, far = bridge("Q1", organisation=city.north), bridge("Q2")
    some = world.actor(BRIDGES, city.roads, ("view",))
    some.permissions[(BRIDGES.code, "unmask")] = world.actor(BRIDGES, city.north).permissions[(BRIDGES.code, "unmask")]
    assert queries.unmasked_of(some, BRIDGES, [near, far]) == {near.pk}
    phone = queries.offered_columns(BRIDGES)["keeper_phone"]
    assert queries.shown(phone, near, frozenset({near.pk})) == "13812345678"
    assert queries.shown(phone, far, frozenset({near.pk})) == "138****5678"


def walk(actor, sort, size, forward_only=False):
    """All codes page by page forward, then back to the first page."""
    seen, cursor, pages = [], "", []
    while True:
        page = queries.listing(actor, BRIDGES, queries.Wish(sort=sort, size=size, after=cursor))
        seen += [record.pk for record in page.records]
        pages.append([record.pk for record in page.records])
        if not page.next:
            break
        cursor = page.next
    back = [pages[-1]]
    while page.previous:
        page = queries.listing(actor, BRIDGES, queries.Wish(sort=sort, size=size, before=page.previous))
        back.append([record.pk for record in page.records])
    return seen, pages, back[::-1]


class Paging(TestCase):
    @settings(max_examples=12, deadline=None)
    @given(
        st.lists(st.sampled_from([None, NOON, NOON.replace(microsecond=1), NOON.replace(year=2025)]), max_size=9),
        st.sampled_from(["", "inspected_at", "-inspected_at", "length", "-length", "code", "-code"]),
        st.integers(1, 4),
    )
    def test_翻页不重不漏且能退回(self, instants, sort, size):
        city = world.City.build()
        for index, instant in enumerate(instants):
            Bridge.objects.create(code=f"C{index}", name="桥", organisation=city.roads, inspected_at=instant,
                                  length=None if index % 3 == 0 else index % 2)  # fmt: skip
        seen, pages, back = walk(world.actor(BRIDGES, city.roads), sort, size)
        order = queries.ordering(BRIDGES, sort)
        assert seen == list(Bridge.objects.order_by(*order).values_list("pk", flat=True))
        assert [page for page in back if page] == [page for page in pages if page]


def test_总数到一万为止精确(keeper, bridge, city, monkeypatch):
    monkeypatch.setattr(queries, "COUNT_LIMIT", 3)
    for index in range(3):
        bridge(f"Q{index}")
    page = queries.listing(keeper, BRIDGES, queries.Wish(size=1))
    assert (page.total, page.exact, page.total_text) == (3, True, "3")
    bridge("Q9")
    page = queries.listing(keeper, BRIDGES, queries.Wish(size=1))
    assert (page.total, page.exact, page.total_text) == (3, False, "3+")


def test_查询次数不随行数增长(keeper, bridge, city):
    def count(path):
        with CaptureQueriesContext(
            connection,
        ) as caught:
            assert world.browse(keeper, path).status_code == 200
        return len(caught)

    for index in range(10):
        bridge(f"A{index}", owner_organisation=city.parks)
    few = count("/r/sample.bridge/?size=200&columns=code,organisation,owner_organisation,region")
    for index in range(100):
        bridge(f"B{index}", owner_organisation=city.parks)
    many = count("/r/sample.bridge/?size=200&columns=code,organisation,owner_organisation,region")
    assert few == many <= 8


def test_视图只属于本人_分享后下级可见_不能代删(city, keeper, reader, stranger):
    mine = services.save_view(keeper, BRIDGES, "在建", queries.Wish({"state": ["planned"]}, columns=("code",)))
    assert queries.views(reader, BRIDGES) == []
    services.save_view(keeper, BRIDGES, "在建", queries.Wish({"state": ["built"]}), share=True)
    assert [(view.pk, view.query) for view in queries.views(reader, BRIDGES)] == [(mine.pk, {"state": ["built"]})]
    assert queries.views(stranger, BRIDGES) == []
    with pytest.raises(Refused):
        services.remove_view(reader, BRIDGES, mine.pk)
    services.remove_view(keeper, BRIDGES, mine.pk)
    assert queries.views(keeper, BRIDGES) == []


def test_列表页显示脱敏值和空状态(keeper, reader, stranger, bridge):
    bridge()
    body = world.browse(reader, "/r/sample.bridge/").content.decode()
    assert "138****5678" in body and "13812345678" not in body
    assert "还没有登记桥梁" in world.browse(stranger, "/r/sample.bridge/").content.decode()
    assert "没有符合条件" in world.browse(keeper, "/r/sample.bridge/?state=built").content.decode()
    wrong = world.browse(keeper, "/r/sample.bridge/?opened_on.from=x")
    assert wrong.status_code == 422 and "无法识别" in wrong.content.decode()
    part = world.browse(keeper, "/r/sample.bridge/", htmx="rows").content.decode()
    assert "<html" not in part and "Q1大桥" in part


def test_视图地址套用保存的条件(keeper, bridge):
    bridge("Q1", state="built")
    bridge("Q2")
    response = world.browse(keeper, "/r/sample.bridge/views/?state=built&columns=code", {"name": "建成"}, method="POST")
    assert response.status_code == 302
    body = world.browse(keeper, response.url).content.decode()
    assert ">Q1<" in body and ">Q2<" not in body
    assert world.browse(keeper, "/r/sample.bridge/?view=999999").status_code == 404


def test_全局搜索只在可读台账和范围内找(keeper, stranger, bridge):
    found = bridge("Q1", name="柳江大桥")
    hits = queries.search_everywhere(keeper, "柳江")
    assert [(hit.record.pk, hit.url) for hit in hits] == [(found.pk, f"/r/sample.bridge/{found.pk}/")]
    assert queries.search_everywhere(stranger, "柳江") == []
    assert queries.search_everywhere(keeper, "  ") == []


def test_大台账按无索引的列排序_行多时改按默认次序并说明(keeper, bridge, monkeypatch):
    for code, length in (("Q1", 30), ("Q2", 10), ("Q3", 20), ("Q4", 40)):
        bridge(code, length=length, name=f"柳江{code}")

    def page(**asked):
        return queries.listing(keeper, BRIDGES, queries.Wish(**asked))

    by_length = ["Q2", "Q3", "Q1", "Q4"]
    assert [row.code for row in page(sort="length").records] == by_length and not page(sort="length").notice
    monkeypatch.setattr(queries, "COUNT_LIMIT", 3)
    many = page(sort="length")
    assert "不能按这一列排序" in many.notice and many.records == page().records and len(many.records) == 4
    assert "不能按这一列排序" in world.browse(keeper, "/r/sample.bridge/?sort=length").content.decode()
    assert [row.code for row in page(sort="-code").records] == ["Q4", "Q3", "Q2", "Q1"] and not page(
        sort="-code"
    ).notice
    # What a search or a filter by text leaves is few again.
    for asked in ({"text": "柳江"}, {"filters": {"name": ["柳江"]}}):
        assert [row.code for row in page(sort="length", **asked).records] == by_length, asked


@pytest.mark.parametrize("limit", [1, 100])
def test_文字筛选经同一索引_多时少时结果一样(keeper, reader, bridge, monkeypatch, limit):
    monkeypatch.setattr(queries, "FOUND_LIMIT", limit)
    for code, name in (("Q1", "柳江大桥"), ("Q2", "柳江二桥"), ("Q3", "文惠桥")):
        bridge(code, name=name)
    assert sorted(listed(keeper, name="柳江")) == ["Q1", "Q2"]
    assert sorted(listed(keeper, name="桥")) == ["Q1", "Q2", "Q3"]
    assert listed(keeper, name="柳江", q="大桥") == ["Q1"]
    assert listed(keeper, name="100%") == [] == listed(keeper, name="柳_")
    assert sorted(listed(keeper, keeper_phone="5678")) == ["Q1", "Q2", "Q3"]
    assert listed(reader, keeper_phone="5678") == []


LETTERS = "桥江路aA1İß"


class Words(TestCase):
    @settings(max_examples=25, deadline=None)
    @given(
        st.lists(st.text(LETTERS, min_size=1, max_size=8), min_size=1, max_size=30),
        st.lists(st.text(LETTERS, min_size=2, max_size=4), min_size=1, max_size=6),
        st.booleans(),
        st.sampled_from([1, 3, 2_000]),
    )
    def test_问哪几对字由统计定_结果与逐行判断相同(self, names, words, analysed, limit):
        city = world.City.build()
        copying.insert(
            Bridge,
            [Bridge(code=f"{chr(0x4E00 + n)}-", name=name, organisation=city.roads) for n, name in enumerate(names)],
        )
        if analysed:
            with connection.cursor() as cursor:
                cursor.execute(f"ANALYZE {Bridge._meta.db_table}")
        indexing._statistics.cache_clear()
        keeper = world.actor(BRIDGES, city.roads)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(queries, "FOUND_LIMIT", limit)
            for word in words:
                plain = Bridge.objects.filter(indexing.containing(Bridge, ("name",), word, narrow=False))
                wanted = sorted(plain.values_list("code", flat=True))
                indexed = Bridge.objects.filter(indexing.containing(Bridge, tuple(BRIDGES.search), word))
                assert sorted(indexed.values_list("code", flat=True)) == wanted
                assert sorted(listed(keeper, name=word)) == wanted == sorted(listed(keeper, q=word))
        indexing._statistics.cache_clear()


def test_稀少的字对才问索引_多数行都有的词按次序读(city, keeper, monkeypatch):
    copying.insert(Bridge, [
        Bridge(code=f"C{n}", name=f"柳江大桥{'渗水' if n % 50 == 0 else ''}", organisation=city.roads) for n in range(400)
    ])  # fmt: skip
    columns = tuple(BRIDGES.search)
    indexing._statistics.cache_clear()
    assert indexing.share_of(Bridge, columns, "柳江") == 0
    assert len(indexing.chosen_pairs("sample_bridge_words", "柳江大桥渗水")[0]) == 5
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {Bridge._meta.db_table}")
    indexing._statistics.cache_clear()
    assert indexing.chosen_pairs("sample_bridge_words", "柳江大桥渗水") == (["桥渗", "渗水"], pytest.approx(0.02))
    assert indexing.share_of(Bridge, columns, "柳江") == pytest.approx(1)
    assert indexing.share_of(Bridge, columns, "柳") == 0 == indexing.share_of(Bridge, ("name",), "柳江")
    monkeypatch.setattr(queries, "FOUND_LIMIT", 50)

    def asked_index(**given):
        with CaptureQueriesContext(connection) as caught:
            page = queries.listing(keeper, BRIDGES, queries.Wish(**given))
        return page.total_text, any("yiwang_bigrams" in each["sql"] for each in caught)

    assert asked_index(text="柳江") == ("50+", False)
    assert asked_index(text="渗水 柳江") == ("8", True)
    assert asked_index(filters={"name": ["大桥"]}) == ("50+", False)
    # Common in the city, absent where the reader looks: the sample shows it, the index answers.
    Bridge.objects.exclude(name__contains="渗水").update(organisation=city.parks)
    assert asked_index(text="柳江") == ("8", True)
    indexing._statistics.cache_clear()
