"""Officers read words, not codes: kinds on the audit page, chosen cases, dates of periods."""

from typing import Any

import pytest

from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.access.models import Role
from yiwang.kernel.access.terms import Duty
from yiwang.kernel.flow.services import open_case
from yiwang.kernel.flow.tests import flows
from yiwang.kernel.flow.tests.town import build
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.ledger.services import record
from yiwang.kernel.orgs.models import Post
from yiwang.kernel.pages import deeds, finding
from yiwang.kernel.people.models import Account
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.people.testing import Town
from yiwang.kernel.registers.paths import display, resolve
from yiwang.kernel.registers.queries import listing, wish
from yiwang.kernel.registers.registry import find
from yiwang.kernel.ui.pickers import picker

pytestmark = pytest.mark.django_db


def test_审计页对象类别写中文名_按中文名筛选() -> None:
    auditor = actor_of(Town().administrators()[Duty.AUDIT])
    record(SYSTEM, "clocks.timer.park", ("clocks.timer", 1), after={"error": "x"})
    record(SYSTEM, "unheard", ("unheard.kind", 1))
    said = {entry.target_kind: deeds.kind(entry) for entry in Entry.objects.all()}
    assert (said["clocks.timer"], said["people.account"], said["orgs.organisation"]) == ("定时", "账号", "机构")
    assert said["unheard.kind"] == "unheard.kind"
    ledger = find("ledger.entry")
    found = listing(auditor, ledger, wish(ledger, {"target_kind": ["定时"]}))
    assert [entry.action for entry in found.records] == ["clocks.timer.park"]
    codes = listing(auditor, ledger, wish(ledger, {"target_kind": ["people.acc"]}))
    assert {entry.target_kind for entry in codes.records} == {"people.account"}
    assert deeds.facts("people.account", ["username"])["username"][0] == "账号"


def test_审计页按动作的中文名筛选_也认代码和台账自己的动作() -> None:
    auditor, ledger = actor_of(Town().administrators()[Duty.AUDIT]), find("ledger.entry")
    record(SYSTEM, "clocks.timer.park", ("clocks.timer", 1))
    record(SYSTEM, "keep", ("lake.table", 1))
    record(SYSTEM, "keep", ("clocks.timer", 2))

    def shown(text: str) -> set[tuple[str, str]]:
        found = listing(auditor, ledger, wish(ledger, {"action": [text]}))
        return {(entry.action, entry.target_kind) for entry in found.records}

    assert shown("搁置定时") == shown("clocks.timer.p") == {("clocks.timer.park", "clocks.timer")}
    assert shown("改保留快照数") == {("keep", "lake.table")}
    assert shown("没有这种动作") == set()


def test_审计页把人员岗位角色权限写成名字_够得着的对象有链接() -> None:
    town = Town()
    auditor = actor_of(town.administrators()[Duty.AUDIT])
    post = town.post("民政局", "科员")
    person = town.person("钱多多", post)
    panel = find("ledger.entry").panels[0]

    def shown(action: str) -> dict[str, Any]:
        return panel(auditor, Entry.objects.filter(action=action).latest("pk"))[2]

    appointed = shown("people.appointed")
    assert appointed["target"] == (f"钱多多 {person.staff_number}", f"/r/people.person/{person.pk}/")
    assert ("人员", "", str(person)) in appointed["lines"] and ("岗位", "", str(post)) in appointed["lines"]
    role = Role.objects.create(code="reading", name="查阅员")
    record(SYSTEM, "access.role.held", ("orgs.post", post.pk), after={"role": role.code, "post": 10**9})
    assert set(shown("access.role.held")["lines"]) == {("角色", "", "查阅员"), ("岗位", "", f"{10**9:,}")}
    record(SYSTEM, "access.role.declared", ("access.role", role.pk), after={"grants": [["orgs.post", "view", "all"]]})
    assert shown("access.role.declared")["lines"] == [("权限", "", "岗位：查看（全部）")]
    record(SYSTEM, "unheard", ("unheard.kind", 1), after={"owner": ["people.person", 2, ""]})
    assert shown("unheard")["target"] is None, "审计管理员打不开的台账不给名字"
    assert shown("unheard")["lines"] == [("所属", "", "人员、2")]


def test_审计页前后值写选项名与顿号_不写代码() -> None:
    auditor = actor_of(Town().administrators()[Duty.AUDIT])
    record(SYSTEM, "unheard", ("orgs.post", 1), before={"duty": "business", "active": True, "numbers": ["甲", "乙"]})
    entry = Entry.objects.latest("pk")
    _, _, panel = find("ledger.entry").panels[0](auditor, entry)
    assert panel["lines"] == [("在用", "是", ""), ("职责类别", "业务", ""), ("编号", "甲、乙", "")]


def test_变更记录的时刻写本地时间_多个选项各写名称() -> None:
    assert display("2026-11-22T17:02:09.523640+00:00", resolve(Account, "last_login")) == "2026-11-23 01:02"
    assert display(["business", "audit"], resolve(Post, "duty")) == "业务、审计管理"


def test_选择框写案件编号与标题_看不到的只写编号() -> None:
    town = build()
    version = town.publish(flows.plain(2))
    case = open_case(town["operator"], version.code, "路面积水", organisation_id=town.unit("centre"))
    labels = picker(finding.CASES.code).labels
    assert labels([str(case.pk)], town["operator"]) == {str(case.pk): f"{case.number} 路面积水"}
    for stranger in (None, town["police1"]):
        assert labels([str(case.pk), "甲"], stranger) == {str(case.pk): f"案件 #{case.pk}"}
