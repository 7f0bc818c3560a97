"""公开客户端 georeport 不作任何改动，读我们的 GeoReport v2；写须凭令牌。"""

from datetime import timedelta
from xml.etree import ElementTree

import pytest
import requests
from django.test import Client
from django.utils import timezone
from georeport import GeoReport
from pytest_django.live_server_helper import LiveServer

from yiwang.city.hotline.models import Request
from yiwang.city.hotline.services.triage import assign_matter
from yiwang.city.hotline.tests.world import Kind, World, build
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


def test_公开客户端经真实端口原样可读(live_server: LiveServer) -> None:
    world = build()
    shown = publish(world)
    for form in ("json", "xml"):
        reads(GeoReport(f"{live_server.url}/open311/v2", jurisdiction="yiwang", output_format=form), shown, form)


def reads(client: GeoReport, shown: list[Request], form: str) -> None:
    services = client.get_service_list()
    assert [each["service_code"] for each in services] == ["CJ0101", "CJ0203", "HB0102"]
    definition = client.get_service_definition("CJ0203")
    assert definition["service_code"] == "CJ0203"
    attributes = definition["attributes"] if form == "json" else [definition["attributes"]["attribute"]]
    values = attributes[0]["values"] if form == "json" else attributes[0]["values"]["value"]
    assert {"key": "complaint", "name": "投诉"} in values
    listed = client.get_service_requests()
    assert {each["service_request_id"] for each in listed} == {each.number for each in shown}
    assert not any("13812345678" in each["description"] for each in listed)
    closed = client.get_service_requests(status="closed")
    closed = closed if isinstance(closed, list) else [closed]
    assert [each["service_request_id"] for each in closed] == [shown[1].number]
    assert "已于当日修复" in closed[0]["status_notes"] and closed[0]["agency_responsible"] == "住建局"
    one = client.get_service_request(shown[0].number)
    one = one[0] if isinstance(one, list) else one
    assert one["status"] == "open" and one["service_code"] == "CJ0203"
    both = client.get_service_requests(service_request_id=",".join(each.number for each in shown))
    assert len(both) == 2
    now = timezone.now()
    dated = client.get_service_requests(
        service_code="CJ0203", start_date=(now - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        end_date=(now + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )  # fmt: skip
    assert len(dated) == 2
    with pytest.raises(requests.HTTPError, match="404"):
        client.get_service_definition("XX9999")


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
