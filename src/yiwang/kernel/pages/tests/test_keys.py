"""API tokens in the browser, the outbox of the system administrator, and ledger actions in words."""

import re

import pytest
from django.test import Client

from yiwang.kernel.access.terms import Duty
from yiwang.kernel.crypto import encrypt
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.messages.models import ADDRESS, Delivery
from yiwang.kernel.pages.deeds import GENERIC, KERNEL, deed
from yiwang.kernel.people.testing import Town
from yiwang.kernel.registers.models import ApiToken

pytestmark = pytest.mark.django_db


@pytest.fixture
def three() -> dict[Duty, Client]:
    found = {}
    for duty, account in Town().administrators().items():
        found[duty] = Client()
        found[duty].force_login(account)
    return found


def text(answer, status=200) -> str:
    assert answer.status_code == status, answer.content.decode()[:2000]
    return answer.content.decode()


def test_令牌只显示一次_能用_收回即失效(three):
    mine = three[Duty.SYSTEM]
    made = text(mine.post("/account/tokens/", {"name": "对账令牌", "days": "30", "access": "read"}))
    secret = re.search(r'<code class="wrap">([\w-]+)</code>', made)[1]
    assert secret not in text(mine.get("/account/tokens/"))
    machine = Client(headers={"authorization": f"Bearer {secret}"})
    assert machine.get("/api/r/orgs.post/").status_code == 200
    token = ApiToken.objects.get()
    three[Duty.AUDIT].post(f"/account/tokens/{token.pk}/revoke/")
    assert machine.get("/api/r/orgs.post/").status_code == 200
    assert token.name not in text(three[Duty.AUDIT].get("/account/tokens/"))
    mine.post(f"/account/tokens/{token.pk}/revoke/")
    assert machine.get("/api/r/orgs.post/").status_code == 401
    assert "已收回" in text(mine.get("/account/tokens/"))


def test_安全管理员看到并收回任何人的令牌_其他管理员不能(three):
    mine, keeper = three[Duty.SYSTEM], three[Duty.SECURITY]
    sent = {"name": "对账令牌", "days": "30", "access": "masked", "registers": ["orgs.post"]}
    secret = re.search(r'<code class="wrap">([\w-]+)</code>', text(mine.post("/account/tokens/", sent)))[1]
    machine = Client(headers={"authorization": f"Bearer {secret}"})
    assert machine.get("/api/r/orgs.post/").status_code == 200
    assert machine.get("/api/r/people.person/").status_code == 403
    shown = text(keeper.get("/r/access.token/"))
    assert "对账令牌" in shown and "只读，脱敏字段不给明文" in shown and secret not in shown
    token = ApiToken.objects.get()
    for duty in (Duty.SYSTEM, Duty.AUDIT):
        text(three[duty].get("/r/access.token/"), 403)
        text(three[duty].post(f"/r/access.token/{token.pk}/act/revoke/", {"reason": "x"}), 403)
    assert keeper.post(f"/r/access.token/{token.pk}/act/revoke/", {"reason": "对接已停"}).status_code == 302
    assert machine.get("/api/r/orgs.post/").status_code == 401
    assert Entry.objects.filter(action="revoke_token", reason="对接已停").exists()


@pytest.mark.parametrize("days", ["0", "366", "x", ""])
def test_令牌期限不对不签发(three, days):
    text(three[Duty.SYSTEM].post("/account/tokens/", {"name": "取数", "days": days, "access": "read"}), 422)
    assert not ApiToken.objects.exists()


def test_发件箱只给系统管理员_接收方与正文不外露(three):
    Delivery.objects.create(
        dedup="a", channel="sms", address=encrypt("13812345678", ADDRESS), title="请尽快办理 13912345678", body="您的件",
        next_at="2026-01-01T00:00Z", state="parked",
    )  # fmt: skip
    shown = text(three[Duty.SYSTEM].get("/administration/outbox/?state=parked"))
    assert "138****5678" in shown and "短信" in shown and "搁置" in shown
    assert "13812345678" not in shown and "13912345678" not in shown and "您的件" not in shown
    assert "138****5678" not in text(three[Duty.SYSTEM].get("/administration/outbox/?state=sent"))
    for duty in (Duty.SECURITY, Duty.AUDIT):
        text(three[duty].get("/administration/outbox/"), 403)


def test_审计记录的动作用中文(three):
    three[Duty.SYSTEM].post("/account/tokens/", {"name": "取数", "days": "30", "access": "read"})
    shown = text(three[Duty.AUDIT].get("/r/ledger.entry/"))
    assert "签发接口令牌" in shown and "issue_token</td>" not in shown
    assert deed(Entry(action="unknown.verb", target_kind="nothing")) == "unknown.verb"
    assert all(word and not word.isascii() for word in (GENERIC | KERNEL).values())


def test_菜单栏写明岗位(three):
    assert re.search(r'<div class="small muted">[^<]+ [^<]+</div>', text(three[Duty.SYSTEM].get("/")))
