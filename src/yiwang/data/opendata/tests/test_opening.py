"""Who opens, who reviews, who withdraws; subscriptions and feedback; limits."""

from datetime import date
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone

from yiwang.data.catalog.tests.world import ITEMS as CLOSED
from yiwang.data.opendata import queries
from yiwang.data.opendata.models import Dataset, Edition, Feedback, OpenLimit, Row, Subscription
from yiwang.data.opendata.pages import limits
from yiwang.data.opendata.services import building, feedback, opening, subscribing
from yiwang.data.opendata.services.feedback import DESK, Words
from yiwang.data.opendata.tests.world import City
from yiwang.kernel.access.actors import ANONYMOUS, SYSTEM, Conflict, Invalid, Refused
from yiwang.kernel.clocks import queries as clocks
from yiwang.kernel.clocks import services as limits_of
from yiwang.kernel.flow import services as flow
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.messages.models import Delivery

pytestmark = pytest.mark.django_db
SITE = "https://open.example.cn"


def test_a_reviewer_opens_what_a_department_asks_for(city: City) -> None:
    made = city.apply(city.resource("图书馆"))
    assert made.due_at is not None and made.dataset.state == "review"
    with pytest.raises(Refused):
        flow.act(city["交通开放员"], made.case_id, "open", opinion="同意")
    with pytest.raises(Conflict, match="正在审核"):
        city.apply(queries.facts_of(made.dataset.resource_id))  # type: ignore[arg-type]
    flow.act(city["审核员"], made.case_id, "open", opinion="同意")
    made.dataset.refresh_from_db()
    assert (made.dataset.state, made.dataset.item_count) == ("open", 7)
    with pytest.raises(Conflict, match="已经开放"):
        city.apply(queries.facts_of(made.dataset.resource_id))  # type: ignore[arg-type]


def test_a_refused_application_may_be_made_again(city: City) -> None:
    facts = city.resource("展馆")
    made = city.apply(facts)
    flow.act(city["审核员"], made.case_id, "refuse", opinion="说明里没有写清口径")
    made.dataset.refresh_from_db()
    assert (made.dataset.state, made.dataset.reason) == ("refused", "说明里没有写清口径")
    assert city.apply(facts).dataset.pk == made.dataset.pk


def test_nobody_opens_what_changed_under_review(city: City) -> None:
    made = city.apply(city.resource("泳池"))
    for item in queries.facts_of(made.dataset.resource_id).items:  # type: ignore[union-attr]
        city.regrade(made.dataset, item.name, 2)
    with pytest.raises(Refused, match="不能同意开放"):
        flow.act(city["审核员"], made.case_id, "open", opinion="同意")
    made.dataset.refresh_from_db()
    assert made.dataset.state == "review"


@pytest.mark.parametrize(
    ("given", "field"),
    [({"title": "X"}, "title"), ({"description": "短"}, "description"), ({"topic": "nothing"}, "topic"), ({"licence": "mine"}, "licence"),
     ({"tags": ["长" * 21]}, "tags"), ({"description": "联系张三 13812345678 了解详情和口径说明"}, "description")],
)  # fmt: skip
def test_wrong_applications_say_what_to_put_right(
    city: City, dataset: Dataset, given: dict[str, Any], field: str
) -> None:
    opening.withdraw(city["审核员"], dataset.pk, reason="测试")
    with pytest.raises(Invalid) as caught:
        city.apply(queries.facts_of(dataset.resource_id), **given)  # type: ignore[arg-type]
    assert list(caught.value.errors) == [field]


def test_other_departments_and_strangers_may_not(city: City, dataset: Dataset) -> None:
    facts = queries.facts_of(dataset.resource_id)
    assert facts is not None
    with pytest.raises(Refused, match="本部门"):
        opening.apply(city["教育开放员"], facts.id, title="甲乙", description="一段足够长的说明文字", topic="general")
    with pytest.raises(Refused):
        opening.apply(city["审核员"], facts.id, title="甲乙", description="一段足够长的说明文字", topic="general")
    for name in ("教育开放员",):
        with pytest.raises(Refused):
            opening.withdraw(city[name], dataset.pk, reason="不是我的")
    with pytest.raises(Refused):
        opening.withdraw(ANONYMOUS, dataset.pk, reason="谁")


def test_nothing_to_open_is_refused_with_the_rule(city: City) -> None:
    from_catalogue = city.resource("空场")
    for item in from_catalogue.items:
        made = Dataset(resource_id=from_catalogue.id)
        city.regrade(made, item.name, 3)
    with pytest.raises(Refused, match="没有可以开放的信息项"):
        city.apply(from_catalogue)
    assert CLOSED


def test_withdrawal_is_immediate_and_told(client: Client, city: City, dataset: Dataset) -> None:
    with pytest.raises(Invalid):
        opening.withdraw(city["审核员"], dataset.pk, reason=" ")
    opening.withdraw(city["审核员"], dataset.pk, reason="数据有误，核实中")
    page = client.get(f"/public/open/{dataset.name}/")
    assert page.status_code == 404 and "数据有误，核实中" in page.content.decode()
    for address in (f"/public/open/files/{dataset.name}/1/csv", f"/ckan/api/3/action/package_show?id={dataset.name}",
                    f"/dcat/datasets/{dataset.name}.jsonld"):  # fmt: skip
        assert client.get(address).status_code == 404
    assert not Row.objects.filter(edition__dataset=dataset).exists()
    assert building.build(SYSTEM, dataset.pk) is None
    entry = Entry.objects.filter(action="opendata.withdraw").latest("pk")
    assert entry.reason == "数据有误，核实中"


