"""数据接口登记：令牌、权限、校验、防重复、保密，OpenAPI 写得出。"""

import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from yiwang.city.hotline.models import Reporter, Request
from yiwang.city.hotline.tests.world import World
from yiwang.kernel.registers.services.own import issue_token

DOOR = "/api/r/hotline.request/"
SAID = {"kind": "report", "title": "钱多多举报违建", "content": "我是钱多多，电话13812345678，九号楼违建", "name": "钱多多",
        "phone": "13812345678"}  # fmt: skip


def post(world: World, who: str, body: dict[str, Any], key: str = "") -> HttpResponse:
    secret = issue_token(world[who], world.accounts[who].pk, "对接", days=30)[1]
    headers = {"Authorization": f"Bearer {secret}", **({"Idempotency-Key": key} if key else {})}
    return Client().post(DOOR, json.dumps(body), content_type="application/json", headers=headers)


def test_凭令牌登记_重发只一件_保密如话务台(world: World) -> None:
    first, again = (post(world, "operator", SAID, "k1") for _ in range(2))
    assert first.status_code == again.status_code == 200 and first.json() == again.json()
    made = Request.objects.get()
    assert (made.channel, made.case.stage, made.number) == ("api", "dispatch", first.json()["number"])
    assert len(first.json()["tracking_code"]) == 12
    assert "钱多多" not in f"{made.title}{made.content}" and "138" not in made.content
    assert "13812345678" not in Reporter.objects.get().phone
    world.dispatch(made)
    shown = world.client("housing.handler").get(f"{DOOR}{made.pk}").json()
    read = str(shown)
    assert "违建" in read and "钱多多" not in read


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"title": ""}, "标题"),
        ({"title": "长" * 201}, "200"),
        ({"kind": "天文"}, "类别"),
        ({"content": None}, "内容"),
        ({"phone": "abc"}, "电话"),
        ({"received_at": "2999-01-01 00:00"}, "不能晚于现在"),
        ({"received_at": "昨天"}, "受理时间"),
        ({"satisfaction": "satisfied"}, "不接受字段"),
        ({"source": "网格平台"}, "同时填写"),
        ({"name": "长" * 41}, "40"),
    ],
)
def test_填错一句话说清且不登记(world: World, change: dict[str, Any], word: str) -> None:
    answer = post(world, "operator", {**SAID, **change})
    assert answer.status_code == 422 and word in answer.content.decode(), answer.content.decode()
    assert not Request.objects.exists()


def test_没有令牌没有权限都登记不了(world: World) -> None:
    assert Client().post(DOOR, json.dumps(SAID), content_type="application/json").status_code in (401, 403)
    for who in ("housing.handler", "caller"):
        assert post(world, who, SAID).status_code == 403
    assert not Request.objects.exists()


def test_定事项须有派单权限_外部编号不重(world: World) -> None:
    assert post(world, "operator", {**SAID, "matter_code": "CJ0203"}).status_code == 403
    assert post(world, "dispatcher", {**SAID, "matter_code": "无"}).status_code == 422
    assert not Request.objects.exists()
    outside = {**SAID, "matter_code": "CJ0203", "source": "网格平台", "external_number": "W1"}
    assert post(world, "dispatcher", outside).status_code == 200
    assert Request.objects.get().matter_code == "CJ0203"
    assert post(world, "dispatcher", outside).status_code == 409


def test_OpenAPI写明登记(world: World) -> None:
    document = world.client("operator").get("/api/openapi.json").json()
    posted = document["paths"][DOOR]["post"]
    assert any(item["name"] == "Idempotency-Key" for item in posted["parameters"])
    schema = posted["requestBody"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
    assert {"kind", "title", "content", "confidential"} <= set(document["components"]["schemas"][schema]["properties"])
