"""The three administrators in the browser, and an officer's own delegations."""

import itertools
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from yiwang.kernel.access.actors import SYSTEM, Refused
from yiwang.kernel.access.models import Grant, Role
from yiwang.kernel.access.terms import Duty
from yiwang.kernel.crypto import encrypt
from yiwang.kernel.ledger.queries import history
from yiwang.kernel.messages.models import ADDRESS, Delivery
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.people.models import Account, Appointment, Delegation
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.people.services import appoint, change_person
from yiwang.kernel.people.testing import Town
from yiwang.kernel.registers.models import ImportRun

pytestmark = pytest.mark.django_db


@pytest.fixture
def town():
    return Town()


@pytest.fixture
def three(town) -> dict[Duty, Client]:
    found = {}
    for duty, account in town.administrators().items():
        found[duty] = Client()
        found[duty].force_login(account)
    return found


def text(answer, status=200) -> str:
    assert answer.status_code == status, answer.content.decode()[:2000]
    return answer.content.decode()


def test_各管理员只见自己的入口(three):
    shown = {
        duty: set(re.findall(r'href="/r/([\w.]+)/"', text(client.get("/administration/"))))
        for duty, client in three.items()
    }
    assert {"people.account", "orgs.post"} <= shown[Duty.SYSTEM]
    assert not {"access.role", "access.holding", "ledger.entry"} & shown[Duty.SYSTEM]
    assert {"access.role", "access.holding", "access.administrator"} <= shown[Duty.SECURITY]
    assert "ledger.entry" in shown[Duty.AUDIT]
    assert "ledger.entry" not in shown[Duty.SECURITY]
    entrances = text(three[Duty.AUDIT].get("/")).split("常用入口", 1)[1].split("</section>", 1)[0]
    assert re.findall(r'<a href="([^"]+)"', entrances) == ["/administration/", "/system/"]


def test_新建账号得一次性密码_首登须改(town, three):
    person = town.person("钱多多", town.post("民政局", "科员"))
    url = f"/administration/people/{person.pk}/account/"
    assert f'href="{url}"' in text(three[Duty.SYSTEM].get(f"/r/people.person/{person.pk}/"))
    assert "3 至 60 位" in text(three[Duty.SYSTEM].post(url, {"username": "钱"}), 422)
    page = text(three[Duty.SYSTEM].post(url, {"username": "qdd2026"}))
    password = re.search(r'<code class="strong">([^<]+)</code>', page)[1]
    officer = Client()
    assert officer.post("/sign-in/", {"username": "qdd2026", "password": password}).headers["Location"] == "/"
    assert officer.get("/").headers["Location"] == "/account/password/"
    for duty in (Duty.SECURITY, Duty.AUDIT):
        assert three[duty].get(url).status_code == 403


def test_在页面上任职_重叠的说得清(town, three):
    """Whoever serves already: the database's own exclusions are asked before it, by a form without all their fields."""
    clerk, second = town.post("民政局", "科员"), town.post("民政局", "副科长")
    auditor = town.post("政务公开办", "审计岗", duty=Duty.AUDIT)
    person, other = town.person("钱多多", clerk), town.person("孙少少")
    url, key = "/r/people.appointment/new/", itertools.count()

    def appoint(duty: Duty, url: str, who, post, **more):
        sent = {
            "person": who.pk,
            "post": post.pk,
            "valid_from": "2026-01-01",
            "valid_until": "",
            "key": f"k{next(key)}",
        }
        return three[duty].post(url, {**sent, **more})

    assert appoint(Duty.SYSTEM, url, person, second).status_code == 302
    assert "任职期间不能重叠" in text(appoint(Duty.SYSTEM, url, person, second, valid_from="2026-02-01"), 409)
    assert appoint(Duty.SYSTEM, url, other, second, valid_from="9999-12-31").status_code == 302
    url = "/r/access.administrator/new/"
    assert "三员" in text(appoint(Duty.SECURITY, url, person, auditor), 403)
    assert appoint(Duty.SECURITY, url, town.person("李审计"), auditor).status_code == 302
    assert appoint(Duty.SECURITY, url, town.person("周审计"), auditor, valid_from="9999-12-31").status_code == 302
    assert Appointment.objects.filter(post=auditor).count() == 2