def test_editions_never_change(dataset: Dataset) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        Edition.objects.filter(dataset=dataset).update(rows=1)


def token() -> str:
    return Delivery.objects.latest("pk").body.split("/subscriptions/")[1].split("/")[0]


def test_subscription_by_mail(client: Client, dataset: Dataset) -> None:
    address = f"/public/open/{dataset.name}/subscribe/"
    assert client.post(address, {"address": "不是邮箱"}).status_code == 422
    assert client.post(address, {"address": "citizen@example.cn"}).status_code == 200
    sent = Delivery.objects.count()
    assert client.post(address, {"address": "Citizen@example.cn"}).status_code == 200
    assert Delivery.objects.count() == sent, "a known address gets no second mail"
    link = f"/public/open/subscriptions/{token()}/"
    found = Subscription.objects.get(dataset=dataset)
    assert "citizen" not in found.address and token() not in found.token
    client.get(link)
    found.refresh_from_db()
    assert found.state == "pending", "a scanner that follows links confirms nothing"
    client.post(link, {"do": "confirm"})
    client.post(link, {"do": "end"})
    found.refresh_from_db()
    assert (found.state, found.address) == ("ended", "")
    assert subscribing.announce(SYSTEM, dataset, "更新", "x") == 0
    assert client.get("/public/open/subscriptions/no-such/").status_code == 404


def say(client: Client, **more: str) -> Any:
    given = {
        "kind": "correction",
        "title": "名称写错",
        "content": "第三行的名称应为东站。",
        "contact": "13812345678",
        "key": "k1",
        **more,
    }
    return client.post(f"/public/open/talk/?dataset={more.pop('dataset', '')}", given)


def test_feedback_becomes_a_case_with_a_clock_and_an_answer(client: Client, city: City, dataset: Dataset) -> None:
    receipt = say(client, dataset=dataset.name)
    assert receipt.status_code == 302 and say(client, dataset=dataset.name)["Location"] == receipt["Location"]
    found = Feedback.objects.get()
    assert found.due_at is not None and "138" not in found.contact and found.organisation_id == dataset.organisation_id
    page = client.get(receipt["Location"]).content.decode()
    assert found.tracking_code in page and "第三行" not in page
    with pytest.raises(Refused):
        flow.act(city["教育开放员"], found.case_id, "answer", data={"answer": "不是我的"})
    flow.act(city["交通开放员"], found.case_id, "answer", data={"answer": "已更正。"})
    assert "已更正。" in client.get("/public/open/track/", {"code": found.tracking_code.lower()}).content.decode()
    found.refresh_from_db()
    assert found.answered_at is not None and found.answered_at <= found.due_at


def test_a_wish_goes_to_the_bureau(city: City) -> None:
    made = feedback.submit(DESK, Words("wanted", "公交站点", "想要站点名称和坐标。"))
    assert made.organisation_id == city.unit("数管局")
    flow.act(city["审核员"], made.case_id, "answer", data={"answer": "已列入计划。"})


@pytest.mark.parametrize("words", [Words("nothing", "甲乙", "一二三四五六"), Words("opinion", "", "一二三四五六"), Words("opinion", "甲乙", "短"),
                                   Words("correction", "甲乙", "一二三四五六")])  # fmt: skip
def test_wrong_feedback_is_not_kept(city: City, words: Words) -> None:
    with pytest.raises(Invalid):
        feedback.submit(DESK, words)
    assert not Feedback.objects.exists()


def test_limits_are_rows_with_a_basis(city: City, dataset: Dataset) -> None:
    row = OpenLimit.objects.get(code="opendata.feedback.answer", variant="opinion")
    today = timezone.localdate()
    new: dict[str, Any] = {"number": 3, "nature": "own", "valid_from": today}
    with pytest.raises(Refused):
        limits_of.declare_limit(city["交通开放员"], "opendata.limit", row.pk, basis="甲", **new)
    with pytest.raises(Invalid):
        limits_of.declare_limit(city["审核员"], "opendata.limit", row.pk, basis=" ", **new)
    limits_of.declare_limit(city["审核员"], "opendata.limit", row.pk, basis="本市办法第八条", **new)
    words = Words("opinion", "甲乙", "一二三四五六")
    clock = clocks.current(feedback.submit(DESK, words, dataset).case_id, "answer")
    assert clock is not None and (clock.budget, clock.basis) == (3, "本市办法第八条")
    assert clocks.limit(row.code, "opinion", date(2020, 1, 1)).number == 15
    OpenLimit.objects.all().delete()
    with pytest.raises(Refused, match="没有施行中的"):
        feedback.submit(DESK, words, dataset)


def test_an_address_that_asks_too_often_waits(client: Client, dataset: Dataset) -> None:
    answers = [say(client, key=f"n{number}", kind="opinion").status_code for number in range(limits.WORDS.failures + 1)]
    assert answers[0] == 302 and answers[-1] == 429


def test_robots_keep_out_of_files_and_interfaces(client: Client) -> None:
    text = client.get("/robots.txt").content.decode()
    assert "Disallow: /ckan/" in text and "Disallow: /public/open/files/" in text


@pytest.mark.parametrize("query", [{"page": "x"}, {"page": "-1"}, {"page": "99999"}, {"department": "1; drop"}, {"tag": "'\"<b>"}, {"q": "\x00"},
                                   {"format": "exe"}])  # fmt: skip
def test_odd_searches_answer_with_a_page(client: Client, dataset: Dataset, query: dict[str, str]) -> None:
    response = client.get("/public/open/", query)
    assert response.status_code == 200 and "<b>" not in response.content.decode()
