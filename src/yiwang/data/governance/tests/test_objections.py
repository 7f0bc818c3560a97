"""An objection marks a cell until it is withdrawn; issues and scores come from runs."""

from datetime import date
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.governance import contract, queries
from yiwang.data.governance.models import GovernanceLimit, Issue, Objection, Score
from yiwang.data.governance.services import objections, scheduling, scoring
from yiwang.data.governance.tests.test_values import lying_clear
from yiwang.data.governance.tests.world import World
from yiwang.kernel.access.actors import SYSTEM, Conflict, Invalid, Refused
from yiwang.kernel.clocks import queries as clocks
from yiwang.kernel.clocks import services as clocks_services
from yiwang.kernel.clocks.models import Clock
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.models import Seat
from yiwang.kernel.jobs.testing import run_all
from yiwang.kernel.keys import services as renewal
from yiwang.kernel.keys.models import forget
from yiwang.kernel.lake import services as lake
from yiwang.kernel.people.models import Account

KEY = ("A1",)


def objected(world: World, who: str = "用数单位") -> Objection:
    world.snapshot({"no": "A1"}, {"no": "A2"})
    return objections.open_objection(world[who], world.facts.id, 1, KEY, "phone", "该号码已停机")


def act(world: World, who: str, found: Objection | Issue, action: str, **data: object) -> None:
    seat = Seat.objects.get(case_id=found.case_id, state="open")
    if seat.post_id is None:
        flow.claim(world[who], found.case_id, seat_id=seat.pk)
    flow.act(world[who], found.case_id, action, opinion="已核对原始材料", data=data)


def test_the_mark_is_in_every_answer_until_it_is_corrected(world: World) -> None:
    found = objected(world)
    marks = contract.objections(world.facts.id, [KEY, ("A2",)])
    assert set(marks) == {KEY}
    assert marks[KEY]["phone"]["number"] == found.case.number
    assert Clock.objects.get(case_id=found.case_id, code="verify").budget == 10
    act(world, "治理员", found, "accept")
    with pytest.raises(Refused, match="不是"):
        act(world, "住建治理岗", found, "corrected", snapshot=1)
    unchanged = world.snapshot({"no": "A1"}, {"no": "A2"}, {"no": "A3"})
    with pytest.raises(Refused, match="还没有把现行数据"):
        act(world, "住建治理岗", found, "corrected", snapshot=unchanged)
    compared(world, found, "尚未更正")
    with pytest.raises(Refused, match="与提出异议时相同"):
        act(world, "住建治理岗", found, "corrected", snapshot=unchanged)
    found.refresh_from_db()
    assert (found.mark, found.corrected_in) == ("open", None)
    number = world.snapshot({"no": "A1", "phone": "027-85750001"}, {"no": "A2"})
    compared(world, found, "已与提出异议时不同")
    act(world, "住建治理岗", found, "corrected", snapshot=number)
    found.refresh_from_db()
    assert (found.mark, found.corrected_in) == ("corrected", number)
    assert found.decided_at is not None
    assert contract.objections(world.facts.id, [KEY]) == {}


def test_a_row_that_left_the_data_is_corrected_too(world: World) -> None:
    found = objected(world)
    act(world, "治理员", found, "accept")
    number = world.snapshot({"no": "A2"})
    compared(world, found, "已与提出异议时不同")
    act(world, "住建治理岗", found, "corrected", snapshot=number)
    found.refresh_from_db()
    assert found.mark == "corrected"


def shown(world: World, who: str, found: Objection) -> dict[str, str]:
    return {
        fact.label: str(fact.value) for block in queries.objection_sections(world[who], found) for fact in block.facts
    }


def compared(world: World, found: Objection, word: str) -> None:
    """The worker's loop finds the new data by itself, once."""
    assert scheduling.compare_new() == 0 and run_all() == 1
    scheduling.compare_new()
    assert run_all() == 0
    found.refresh_from_db()
    assert word in shown(world, "治理员", found)["与现行数据核对"]


def test_a_row_that_is_not_there_is_said(world: World) -> None:
    world.snapshot({"no": "A1"})
    found = objections.open_objection(world["用数单位"], world.facts.id, 1, ("B7",), "phone", "该号码已停机")
    assert "等待核对" in shown(world, "治理员", found)["与现行数据核对"]
    compared(world, found, "没有这一行")


