"""GeoReport v2：谁读得到什么，错误怎么说；写须凭令牌。"""

from xml.etree import ElementTree

import pytest
from django.test import Client

from yiwang.city.hotline.models import Request
from yiwang.city.hotline.services.triage import assign_matter
from yiwang.city.hotline.tests.world import Kind, World
from yiwang.kernel.registers.services.own import issue_token, revoke_token


@pytest.fixture
def shown(world: World) -> list[Request]:
    return publish(world)


def publish(world: World) -> list[Request]:
    """An open and a closed public request; and three that nobody may read."""
    found = [
        world.request(public=True, content="路灯坏了，电话13812345678"),
        world.request(public=True, title="井盖缺失"),
    ]
    for request in found:
        assign_matter(world["dispatcher"], request.pk, "CJ0203")
    world.close(world.handle(world.dispatch(found[1])))
    world.request(public=False, title="不公开的")
    world.request(public=True, kind=Kind.REPORT, title="举报的")
    world.request(public=True, confidential=True, title="保密的")
    return found


def codes(response: object) -> list[str]:
    return [each.findtext("code") for each in ElementTree.fromstring(response.content)]  # type: ignore[attr-defined]  # noqa: S314


@pytest.mark.parametrize(
    ("query", "status", "word"),
    [
        ("start_date=2025-01-01T00:00:00Z&end_date=2025-12-31T00:00:00Z", 400, "90 天"),
        ("start_date=2025-01-01", 400, "ISO 8601"),
        ("start_date=2025-02-31T00:00:00Z", 400, "ISO 8601"),
        ("status=done", 400, "open 或 closed"),
        ("jurisdiction_id=elsewhere", 404, "没有辖区"),
    ],
)
def test_错误两种格式都有代码和中文说明(world: World, query: str, status: int, word: str) -> None:
    browser = Client()
    given = browser.get(f"/open311/v2/requests.json?{query}")
    assert given.status_code == status and given.json()[0]["code"] == status and word in given.json()[0]["description"]
    other = browser.get(f"/open311/v2/requests.xml?{query}")
    assert other.status_code == status and codes(other) == [str(status)]


def test_只给开始日期时取其后九十天(world: World, shown: list[Request]) -> None:
    answer = Client().get("/open311/v2/requests.json?start_date=2020-01-01T00:00:00Z")
    assert answer.status_code == 200 and answer.json() == []


def test_未公开的单件按没有处理(world: World, shown: list[Request]) -> None:
    hidden = Request.objects.exclude(pk__in=[each.pk for each in shown])
    for request in hidden:
        answer = Client().get(f"/open311/v2/requests/{request.number}.json")
        assert answer.status_code == 404 and request.title not in answer.content.decode()


def test_写入须凭令牌且重复提交只记一件(world: World) -> None:
    browser = Client(enforce_csrf_checks=True)
    said = {
        "service_code": "CJ0203",
        "description": "解放路井盖缺失\n夜间危险",
        "lat": "24.3",
        "long": "109.4",
        "phone": "13912345678",
    }
    refused = browser.post("/open311/v2/requests.json", said)
    assert refused.status_code == 403 and "api_key" in refused.json()[0]["description"]
    token, secret = issue_token(world["operator"], world["operator"].account_id, "公众端")
    assert browser.post("/open311/v2/requests.json", {**said, "api_key": secret}).status_code == 403, "话务员无权定事项"
    assert not Request.objects.exists(), "要么登记并定事项，要么都没有"
    token, secret = issue_token(world["dispatcher"], world["dispatcher"].account_id, "公众端")
    first = browser.post("/open311/v2/requests.json", {**said, "api_key": secret}, headers={"Idempotency-Key": "k1"})
    again = browser.post("/open311/v2/requests.json", {**said, "api_key": secret}, headers={"Idempotency-Key": "k1"})
    assert first.status_code == again.status_code == 201 and first.json() == again.json()
    made = Request.objects.get(number=first.json()[0]["service_request_id"])
    assert (made.channel, made.matter_code, str(made.latitude)) == ("open311", "CJ0203", "24.300000")
    assert "13912345678" not in first.content.decode()
    revoke_token(world["dispatcher"], token.pk)
    assert browser.post("/open311/v2/requests.xml", {**said, "api_key": secret}).status_code == 403


@pytest.mark.parametrize(
    ("wrong", "word"),
    [({"service_code": "XX"}, "没有服务"), ({"lat": "abc"}, "十进制"), ({"long": "999"}, "之间"), ({"description": " "}, "标题"),
     ({"phone": "打我电话"}, "电话"), ({"attribute[kind]": "x"}, "只能是"), ({"lat": "NaN"}, "之间")],
)  # fmt: skip
def test_写入的错误说得清(world: World, wrong: dict[str, str], word: str) -> None:
    _, secret = issue_token(world["dispatcher"], world["dispatcher"].account_id, "公众端")
    said = {"service_code": "CJ0203", "description": "井盖缺失", "api_key": secret, **wrong}
    answer = Client().post("/open311/v2/requests.json", said)
    assert answer.status_code == 400 and word in answer.json()[0]["description"]
    assert not Request.objects.exists()


def test_控制字符不坏xml_别的方法被拒(world: World) -> None:
    world.request(public=True, content="内容\x0b带控制字符")
    ElementTree.fromstring(Client().get("/open311/v2/requests.xml").content)  # noqa: S314
    assert Client().delete("/open311/v2/requests.json").status_code == 405
    assert Client().get("/open311/v2/requests.yaml").status_code == 404
