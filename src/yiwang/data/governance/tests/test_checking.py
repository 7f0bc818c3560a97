"""A package against a rule set, through the contract."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from yiwang.data.catalog import contract as catalog
from yiwang.data.catalog.terms import ItemSpec
from yiwang.data.governance import contract
from yiwang.data.governance.models import Finding, Rule, RuleSet, Run
from yiwang.data.governance.services import rules, running
from yiwang.data.governance.terms import RunState, Severity
from yiwang.data.governance.terms.templates import TEMPLATES
from yiwang.data.governance.tests.world import OPEN, World
from yiwang.kernel.access.actors import SYSTEM, Conflict, Invalid, Refused
from yiwang.kernel.lake import engine
from yiwang.kernel.lake.testing import parquet
from yiwang.kernel.people.models import Account


def by_code(verdict: contract.Verdict) -> dict[str, tuple[int, int]]:
    return {each.code: (each.failed, each.unknown) for each in verdict.by_rule if each.failed or each.unknown}


def checked(world: World, *rows: dict[str, object], package: str = "P1") -> contract.Verdict:
    return contract.check(SYSTEM, world.facts.id, world.sheet(*rows), package)


def test_a_new_edition_leads_on_to_its_draft(world: World) -> None:
    published = rules.publish(world["治理员"], rules.draft(world["治理员"], world.facts.id))
    browser = Client()
    browser.force_login(Account.objects.get(person=world["治理员"].person_id))
    answer = browser.post(f"/r/governance.rule_set/{published.pk}/act/draft/", {})
    draft = RuleSet.objects.get(resource=world.facts.id, state="draft")
    assert answer.headers["Location"] == f"/governance/rules/{draft.pk}/"
    assert browser.get(answer.headers["Location"]).status_code == 200
    read_only = browser.get(f"/governance/rules/{published.pk}/")
    assert read_only.headers["Location"] == f"/r/governance.rule_set/{published.pk}/"


def test_wrong_rules_come_back_with_a_sentence_and_nothing_is_lost(world: World) -> None:
    draft = rules.draft(world["治理员"], world.facts.id)
    count, address = draft.rules.count(), f"/governance/rules/{draft.pk}/"
    browser = Client()
    browser.force_login(Account.objects.get(person=world["治理员"].person_id))
    for template in (*TEMPLATES, "expression"):
        assert browser.get(address, {"template": template}).status_code == 200, template
    written = {
        "template": "expression",
        "name": "电话",
        "reason": "须为本市号码",
        "expression": "starts_with(phone, '027')",
    }
    for given, word in (
        ({"template": "required"}, "还缺：字段"), ({"template": "required", "field": "nope"}, "没有字段“nope”"),
        ({"template": "required", "field": "phone", "reason": "长" * 301}, "理由有 301 字，至多 300 字"),
        ({"template": "required", "field": "phone", "severity": "!!不是"}, "“处理”请从列表中选择"),
        ({"template": "nothing"}, "没有模板"), ({**written, "expression": ""}, "条件"), ({**written, "expression": "select 1"}, "规则不能用"),
        ({**written, "name": "长" * 201}, "名称有 201 字"), ({**written, "dimension": "x"}, "“质量维度”请从列表中选择"),
        ({**written, "expression": "1=1 and " * 900 + "1=1"}, "至多 4000"),
    ):  # fmt: skip
        answer = browser.post(f"{address}add/", given)
        assert answer.status_code == 422 and word in answer.content.decode(), given
    assert "须为本市号码" in answer.content.decode() and draft.rules.count() == count
    assert browser.post(f"{address}add/", written).status_code == 302
    assert draft.rules.count() == count + 1


def test_a_resource_without_rules_starts_with_what_its_catalogue_promises(world: World) -> None:
    verdict = checked(world, {}, {"name": "不详"}, {"id_number": "110105194912310021"}, {"joined": "2024-02-30"})
    assert (verdict.rows, verdict.valid, verdict.bad) == (4, 1, 3)
    assert by_code(verdict) == {"required_2": (1, 0), "cn_id": (1, 0), "typed": (1, 0)}
    rule_set = RuleSet.objects.get(resource=world.facts.id)
    assert (rule_set.state, rule_set.number, len(rule_set.digest)) == ("published", 1, 64)


def kept(verdict: contract.Verdict, name: str = "valid.parquet") -> list[dict[str, Any]]:
    with contract.kept(verdict.run_id, name) as (path,):
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def test_dirt_is_repaired_and_each_cell_keeps_both_values(world: World) -> None:
    verdict = checked(
        world, {"id_number": "１１０１０５４９１２３１００２", "joined": "2024年1月5日", "amount": "1,234.5元"},
        {"id_number": "11O10519491231002x", "joined": "45296", "phone": "—"}, {"name": " 张三\u3000"},
    )  # fmt: skip
    assert verdict.bad == 0
    rows = sorted(kept(verdict), key=lambda row: row["no"])
    assert [row["id_number"] for row in rows] == ["11010519491231002X"] * 3
    assert [str(row["joined"]) for row in rows] == ["2024-01-05", "2024-01-05", "2024-01-05"]
    assert str(rows[0]["amount"]) == "1234.5000"
    assert rows[1]["phone"] is None
    cells = kept(verdict, "repairs.parquet")
    assert {"row": 1, "field": "phone", "old": "—", "new": None} in cells
    assert {"row": 0, "field": "joined", "old": "2024年1月5日", "new": "2024-01-05"} in cells
    run = Run.objects.get(pk=verdict.run_id)
    assert (run.repaired, run.repaired_rows) == (len(cells), len({cell["row"] for cell in cells}))


def test_of_repeated_keys_the_latest_row_that_is_right_stays(world: World) -> None:
    verdict = checked(
        world, {"no": "X", "joined": "2024-01-01"}, {"no": "X", "joined": "2024-03-01", "name": "李四"},
        {"no": "X", "joined": "2024-05-01", "name": ""},
    )  # fmt: skip
    assert by_code(verdict) == {"required_2": (1, 0), "unique": (2, 0)}
    assert [row["name"] for row in kept(verdict)] == ["李四"]


def publish(world: World, *added: tuple[str, dict[str, object]], **more: object) -> RuleSet:
    draft = rules.draft(world["治理员"], world.facts.id)
    for template, blanks in added:
        rules.add_rule(world["治理员"], draft, template, blanks, **more)
    return rules.publish(world["治理员"], draft)


def test_every_kind_of_rule(world: World) -> None:
    world.snapshot({"no": "A1", "name": "张三", "sex": "女"}, {"no": "A9", "name": "王五", "sex": "男"})
    table = world.facts.table
    draft = rules.draft(world["治理员"], world.facts.id)
    add = lambda template, **blanks: rules.add_rule(world["治理员"], draft, template, blanks, severity=Severity.WARN)  # noqa: E731
    add("referential", fields=["no"], reference=table, other_fields=["no"])
    add("dependency", fields=["name"], dependent="sex")
    add("volume", low=0.5, high=2)
    add("fresh", field="joined", days=30)
    add("metric", field="amount", metric="mean", low=0, high=20)
    add("present_share", field="phone", high=0.5)
    rules.add_cross(
        world["治理员"], draft, name="与上一期性别一致", expression="other_sex = sex", reason="性别变了", reference=table, fields=["no"],
        other_fields=["no"], other_columns={"no": "text", "sex": "text"}, severity=Severity.WARN,
    )  # fmt: skip
    rules.publish(world["治理员"], draft)
    verdict = checked(world, {"sex": "男"}, {"no": "A9", "name": "张三"}, {"no": "B1", "name": "张三"})
    found = by_code(verdict)
    assert found.pop("cn_id", None) is None
    assert found == {"referential": (1, 0), "dependency": (1, 0), "fresh": (1, 0), "cross": (2, 0)}
    assert verdict.bad == 0
    again = checked(world, *[{}] * 9, package="P2")
    assert by_code(again)["volume"] == (1, 0)
    assert Finding.objects.get(run_id=again.run_id, rule__code="volume").measure == 3.0


def test_unknown_is_not_a_pass(world: World) -> None:
    draft = rules.draft(world["治理员"], world.facts.id)
    rules.add_expression(
        world["治理员"], draft, name="电话开头", expression="starts_with(phone, '027')", reason="须为本市号码"
    )
    rules.publish(world["治理员"], draft)
    verdict = checked(world, {}, {"phone": None}, {"phone": "0711-3220000"})
    assert by_code(verdict) == {"rule": (1, 1)}
    assert verdict.bad == 2


def test_the_same_package_is_checked_once_and_changed_content_refused(world: World) -> None:
    sheet = world.sheet({}, {"name": ""})
    first = contract.check(SYSTEM, world.facts.id, sheet, "P1")
    assert contract.check(SYSTEM, world.facts.id, sheet, "P1") == first
    assert Run.objects.count() == 1
    with pytest.raises(Conflict, match=r"内容变了.+点“重放”"):
        contract.check(SYSTEM, world.facts.id, world.sheet({}), "P1")


def test_a_check_left_half_done_by_an_older_platform_is_done_again(world: World) -> None:
    """The digest was made in another way then; nothing was concluded, so nothing is refused."""
    sheet = world.sheet({}, {"name": ""})
    rule_set = running.published(SYSTEM, world.facts.id)
    for state in ("running", "failed"):
        left = Run.objects.create(rule_set=rule_set, package=f"P-{state}", digest="0" * 64, as_of="2026-01-01", state=state,
                                  organisation_id=rule_set.organisation_id)  # fmt: skip
        assert contract.check(SYSTEM, world.facts.id, sheet, left.package).run_id == left.pk
        left.refresh_from_db()
        assert left.state == "done" and left.digest == running.digest_of(Path(sheet)) and left.bad == 1


def test_a_killed_check_starts_again(world: World) -> None:
    """What a killed worker leaves: a running row, a half-made folder."""
    sheet = world.sheet({})
    rule_set = running.published(SYSTEM, world.facts.id)
    left = Run.objects.create(
        rule_set=rule_set,
        package="P1",
        digest=running.digest_of(Path(sheet)),
        as_of="2026-01-01",
        organisation_id=rule_set.organisation_id,
    )
    folder = Path(world.folder / "lake" / left.folder)
    folder.mkdir(parents=True)
    (folder / "valid.parquet").write_bytes(b"half")
    verdict = contract.check(SYSTEM, world.facts.id, sheet, "P1")
    assert (verdict.run_id, verdict.valid) == (left.pk, 1)
    assert len(kept(verdict)) == 1


def test_a_rule_that_never_ends_is_ended_with_words(world: World) -> None:
    sheet = world.sheet(*[{"name": f"n{number}"} for number in range(3000)])
    rule_set = publish(world)
    assert rule_set.number == 1
    with pytest.raises(engine.EngineFailed, match="上限"):
        running.check(SYSTEM, world.facts.id, sheet, "P1", seconds=0.01)
    run = Run.objects.get()
    assert run.state == RunState.FAILED
    assert "已中止" in run.message
    assert contract.check(SYSTEM, world.facts.id, sheet, "P1").valid == 3000


def test_a_published_rule_set_never_changes(world: World) -> None:
    rule_set = publish(world)
    with pytest.raises(Refused, match="已发布"):
        rules.add_rule(world["治理员"], rule_set, "required", {"field": "phone"})
    with pytest.raises(DatabaseError), transaction.atomic():
        Rule.objects.filter(rule_set=rule_set).update(expression="TRUE")
    newer = publish(world, ("required", {"field": "phone"}))
    rule_set.refresh_from_db()
    assert (rule_set.state, newer.number, newer.rules.count()) == ("retired", 2, rule_set.rules.count() + 1)


@pytest.mark.parametrize(
    ("template", "blanks", "word"),
    [
        ("nothing", {}, "没有模板"),
        ("required", {}, "还缺：字段"),
        ("required", {"field": "nope"}, "没有字段“nope”"),
        ("range", {"field": "name", "low": 1, "high": 2}, "两边类型不同"),
        ("range", {"field": "amount", "low": "x", "high": 2}, "不是数字"),
        ("pattern", {"field": "name", "pattern": "(a+)+"}, "耗时可能无限增长"),
        ("unique", {"fields": ["nope"]}, "没有字段“nope”"),
    ],
)
def test_a_wrong_template_is_refused_when_it_is_added(
    world: World, template: str, blanks: dict[str, object], word: str
) -> None:
    draft = rules.draft(world["治理员"], world.facts.id)
    with pytest.raises(Invalid, match=word.replace("(", "\\(")):
        rules.add_rule(world["治理员"], draft, template, blanks)


def test_who_may_write_rules(world: World) -> None:
    draft = rules.draft(world["治理员"], world.facts.id)
    for name in ("住建治理岗", "用数单位"):
        with pytest.raises(Refused):
            rules.draft(world[name], world.facts.id)
        with pytest.raises(Refused):
            rules.add_rule(world[name], draft, "required", {"field": "phone"})
        with pytest.raises(Refused):
            rules.publish(world[name], draft)


def test_names_of_items_are_the_departments_own(world: World, tmp_path: Path) -> None:
    """Whatever the engine calls its own columns, no item can be called so."""
    names = ("c0", "m0", "u0", "blocked", "row", "old", "made", "k0", "flags", "judged", "received",
             "h", "place", "value", "n")  # fmt: skip
    items = tuple(ItemSpec(name, f"项{name}", length=9, nullable=name != "c0", **OPEN) for name in names)
    facts = catalog.resource(SYSTEM, world.district.published("字段名特别", items=items).pk)
    draft = rules.draft(SYSTEM, facts.id)
    rules.add_rule(SYSTEM, draft, "unique", {"fields": ["h", "place"]})
    rules.add_rule(SYSTEM, draft, "dependency", {"fields": ["value", "n"], "dependent": "c0"})
    rules.add_values(SYSTEM, draft, field="m0", by=["k0"], values=[["甲", "错", "对"]], reason="测试")
    rules.publish(SYSTEM, draft)
    rows = [dict.fromkeys(names, "甲") | {"_row": 2, "m0": "错"}, dict.fromkeys(names, "甲") | {"_row": 3, "c0": None}]
    columns = [{"name": name, "type": "text"} for name in names] + [{"name": "_row", "type": "integer"}]
    verdict = contract.check(SYSTEM, facts.id, parquet(tmp_path, columns, rows), "P1")
    assert (verdict.valid, verdict.bad) == (1, 1)
    assert kept(verdict) == [dict.fromkeys(names, "甲") | {"m0": "对"}]
    assert [(row["field"], row["old"], row["new"]) for row in kept(verdict, "repairs.parquet")] == [("m0", "错", "对")]
