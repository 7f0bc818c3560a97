"""Search: words of two characters, order, facets, a bounded number of statements; the pages around it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from yiwang.data.catalog import contract, services
from yiwang.data.catalog.models import Resource
from yiwang.data.catalog.queries import search as searching
from yiwang.data.catalog.queries.score import scores
from yiwang.data.catalog.queries.search import search, tsquery, words_of
from yiwang.data.catalog.terms import Content, Description, ItemSpec
from yiwang.data.catalog.tests.world import District, content, furnish
from yiwang.kernel.access.actors import ANONYMOUS, SYSTEM, Refused
from yiwang.kernel.people.models import Account
from yiwang.kernel.people.testing import PASSWORD

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def names(district: District, text: str, **given_: str) -> list[str]:
    return [each.name for each in search(district["查阅人"], text, given_).resources]


def test_words_of_two_characters_and_of_one_are_found_in_all_parts(district: District) -> None:
    made = district.published("施工许可证信息", matters="", abstract="房屋持证人")
    district.published("学籍信息", unit="教育局")
    for text in ("施工", "许可证", "证信", "房屋持证人", "教育局 学籍", made.code, "LICENCE 施工"):
        expected = ["学籍信息"] if "学籍" in text else ["施工许可证信息"] if "LICENCE" not in text else []
        assert names(district, text)[:1] == expected, text
    assert names(district, "不存在的词") == []
    assert names(district, "施工 学籍") == []


def test_names_that_hold_the_word_come_first(district: District) -> None:
    district.published("许可证", abstract="房屋")
    district.published("房屋登记信息")
    district.published("房屋")
    assert names(district, "房屋") == ["房屋", "房屋登记信息", "许可证"]


def test_order_of_several_words_names_with_all_then_some_then_none(district: District) -> None:
    district.published("登记", abstract="无关", matters="")
    district.published("房屋信息长名", abstract="登记")
    district.published("甲", abstract="房屋登记")
    district.published("房屋的登记信息")
    assert names(district, "房屋 登记") == ["房屋的登记信息", "房屋信息长名", "甲"]


def test_of_too_many_hits_no_figure_is_claimed(district: District, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MOST", 2)
    for name in ("许可的房屋", "许可", "许可证", "乙"):
        district.published(name, abstract="许可")
    reader = district["查阅人"]
    found = search(reader, "许可", {})
    assert (found.total, found.capped) == (2, True)
    assert [each.name for each in found.resources] == ["许可", "许可证", "许可的房屋", "乙"][: len(found.resources)]
    assert {choice.count for _, _, choices in found.facets for choice in choices} == {None}
    assert any(choice.label == "住建局" for choice in found.facets[0][2])
    assert "超过 2 条信息资源" in client_of(district, "查阅人").get("/catalog/?q=许可").content.decode()
    whole = search(reader, "", {})
    assert (whole.total, whole.capped) == (4, False) and whole.facets[0][2][0].count == 4


def test_pages_follow_each_other_and_end(district: District, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "SIZE", 2)
    for name in ("许可一二三", "许可一", "许可一二", "甲"):
        district.published(name, abstract="许可")
    for text in ("许可", "许可 可一", ""):
        pages = [[each.name for each in search(district["查阅人"], text, {}, page).resources] for page in (1, 2, 3)]
        together = [name for page in pages for name in page]
        expected = {"许可": ["许可一", "许可一二", "许可一二三", "甲"], "": ["甲", "许可一", "许可一二", "许可一二三"]}
        assert together == expected.get(text, ["许可一", "许可一二", "许可一二三"]), text


def test_facets_count_and_narrow(district: District) -> None:
    district.published("甲信息", cycle="day")
    district.published("乙信息", cycle="month")
    district.published("丙信息", unit="教育局", cycle="month", theme="213")
    found = search(district["查阅人"], "信息", {})
    counted = {name: {choice.label: choice.count for choice in choices} for name, _, choices in found.facets}
    assert found.total == 3
    assert counted == {
        "organisation": {"住建局": 2, "教育局": 1}, "theme": {"教育文化": 1}, "share_type": {"有条件共享": 3},
        "cycle": {"每月": 2, "每日": 1},
    }  # fmt: skip
    assert names(district, "信息", cycle="month", organisation=str(district.unit("教育局"))) == ["丙信息"]
    assert search(district["查阅人"], "信息", {"cycle": "'; drop", "organisation": "x"}).total == 3


def test_drafts_offline_entries_and_strangers_find_nothing(district: District) -> None:
    district.draft("未发布的信息")
    district.published()
    assert names(district, "未发布") == []
    assert search(ANONYMOUS, "施工", {}).total == 0


@pytest.mark.parametrize("text", ["", "施工", "信息 许可", "a'b\\c & | ! :* <-> ()"])
def test_a_search_takes_two_statements_whatever_it_finds(district: District, text: str) -> None:
    for number in range(3):
        district.published(f"施工许可信息{number}")
    with CaptureQueriesContext(
        connection,
    ) as caught:
        search(district["查阅人"], text, {})
    assert len(caught) <= 2


@given(st.text(max_size=60))
def test_any_text_makes_a_sound_query(text: str) -> None:
    made = tsquery(words_of(text))
    assert (made == "") == (not words_of(text))
    assert "\x00" not in made


def client_of(district: District, name: str) -> Client:
    client = Client()
    account = Account.objects.get(person_id=district[name].person_id)
    client.post("/sign-in/", {"username": account.username, "password": PASSWORD})
    return client


def test_the_pages_of_clerk_and_reader(district: District) -> None:
    made = district.published()
    clerk, reader = client_of(district, "住建编目员"), client_of(district, "查阅人")
    body = reader.get("/catalog/?q=施工").content.decode()
    assert "施工许可证信息" in body and "1 条信息资源" in body
    for address in (f"/catalog/{made.pk}/", f"/catalog/{made.pk}/versions/1/"):
        assert reader.get(address).status_code == 200
    for address in (f"/catalog/{made.pk}/edit/", "/catalog/new/", f"/catalog/{made.pk}/items/+/", "/catalog/export/"):
        assert reader.get(address).status_code == 403, address
        assert clerk.get(address).status_code == 200, address
    strangers = client_of(district, "教育编目员")
    assert strangers.get(f"/catalog/{made.pk}/edit/").status_code == 404


def test_a_clerk_compiles_by_forms(district: District) -> None:
    clerk = client_of(district, "住建编目员")
    base = {"format": "database", "share_method": "system", "cycle": "day", "coverage": "district", "gathering": "full"}
    assert "请" in clerk.post("/catalog/new/", {**base, "name": ""}).content.decode()
    answer = clerk.post(
        "/catalog/new/", {**base, "name": "燃气用户信息", "abstract": "用户与设施。", "subjects": "人、物"}
    )
    made = Resource.objects.get()
    assert answer.headers["Location"] == f"/catalog/{made.pk}/items/+/"
    item = {"title": "用户编号", "name": "user_no", "data_type": "text", "share_type": "withheld", "open_type": "withheld",
            "source_level": "own", "length": "20", "nullable": "true"}  # fmt: skip
    refused = clerk.post(f"/catalog/{made.pk}/items/+/", item)
    assert refused.status_code == 422 and "不予共享的须写明法律" in refused.content.decode()
    clerk.post(f"/catalog/{made.pk}/items/+/", {**item, "share_type": "unconditional"})
    stored = made.versions.get().content
    assert [each["name"] for each in stored["items"]] == ["user_no"]
    assert stored["description"]["subjects"] == ["person", "thing"]
    clerk.post(f"/catalog/{made.pk}/items/user_no/", {"remove": "1"})
    assert made.versions.get().content["items"] == []
    with pytest.raises(Refused, match="至少要有一个信息项"):
        services.submit(district["住建编目员"], made.pk)


@pytest.mark.parametrize(
    ("where", "mark"), [("abstract", "绝密★"), ("matters", "秘密☆一年"), ("source_system", "机密 *")]
)
def test_state_secrets_are_refused_wherever_they_stand(district: District, where: str, mark: str) -> None:
    with pytest.raises(Refused) as refused:
        district.draft(**{where: mark})
    assert refused.value.code == "secret" and "保守国家秘密法" in refused.value.rule
    secret = ItemSpec("x", "某项", share_type="unconditional", is_secret=True)
    with pytest.raises(Refused, match="国家秘密"):
        services.register(district["住建编目员"], content(district.category("住建局"), items=(secret,)))


def test_scores_stay_apart_and_say_what_to_do(district: District) -> None:
    made = district.published(theme="209")

    def now(at: datetime) -> list[int | None]:
        made.refresh_from_db()
        return [score.value for score in scores(made, list(made.items.all()), at)]

    assert now(NOW) == [75, None, 0]
    contract.record_load(made.pk, 1, NOW, 10)
    contract.record_quality(made.pk, NOW.date(), 88, {"完整性": "88", "唯一性": "100"})
    assert now(NOW + timedelta(days=31)) == [75, 88, 100]
    assert now(NOW + timedelta(days=31 + 15, hours=12)) == [75, 88, 50]
    assert now(NOW + timedelta(days=365)) == [75, 88, 0]
    lines = [line for score in scores(made, list(made.items.all()), NOW + timedelta(days=40)) for line in score.lines]
    assert ("2026年06月完整性 88", "查看数据治理中的问题数据并整改") in lines and all(remedy for _, remedy in lines)


@pytest.mark.django_db(transaction=True)
def test_codes_are_unique_and_gapless_when_many_register_at_once() -> None:
    district = furnish()
    category = district.category("住建局")

    def one(number: int) -> None:
        try:
            if number % 4 == 3:
                with pytest.raises(Refused):
                    services.register_many(
                        district["教育编目员"], [(district.unit("住建局"), content(category, f"越权{number}"))]
                    )
            else:
                services.register(district["住建编目员"], Content(Description(f"信息{number}", category, "说明")))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, range(24)))
    codes = sorted(Resource.objects.values_list("code", flat=True))
    assert codes == [f"{category}/{number:06d}" for number in range(1, 19)]


def test_categories_below_the_standard_ones_are_the_bureaus(district: District) -> None:
    reviewer = district["审核员"]
    assert services.add_category(reviewer, "209001", "房屋").code == "209001"
    services.add_category(reviewer, "20900101", "房屋交易")
    for wrong in ("209", "20X001", "999001", "209001"):
        with pytest.raises(Refused):
            services.add_category(reviewer, wrong, "错")
    with pytest.raises(Refused, match="权限"):
        services.add_category(district["住建编目员"], "209002", "越权")
    made = services.register(SYSTEM, content("20900101"), organisation_id=district.unit("住建局"))
    assert made.code == "20900101/000001"
    assert timezone.now() >= made.created_at
