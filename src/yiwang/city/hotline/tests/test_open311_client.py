"""公开客户端 georeport 不作任何改动，经真实端口读我们的 GeoReport v2。"""

from datetime import timedelta

import pytest
import requests
from django.utils import timezone
from georeport import GeoReport
from pytest_django.live_server_helper import LiveServer

from yiwang.city.hotline.models import Request
from yiwang.city.hotline.tests.test_open311 import publish
from yiwang.city.hotline.tests.world import build


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