def test_任职只列能任的岗位和人_另一管理员的任免说得清(town, three):
    clerk, auditor = town.post("民政局", "科员"), town.post("政务公开办", "审计岗", duty=Duty.AUDIT)
    person, gone = town.person("钱多多"), town.person("孙少少")
    change_person(SYSTEM, gone.pk, active=False, reason="离职")
    offered = {
        Duty.SYSTEM: ("people.appointment", clerk, auditor),
        Duty.SECURITY: ("access.administrator", auditor, clerk),
    }
    for duty, (register, own, others) in offered.items():
        url = f"/r/{register}/new/"
        page = text(three[duty].get(url))
        assert str(own) in page and str(person) in page
        assert str(others) not in page and str(gone) not in page
        sent = {"person": person.pk, "post": others.pk, "valid_from": "2026-01-01", "valid_until": ""}
        assert "请从候选中选择" in text(three[duty].post(url, sent), 422)
    assert str(auditor.name) not in text(three[Duty.SYSTEM].get("/pick/post/", {"pick": "岗"}))
    held = Appointment.objects.get(person=town.person("李审计", auditor))
    for act in ("dismiss", "transfer"):
        url = f"/r/people.appointment/{held.pk}/act/{act}/"
        assert "由安全管理员任免" in text(three[Duty.SYSTEM].post(url, {"reason": "x", "post": clerk.pk}), 403)
    with pytest.raises(Refused, match="“管理员任职”的“新增”权限"):
        appoint(actor_of(town.administrators()[Duty.SYSTEM]), person.pk, auditor.pk)


def test_重置密码须写理由(town, three):
    account = town.account("钱多多", town.post("民政局", "科员"))
    url = f"/administration/accounts/{account.pk}/reset/"
    assert f'href="{url}"' in text(three[Duty.SYSTEM].get(f"/r/people.account/{account.pk}/"))
    text(three[Duty.SYSTEM].post(url, {"reason": ""}), 422)
    assert "只显示这一次" in text(three[Duty.SYSTEM].post(url, {"reason": "本人遗忘"}))
    assert Account.objects.get(pk=account.pk).must_change_password
    assert three[Duty.SECURITY].post(url, {"reason": "x"}).status_code == 403


def test_机构更名从台账办理_须写依据_停用后不能(town, three):
    office = town.organisation("民政局")
    url = f"/r/orgs.organisation/{office.pk}/act/rename/"
    assert "更名" in text(three[Duty.SYSTEM].get(f"/r/orgs.organisation/{office.pk}/"))
    new = {"name": "民政和退役军人局", "short_name": "民政"}
    text(three[Duty.SYSTEM].post(url, {**new, "reason": ""}), 422)
    text(three[Duty.SYSTEM].post(url, {**new, "name": "局" * 300, "reason": "批复"}), 422)
    assert three[Duty.SYSTEM].post(url, {**new, "reason": "编委〔2026〕3号"}).status_code == 302
    office.refresh_from_db()
    assert (office.name, office.short_name) == ("民政和退役军人局", "民政")
    assert "编委〔2026〕3号" in text(three[Duty.SYSTEM].get(f"/r/orgs.organisation/{office.pk}/"))
    assert three[Duty.AUDIT].post(url, {**new, "reason": "x"}).status_code == 403
    Organisation.objects.filter(pk=office.pk).update(valid_until=timezone.localdate())
    assert "不能更名" in text(three[Duty.SYSTEM].post(url, {**new, "reason": "x"}), 403)


def test_停用账号从台账办理(town, three):
    account = town.account("钱多多", town.post("民政局", "科员"))
    url = f"/r/people.account/{account.pk}/act/disable/"
    assert three[Duty.SYSTEM].post(url, {"reason": "离职"}).status_code == 302
    assert not Account.objects.get(pk=account.pk).is_active
    assert three[Duty.AUDIT].post(url, {"reason": "x"}).status_code == 403


def test_角色权限整表调整(town, three):
    role = Role.objects.get(code=town.role("clerk"))
    url = f"/administration/roles/{role.pk}/permissions/"
    page = text(three[Duty.SECURITY].get(url))
    assert 'name="people.person:view"' in page
    assert 'name="people.account:add"' not in page
    data = {"people.person:view": "custom", "orgs.post:view": "all"}
    assert "须写明理由" in text(three[Duty.SECURITY].post(url, data), 422)
    assert "没有这些机构代码" in text(
        three[Duty.SECURITY].post(url, {**data, "reason": "x", "organisations": "无此"}), 422
    )
    code = town.organisation("数据局").code
    assert three[Duty.SECURITY].post(url, {**data, "reason": "通讯录", "organisations": code}).status_code == 302
    assert set(Grant.objects.filter(role=role).values_list("resource", "scope")) == {
        ("people.person", "custom"), ("orgs.post", "all")
    }  # fmt: skip
    assert three[Duty.SYSTEM].get(url).status_code == 403
    assert "调整权限" in text(three[Duty.SECURITY].get(f"/r/access.role/{role.pk}/"))