def test_the_case_says_which_cell_and_where_it_came_from(world: World) -> None:
    source = lake.ensure_table(SYSTEM, "inbox_box", "收件", [{"name": "tel", "title": "电话", "type": "text"}], [])
    world.snapshot({"no": "A1"}, {"no": "A2"}, edges=[
        {"column": "phone", "source": source, "source_column": "tel", "origin": "", "transform": "原样"}])  # fmt: skip
    found = objections.open_objection(
        world["用数单位"], world.facts.id, 1, KEY, "phone", "该号码已停机", proposed="027-85750002"
    )
    key = next(item for item in world.facts.items if item.is_key)
    catalog.set_levels(SYSTEM, world.facts.id, {key.id: (3, "id_number")}, "测试")
    for who in ("用数单位", "住建治理岗"):
        facts = shown(world, who, found)
        assert "A1" in facts["数据行"], "who has to find the row sees which it is"
        assert facts["异议理由"] == "该号码已停机" and facts["主张的内容"] == "027-85750002"
        assert facts["第 1 层"] == "数据表 inbox_box 的 tel"
    assert "A1" not in shown(world, "治理员", found)["数据行"]
    browser = Client()
    browser.force_login(Account.objects.get(person=world["住建治理岗"].person_id))
    assert "该号码已停机" in browser.get(f"/cases/{found.case_id}/").content.decode()


def test_an_unfounded_objection_also_ends_the_mark(world: World) -> None:
    found = objected(world)
    act(world, "治理员", found, "decline")
    found.refresh_from_db()
    assert found.mark == "unfounded"
    assert objections.open_objection(world["用数单位"], world.facts.id, 1, KEY, "phone", "仍有疑问").pk != found.pk


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"field": "nope"}, "没有字段"),
        ({"key": ()}, "主键"),
        ({"reason": " "}, "理由"),
        ({"snapshot_number": 9}, "没有第 9 号快照"),
    ],
)
def test_a_wrong_objection_is_refused(world: World, change: dict[str, object], word: str) -> None:
    world.snapshot({"no": "A1"})
    given = {"snapshot_number": 1, "key": KEY, "field": "phone", "reason": "不对"} | change
    with pytest.raises((Invalid, Refused), match=word):
        contract.open_objection(world["用数单位"], world.facts.id, **given)  # type: ignore[arg-type]


def test_one_open_objection_a_cell(world: World) -> None:
    objected(world)
    with pytest.raises(Conflict, match="已有异议"):
        contract.open_objection(world["住建治理岗"], world.facts.id, 1, KEY, "phone", "同一问题")


def test_the_limit_in_force_on_the_day_counts(world: World) -> None:
    row = GovernanceLimit.objects.get(code="governance.objection.verify")
    new: dict[str, Any] = {"number": 7, "basis": "新办法第三条", "nature": "own", "valid_from": date(2099, 1, 1)}
    clocks_services.declare_limit(world["治理员"], "governance.limit", row.pk, **new)
    assert clocks.limit(row.code, "", date(2098, 12, 31)).number == 10
    assert clocks.limit(row.code, "", date(2099, 1, 1)).number == 7
    with pytest.raises(Refused, match="不合规定"):
        clocks_services.declare_limit(world["治理员"], "governance.limit", row.pk, **new)
    with pytest.raises(Refused, match="权限"):
        clocks_services.declare_limit(world["住建治理岗"], "governance.limit", row.pk, **new)
    case = objected(world).case
    clock = clocks.current(case.pk, "verify")
    assert clock is not None and clock.budget == 10


def test_bad_rows_become_an_issue_of_the_department(world: World) -> None:
    verdict = contract.check(SYSTEM, world.facts.id, world.sheet({}, {"name": ""}), "P1")
    found = scoring.open_issue(world["治理员"], verdict.run_id)
    assert "姓名：必填 1 行" in found.summary
    assert scoring.open_issue(world["治理员"], verdict.run_id).pk == found.pk
    act(world, "住建治理岗", found, "fixed")
    act(world, "治理员", found, "agree_fixed")
    found.refresh_from_db()
    assert found.state == "fixed"
    clean = contract.check(SYSTEM, world.facts.id, world.sheet({}), "P2")
    with pytest.raises(Refused, match="没有拦截"):
        scoring.open_issue(world["治理员"], clean.run_id)


def test_a_month_is_scored_by_its_last_run_and_pins_it(world: World) -> None:
    contract.check(SYSTEM, world.facts.id, world.sheet(*[{"name": ""}] * 4), "P1")
    verdict = contract.check(SYSTEM, world.facts.id, world.sheet({}, {"name": ""}, {}, {"joined": "x"}), "P2")
    month = timezone.localdate().replace(day=1)
    assert scoring.score_month(world["治理员"], month) == 1
    assert scoring.score_month(world["治理员"], month) == 0
    score = Score.objects.get()
    assert score.run_id == verdict.run_id
    # 完整: 登记号 100, 姓名 75; 规范: 类型 75 and 100, others 100.
    assert score.parts["complete"]["score"] == "87.50"
    found = contract.quality(world.facts.id, month)
    assert found is not None
    assert found[0] == score.score < Decimal(100)
    assert found[1]["rule_set"] == score.run.rule_set_id
    assert catalog.quality_of(world.facts.id, month) == found


