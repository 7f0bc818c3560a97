"""The history of grants: as of a day, with what the role permitted then and the entry that gave it."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from yiwang.kernel.access import services
from yiwang.kernel.access.models import Grant, Role, RoleHolding
from yiwang.kernel.access.terms import Duty, Scope
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.pages.grants import end_of, permissions_at
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.people.services import delegate
from yiwang.kernel.people.testing import Town

pytestmark = pytest.mark.django_db
PAGE = "/administration/grants/"


def clients(town):
    found = {}
    for duty, account in town.administrators().items():
        found[duty] = Client()
        found[duty].force_login(account)
        found[duty].actor = actor_of(account)
    return found


def text(answer, status=200) -> str:
    assert answer.status_code == status, answer.content.decode()[:2000]
    return answer.content.decode()


def test_权限按审计记录还原到当日(db):
    town = Town()
    keeper = clients(town)[Duty.SECURITY].actor
    role = services.define_role(keeper, code="clerk", name="经办")
    now = timezone.now()
    with time_machine.travel(now - timedelta(days=9)):
        kept = services.grant(keeper, role.pk, "orgs.post", "view", Scope.ALL, reason="起步")
    with time_machine.travel(now - timedelta(days=6)):
        services.grant(keeper, role.pk, "orgs.post", "view", Scope.ORGANISATION, reason="收窄")
    with time_machine.travel(now - timedelta(days=3)):
        services.withdraw_grant(keeper, kept.pk, reason="不再需要")
    assert not Grant.objects.filter(role=role).exists()

    def at(days):
        return permissions_at([role], end_of(timezone.localdate() - timedelta(days=days)))[role.pk]

    assert [at(days) for days in (10, 3, 0)] == [[], [], []]
    assert ["（全部）" in at(8)[0], "（本部门）" in at(5)[0], "查看" in at(5)[0]] == [True, True, True]


def test_某日谁持有什么_由谁授予_记在哪条(db):
    town = Town()
    three = clients(town)
    role = town.role("reader", ("orgs.post", "view", Scope.ALL))
    post = town.post("数据局", "统计岗")
    town.account("陈晨", post)
    today = timezone.localdate()
    start = today - timedelta(days=20)
    held = services.hold_role(three[Duty.SECURITY].actor, Role.objects.get(code=role).pk, post.pk, valid_from=start,
                              reason="月报需要")  # fmt: skip
    services.withdraw_role(three[Duty.SECURITY].actor, held.pk, on=today - timedelta(days=5), reason="调整分工")
    entry = Entry.objects.get(action="access.role.held", reason="月报需要")
    for duty in (Duty.SECURITY, Duty.AUDIT):
        then = text(three[duty].get(PAGE, {"day": (today - timedelta(days=10)).isoformat(), "q": "陈晨"}))
        assert "月报需要" in then and f"#{entry.pk}" not in then, "not yet recorded on that day"
        assert "统计岗" in then
        now = text(three[duty].get(PAGE, {"q": "陈晨"}))
        assert "该日没有符合条件的角色授予" in now
    RoleHolding.objects.filter(pk=held.pk).update(valid_until=None)
    shown = text(three[Duty.AUDIT].get(PAGE, {"q": "reader"}))
    assert f"/r/ledger.entry/{entry.pk}/" in shown and "安全管理员" in shown
    assert f"/r/ledger.entry/{entry.pk}/" not in text(three[Duty.SECURITY].get(PAGE, {"q": "reader"}))


def test_代理与空缺的岗位都列出(db):
    town = Town()
    three = clients(town)
    role = town.role("reader", ("orgs.post", "view", Scope.ALL))
    town.post("数据局", "空岗", role)
    giver = town.actor("李正", town.post("数据局", "正岗", role))
    agent = town.person("王副", town.post("数据局", "副岗"))
    now = timezone.now()
    delegate(giver, giver.post_ids[0], agent.pk, valid_from=now, valid_until=now + timedelta(days=9), reason="出差")
    shown = text(three[Duty.AUDIT].get(PAGE))
    assert "空缺" in shown and "出差" in shown and "王副" in shown and "设定代理" in shown
    assert "出差" not in text(
        three[Duty.AUDIT].get(PAGE, {"day": (timezone.localdate() - timedelta(days=1)).isoformat()})
    )


def test_系统管理员与业务人员打不开_日期不对有话说(db):
    town = Town()
    three = clients(town)
    text(three[Duty.SYSTEM].get(PAGE), 403)
    officer = Client()
    officer.force_login(town.account("业务员", town.post("数据局", "业务岗")))
    text(officer.get(PAGE), 403)
    text(three[Duty.AUDIT].get(PAGE, {"day": "昨天"}), 422)