def test_审计管理员查到改前改后_且不能改(town, three):
    account = town.account("钱多多", town.post("民政局", "科员"))
    three[Duty.SYSTEM].post(f"/r/people.account/{account.pk}/act/disable/", {"reason": "离职"})
    page = text(three[Duty.AUDIT].get("/r/ledger.entry/?q=离职"))
    entry = re.search(r"/r/ledger.entry/(\d+)/", page)[1]
    shown = text(three[Duty.AUDIT].get(f"/r/ledger.entry/{entry}/"))
    assert re.search(r"启用</td><td[^>]*>是</td><td[^>]*>否</td>", shown)
    assert three[Duty.AUDIT].get(f"/r/ledger.entry/{entry}/change/").status_code == 404


def test_本人设定和收回代理(town):
    account, agent = (town.account(name, town.post("民政局", f"{name}岗")) for name in ("甲某", "乙某"))
    client = Client()
    client.force_login(account)
    text(client.get("/account/delegations/"))
    post = town.post("民政局", "甲某岗")
    data = {
        "post": post.pk, "agent": "查无此人", "valid_from": "2026-01-01T09:00", "valid_until": "2099-01-01T09:00",
        "secrecy_limit": "0", "reason": "出差",
    }  # fmt: skip
    assert "没有找到" in text(client.post("/account/delegations/", data), 422)
    assert client.post("/account/delegations/", {**data, "agent": agent.person.staff_number}).status_code == 302
    made = Delegation.objects.get()
    other = Client()
    other.force_login(agent)
    assert "甲某" in text(other.get("/account/delegations/"))
    assert other.post(f"/account/delegations/{made.pk}/revoke/").status_code == 404
    assert client.post(f"/account/delegations/{made.pk}/revoke/").status_code == 302
    assert "已收回" in text(client.get("/account/delegations/"))


def test_机构导入上下级同表_先后不限(town, three):
    lines = "机构代码,机构名称,类别,上级机构\nJD01,城北街道办,department,QU01\nQU01,城区政府,department,\n"
    client = three[Duty.SYSTEM]
    sent = client.post("/r/orgs.organisation/import/", {"file": SimpleUploadedFile("机构.csv", lines.encode())})
    run = ImportRun.objects.get()
    assert sent.status_code == 302, sent.content.decode()[:500]
    chosen = {"column-0": "code", "column-1": "name", "column-2": "kind", "column-3": "parent"}
    client.post(f"/r/orgs.organisation/import/{run.pk}/", chosen)
    run.refresh_from_db()
    assert (run.state, run.created) == ("done", 2), run.message
    child = Organisation.objects.get(code="JD01")
    assert child.parent.code == "QU01" and child.path.startswith(child.parent.path)


def test_搁置的短信由系统管理员重发_记账(town, three):
    message = Delivery.objects.create(
        dedup="甲", channel="sms", address=encrypt("13800000000", ADDRESS), title="待办提醒", state="parked", attempts=8,
        next_at=timezone.now(), error="URLError",
    )  # fmt: skip
    page = text(three[Duty.SYSTEM].get("/administration/outbox/?state=parked"))
    assert f'name="row" value="{message.pk}"' in page and "13800000000" not in page
    for duty in (Duty.SECURITY, Duty.AUDIT):
        assert three[duty].post("/administration/outbox/", {"row": message.pk}).status_code == 403
    assert three[Duty.SYSTEM].post("/administration/outbox/", {"row": ["x", message.pk]}).status_code == 302
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("waiting", 0)
    assert history(("messages.delivery", message.pk)).get().action == "messages.delivery.retry"


def test_本人决定是否另发短信(town):
    client = Client()
    client.force_login(town.account("甲某", town.post("民政局", "甲某岗")))
    assert "短信改为不接收" in text(client.get("/account/"))
    assert client.post("/account/messages/", {"channel": "sms", "on": "0"}).status_code == 302
    assert "短信改为接收" in text(client.get("/account/"))
    assert "没有“fax”这个消息渠道" in text(client.post("/account/messages/", {"channel": "fax"}), 422)
