"""The JSON API: tokens, CSRF, scope, masks, problems, documentation."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from yiwang.kernel.access.actors import Invalid, Refused
from yiwang.kernel.access.models import Grant
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.people.models import Account
from yiwang.kernel.people.testing import PASSWORD, Town
from yiwang.kernel.registers import services
from yiwang.kernel.registers.models import ApiToken
from yiwang.kernel.registers.tests.sample.models import Bridge
from yiwang.kernel.registers.tests.sample.registers import BRIDGES

BASE = "/api/r/sample.bridge/"


@pytest.fixture
def town(db):
    return Town()


@pytest.fixture
def machine(town):
    """A client with a token for a person who holds the verbs in an organisation."""

    def make(*verbs, at="养护中心"):
        role = town.role(f"{at}-{'-'.join(verbs)}", *((BRIDGES.code, verb, Scope.TREE) for verb in verbs))
        actor = town.actor("王工", town.post(at, f"岗{len(town.posts)}", role))
        _, secret = services.issue_token(actor, actor.account_id, "接口")
        client = Client(headers={"Authorization": f"Bearer {secret}"})
        client.actor = actor
        return client

    return make


@pytest.mark.parametrize("name", ["code", "name", "keeper_phone"])
def test_空字符是内容的错误(town, machine, name):
    client, office = machine("view", "add"), town.organisation("养护中心")
    sent = {"code": "Q1", "name": "一号桥", "organisation": office.pk, "keeper_phone": "13812345678", name: "1\0"}
    assert client.post(BASE, sent, "application/json").status_code == 422
    assert client.get(f"{BASE}?q=%00").status_code == 422


def test_从新增到办结都在接口上(town, machine):
    client = machine("view", "add", "change", "open", "unmask")
    office = town.organisation("养护中心")
    sent = {"code": "Q1", "name": "一号桥", "organisation": office.pk, "keeper_phone": "13812345678", "length": "12.5"}
    made = client.post(BASE, sent, "application/json", headers={"Idempotency-Key": "a"})
    assert made.status_code == 200, made.content.decode()
    again = client.post(BASE, sent, "application/json", headers={"Idempotency-Key": "a"})
    assert again.json() == made.json() and Bridge.objects.count() == 1
    pk = made.json()["id"]
    row = client.get(f"{BASE}{pk}").json()
    assert (row["organisation"], row["length"], row["toll"]) == ({"id": office.pk, "name": office.name}, "12.50", False)
    changed = client.patch(f"{BASE}{pk}", {"name": "改名桥", "version": row["version"]}, "application/json")
    assert changed.status_code == 200
    stale = client.patch(f"{BASE}{pk}", {"name": "再改", "version": row["version"]}, "application/json")
    assert stale.status_code == 409 and stale["Content-Type"] == "application/problem+json"
    done = client.post(f"{BASE}{pk}/act/open", {"opened_on": "2026-01-01"}, "application/json")
    assert done.status_code == 200 and Bridge.objects.get().state == "built"
    assert client.post(f"{BASE}{pk}/act/open", {"opened_on": "2026-01-01"}, "application/json").status_code == 403


def test_列表_分页_筛选_脱敏(town, machine):
    client = machine("view")
    office = town.organisation("养护中心")
    for index in range(3):
        Bridge.objects.create(code=f"Q{index}", name="桥", organisation=office, keeper_phone="13812345678")
    first = client.get(f"{BASE}?size=2&sort=code").json()
    assert [item["code"] for item in first["items"]] == ["Q0", "Q1"] and first["total"] == 3
    assert {item["keeper_phone"] for item in first["items"]} == {"138****5678"}
    second = client.get(BASE, {"size": 2, "sort": "code", "after": first["next"]}).json()
    assert [item["code"] for item in second["items"]] == ["Q2"]
    assert client.get(f"{BASE}?state=x").status_code == 422
    other = machine("view", at="园林所")
    assert other.get(BASE).json()["total"] == 0
    assert other.get(f"{BASE}{Bridge.objects.first().pk}").status_code == 404


@pytest.mark.parametrize(
    ("body", "status"), [({"name": ""}, 422), ({"height": 1}, 422), ([1], 422), ({"lanes": {"a": 1}}, 422)]
)
def test_坏请求得到问题说明(machine, body, status):
    client = machine("view", "add")
    response = client.post(BASE, body, "application/json")
    assert response.status_code == status and response.json()["detail"].endswith("。")


def test_读不懂的正文与地址(machine):
    client = machine("view", "add", "change")
    assert client.post(BASE, "{", "application/json").status_code == 400
    assert client.get(f"{BASE}99999999999999999999").status_code == 404
    assert client.patch(f"{BASE}1", {"name": "x"}, "application/json").status_code == 404


def test_没有权限的动作被拒绝(machine):
    client = machine("export")
    assert client.get(BASE).status_code == 403
    assert client.post(BASE, {}, "application/json").status_code == 403


def test_无效_过期_收回的令牌都进不来(machine):
    client = machine("view")
    assert client.get(BASE).status_code == 200
    token = ApiToken.objects.get()
    assert token.digest not in client.defaults["HTTP_AUTHORIZATION"]
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(BASE).status_code == 401
    ApiToken.objects.update(expires_at=timezone.now() + timedelta(days=1))
    services.revoke_token(client.actor, token.pk)
    assert client.get(BASE).status_code == 401
    assert Client(headers={"Authorization": "Bearer x"}).get(BASE).status_code == 401
    assert Client().get(BASE).status_code == 401
    assert Client().get("/api/openapi.json").status_code == 401


@pytest.mark.parametrize("access", ["read", "masked"])
def test_只读令牌不能写_脱敏令牌不给明文(town, machine, access):
    writer = machine("view", "add", "change", "open", "unmask")
    office = town.organisation("养护中心")
    bridge = Bridge.objects.create(code="Q1", name="桥", organisation=office, keeper_phone="13812345678")
    _, secret = services.issue_token(writer.actor, writer.actor.account_id, "取数", access=access)
    reader = Client(headers={"Authorization": f"Bearer {secret}"})
    row = reader.get(f"{BASE}{bridge.pk}").json()
    assert row["keeper_phone"] == ("13812345678" if access == "read" else "138****5678")
    assert reader.get(f"{BASE}?q=5678").json()["total"] == (access == "read")
    sent = {"code": "Q2", "name": "二号桥", "organisation": office.pk}
    assert reader.post(BASE, sent, "application/json").status_code == 403
    changed = {"name": "改名", "version": row["version"]}
    assert reader.patch(f"{BASE}{bridge.pk}", changed, "application/json").status_code == 403
    opened = {"opened_on": "2026-01-01"}
    assert reader.post(f"{BASE}{bridge.pk}/act/open", opened, "application/json").status_code == 403
    assert not Bridge.objects.exclude(pk=bridge.pk).exists() and Bridge.objects.get().version == bridge.version
    assert writer.post(BASE, sent, "application/json").status_code == 200


def test_令牌限于所列台账_不宽于账号(town):
    role = town.role("both", (BRIDGES.code, "view", Scope.TREE), ("sample.depot", "view", Scope.TREE))
    actor = town.actor("周工", town.post("养护中心", "岗", role))
    _, secret = services.issue_token(actor, actor.account_id, "取数", registers=[BRIDGES.code])
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    assert client.get(BASE).status_code == 200
    assert client.get("/api/r/sample.depot/").status_code == 403
    with pytest.raises(Invalid):
        services.issue_token(actor, actor.account_id, "取数", registers=["ledger.entry"])
    with pytest.raises(Invalid):
        services.issue_token(actor, actor.account_id, "取数", access="everything")
    Grant.objects.filter(role__code=role, resource=BRIDGES.code).delete()
    assert client.get(BASE).status_code == 403


def test_最近使用记到分钟(machine):
    client = machine("view")
    assert ApiToken.objects.get().used_at is None
    client.get(BASE)
    first = ApiToken.objects.get().used_at
    client.get(BASE)
    assert first is not None and ApiToken.objects.get().used_at == first
    ApiToken.objects.update(used_at=first - timedelta(minutes=2))
    client.get(BASE)
    assert ApiToken.objects.get().used_at >= first


def test_停用的账号令牌失效_令牌只在接口地址有效(machine):
    client = machine("view")
    assert client.get("/r/sample.bridge/").status_code == 302
    Account.objects.update(is_active=False)
    assert client.get(BASE).status_code == 401


def test_令牌只能为本人签发且有期限(machine):
    one, other = machine("view").actor, machine("view").actor
    with pytest.raises(Refused):
        services.issue_token(one, other.account_id, "x")
    with pytest.raises(Invalid):
        services.issue_token(one, one.account_id, "x", days=4000)
    with pytest.raises(Refused):
        services.revoke_token(one, ApiToken.objects.get(account_id=other.account_id).pk)


def test_浏览器会话写入须带CSRF令牌(town):
    role = town.role("writer", *((BRIDGES.code, verb, Scope.TREE) for verb in ("view", "add")))
    account = town.account("李工", town.post("养护中心", "岗", role))
    client = Client(enforce_csrf_checks=True)
    client.get("/sign-in/")
    token = client.cookies["csrftoken"].value
    client.post("/sign-in/", {"username": account.username, "password": PASSWORD, "csrfmiddlewaretoken": token})
    assert client.get(BASE).status_code == 200
    sent = {"code": "Q1", "name": "桥", "organisation": town.organisation("养护中心").pk}
    assert client.post(BASE, sent, "application/json").status_code == 403
    token = client.cookies["csrftoken"].value
    assert client.post(BASE, sent, "application/json", headers={"X-CSRFToken": token}).status_code == 200


def test_接口文档列出每个台账(machine):
    schema = machine("view").get("/api/openapi.json").json()
    assert {"get", "post"} <= set(schema["paths"][BASE])
    names = {item["name"] for item in schema["paths"][BASE]["get"]["parameters"]}
    assert {"state", "opened_on.from", "q", "after"} <= names