def test_a_reader_objects_on_a_page_and_lands_on_the_case(world: World) -> None:
    world.snapshot({"no": "A1"}, {"no": "A2"})
    address, browser = f"/governance/objections/{world.facts.id}/new/", Client()
    browser.force_login(Account.objects.get(person=world["用数单位"].person_id))
    assert "还没有数据" in browser.get(address).content.decode()
    catalog.record_load(world.facts.id, 1, timezone.now(), 2)
    assert f'href="{address}"' in browser.get(f"/catalog/{world.facts.id}/").content.decode()
    shown = browser.get(address).content.decode()
    assert "登记号" in shown and "联系电话" in shown
    given = {"key_no": "A1", "field": "phone", "reason": "该号码已停机", "proposed": "", "snapshot": 1, "key": "k1"}
    for change, word in (
        ({"key_no": ""}, "这个字段是必填项"), ({"field": "nothing"}, "选择一个有效的选项"), ({"reason": " "}, "这个字段是必填项"),
        ({"snapshot": 9}, "没有第 9 号快照"), ({"snapshot": "x"}, "输入整数"),
    ):  # fmt: skip
        answer = browser.post(address, {**given, **change})
        assert answer.status_code == 422 and word in answer.content.decode(), (change, answer.status_code)
    answer = browser.post(address, given)
    found = Objection.objects.get()
    assert answer.headers["Location"] == f"/cases/{found.case_id}/" and queries.key_of(found) == ["A1"]
    again = browser.post(address, {**given, "key": "k2"})
    assert again.status_code == 422 and "已有异议正在核实" in again.content.decode()
    stranger = Client()
    stranger.force_login(Account.objects.get(person=world["住建编目员"].person_id))
    assert stranger.get(address).status_code == 403


def test_the_row_objected_to_is_not_to_be_read_from_the_database(world: World) -> None:
    found = objected(world)
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(o)::text FROM governance_objection o")
        (stored,) = cursor.fetchone()
    # Between quotes, for two signs alone occur in a token by chance.
    assert '"A1' not in stored and queries.key_of(found) == ["A1"]
    other = objections.open_objection(world["用数单位"], world.facts.id, 1, ("A2",), "phone", "停机", proposed="027-1")
    assert other.key_mac != found.key_mac and "027-1" not in other.proposed
    third = objections.open_objection(world["用数单位"], world.facts.id, 1, ("A3",), "phone", "张三本人来电说已停机")
    assert lying_clear("张三本人", "027-1") == []
    assert shown(world, "住建治理岗", third)["异议理由"] == "张三本人来电说已停机"
    assert set(contract.open_marks(world.facts.id)) == {KEY, ("A2",), ("A3",)}


def test_a_renewed_secret_finds_the_row_before_and_after_renewal(world: World, settings: Any) -> None:
    found = objected(world)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another-secret", [settings.SECRET_KEY]
    for renewed in (False, True):
        assert set(contract.objections(world.facts.id, [KEY])) == {KEY}
        with pytest.raises(Conflict, match="已有异议"):
            contract.open_objection(world["住建治理岗"], world.facts.id, 1, KEY, "phone", "同一问题")
        if not renewed:
            assert renewal.renew() == 3
            settings.SECRET_KEY_FALLBACKS = []
    found.refresh_from_db()
    assert queries.key_of(found) == ["A1"]
    forget()


def test_rows_of_before_are_carried_into_the_sealed_form_and_back(world: World) -> None:
    world.snapshot({"no": "A1"})
    found = objections.open_objection(world["用数单位"], world.facts.id, 1, KEY, "phone", "停机", proposed="027-2")
    migration = import_module("yiwang.data.governance.migrations.0009_objection_keys")
    migration.unseal(apps, None)
    assert Objection.objects.values_list("row_key", "proposed").get(pk=found.pk) == ('["A1"]', "027-2")
    Objection.objects.filter(pk=found.pk).update(key_mac="")
    migration.seal(apps, None)
    found.refresh_from_db()
    assert queries.key_of(found) == ["A1"] and set(contract.open_marks(world.facts.id)) == {KEY}
    assert shown(world, "用数单位", found)["主张的内容"] == "027-2"


def test_reasons_of_before_are_carried_into_the_sealed_form_and_back(world: World) -> None:
    found = objected(world)
    migration = import_module("yiwang.data.governance.migrations.0012_sealed_statement")
    migration.unseal(apps, None)
    clear = Objection.objects.values_list("statement", flat=True).get(pk=found.pk)
    assert clear and lying_clear(clear) == [f"governance_objection: {clear}"]
    migration.seal(apps, None)
    found.refresh_from_db()
    assert lying_clear(clear) == [] and shown(world, "用数单位", found)["异议理由"] == clear
