"""What values suggest as rules, and what a person makes of it."""

import random

import pyarrow.parquet as pq
import pytest
from django.test import Client

from yiwang.data.catalog import contract as catalog
from yiwang.data.governance import contract, queries
from yiwang.data.governance.jobs import dependencies, mending, profiling
from yiwang.data.governance.models import Proposal
from yiwang.data.governance.services import proposing, rules
from yiwang.data.governance.tests.world import World
from yiwang.kernel.access.actors import SYSTEM, Conflict, Invalid, Refused
from yiwang.kernel.people.models import Account
from yiwang.standards import corpus

CHANCE = random.Random(3)
IDS = [
    text for row in corpus.rows(3000) if (text := row["id"]) and len(text) == 18 and profiling.named("cn_id_ok")(text)
]  # type: ignore[misc]


def table(rows: int = 400) -> mending.Table:
    """Streets in districts, with slips."""
    streets = [
        ("汉正街", "硚口区"),
        ("宝丰街", "硚口区"),
        ("一元街", "江岸区"),
        ("二七街", "江岸区"),
        ("月湖街", "汉阳区"),
    ]
    drawn = [CHANCE.choice(streets) for _ in range(rows)]
    return {
        "street": [street for street, _ in drawn], "district": [district for _, district in drawn],
        "status": [CHANCE.choice(["在业", "注销", "吊销"]) for _ in range(rows)],
        "code": [f"QK-{number:05d}" for number in range(rows)],
        "day": [f"20{CHANCE.randint(10, 25)}-0{CHANCE.randint(1, 9)}-1{CHANCE.randint(0, 9)}" for _ in range(rows)],
        "area": [f"{CHANCE.randint(10, 99)}.5" for _ in range(rows)],
    }  # fmt: skip


def found(made: mending.Table, titles: dict[str, str] | None = None) -> set[tuple[str, str]]:
    proposals = profiling.suggest(made, titles)
    return {(each["template"], each["params"].get("field") or "+".join(each["params"]["fields"])) for each in proposals}


def test_each_class_of_values_gets_its_rule() -> None:
    made = table()
    made["holder"] = [CHANCE.choice(IDS) for _ in made["code"]]
    proposed = found(made)
    assert {("unique", "code"), ("pattern", "code"), ("options", "status"), ("is_date", "day"), ("is_number", "area"),
            ("dependency", "street"), ("cn_id", "holder"), ("required", "street")} <= proposed  # fmt: skip
    assert ("dependency", "status") not in proposed
    assert ("dependency", "district") not in proposed


def test_a_title_lowers_the_bar_for_a_checksum() -> None:
    values = [CHANCE.choice(IDS) if number % 3 else f"4201041990010100{number % 90 + 10}" for number in range(300)]
    assert ("cn_id", "x") not in found({"x": values})
    assert ("cn_id", "x") in found({"x": values}, {"x": "居民身份证号"})


def test_slips_are_mended_by_the_rest_of_the_table() -> None:
    made = table()
    made["district"][7], made["district"][9], made["status"][11] = (
        "",
        "江按区" if made["district"][9] == "江岸区" else "错口区",
        "在叶",
    )
    made["area"][3] = made["area"][3] + "㎡"
    made["code"][5] = "不详"
    truth = {"street": made["street"][7], "other": made["street"][9]}
    depends = [(each.determinants, each.dependent, each.confidence) for each in dependencies.discover(made)]
    mends = {(each.row, each.field): each for each in mending.mend(made, depends)}
    pairs = dict(zip(made["street"][20:], made["district"][20:], strict=True))
    assert mends[7, "district"].new == pairs[truth["street"]]
    assert mends[9, "district"].new == pairs[truth["other"]]
    assert mends[3, "area"].new == made["area"][3].removesuffix("㎡").removesuffix("㎡")
    assert mends[5, "code"].new == ""
    assert set(mends) <= {(7, "district"), (9, "district"), (11, "status"), (3, "area"), (5, "code")}


def test_a_clean_table_is_left_alone() -> None:
    made = table()
    depends = [(each.determinants, each.dependent, each.confidence) for each in dependencies.discover(made)]
    assert mending.mend(made, depends) == []


def mended(made: mending.Table) -> dict[tuple[int, str], str]:
    depends = [(each.determinants, each.dependent, each.confidence) for each in dependencies.discover(made)]
    return {(each.row, each.field): each.new for each in mending.mend(made, depends)}


def test_numbers_of_a_program_and_signs_it_protected_are_written_plainly() -> None:
    rates = [CHANCE.choice(["7.0", "5.3", "4.75", "0.0"]) for _ in range(60)]
    prices = [CHANCE.choice(["12.50", "8.00", "7.10"]) for _ in range(60)]
    holders = [f"O''Boyle{chr(0x4E00 + row)}" if row == 3 else f"A&amp;B{chr(0x4E00 + row)}" if row == 5 else f"甲''乙''{row}" if row == 8
               else f"陈{chr(0x4E00 + row)}" for row in range(60)]  # fmt: skip
    found = mended({"rate": rates, "price": prices, "holder": holders})
    whole = {(row, "rate"): rate.removesuffix(".0") for row, rate in enumerate(rates) if rate.endswith(".0")}
    assert whole.items() <= found.items()
    assert {key: new for key, new in found.items() if key not in whole} == {
        (3, "holder"): "O'Boyle\u4e03", (5, "holder"): "A&B\u4e05", (8, "holder"): "甲'乙'8",
    }  # fmt: skip


def test_a_group_with_two_values_of_its_own_has_no_vote() -> None:
    """Every street but one lies in one district; that one is cut in two, and its smaller part is no mistake."""
    made = table(400)
    split = [row for row, street in enumerate(made["street"]) if street == "月湖街"]
    for row in split[: len(split) // 4]:
        made["district"][row] = "硚口区"
    slip = next(row for row, street in enumerate(made["street"]) if street == "汉正街")
    made["district"][slip] = "江岸区"
    found = mended({"street": made["street"], "district": made["district"]})
    assert found == {(slip, "district"): "硚口区"}


def test_a_very_dirty_table_still_shows_what_depends_on_what() -> None:
    made = table(600)
    truth = list(made["district"])
    spoilt = CHANCE.sample(range(600), 190)
    for row in spoilt:
        made["district"][row] = f"乱码{CHANCE.randint(1, 10**6)}"
    pair = {"street": made["street"], "district": made["district"]}
    assert [(each.determinants, each.dependent) for each in dependencies.discover(pair)] == [(("street",), "district")]
    assert mended(pair) == {(row, "district"): truth[row] for row in spoilt}


def reports(reporter: str, count: int) -> mending.Table:
    """Of 40 shops `count` reports each: the opening hour agreed on, the area half of them got wrong each in its own way."""
    made: mending.Table = {"shop": [], "reporter": [], "district": [], "area": []}
    for shop in range(40):
        for number in range(count):
            made["shop"].append(f"店{chr(0x4E00 + shop)}")
            made["reporter"].append(reporter.format(chr(0x5E00 + number), number + 1))
            made["district"].append("硚口区江岸区汉阳区"[3 * (shop % 3) :][:3])
            made["area"].append(f"{shop + 100}" if number % 2 else f"{CHANCE.randint(1000, 9999)}")
    return made


def test_codes_that_end_in_a_check_letter_carry_no_unit() -> None:
    numbers = [f"1199011990{row:07d}{'X' if row % 11 == 3 else row % 10}" for row in range(200)]
    areas = [f"{row + 10}{'㎡' if row % 11 == 3 else ''}" for row in range(200)]
    found = mended({"holder": numbers, "area": areas})
    assert {field for _, field in found} == {"area"} and len(found) == sum(row % 11 == 3 for row in range(200))


def test_one_object_told_of_by_several_reporters_is_one_object() -> None:
    pairs = {(each.determinants, each.dependent) for each in dependencies.discover(reports("{0}局", 12))}
    assert (("shop",), "area") in pairs
    by_month = {(each.determinants, each.dependent) for each in dependencies.discover(reports("2026-{1:02d}", 12))}
    assert (("shop",), "area") not in by_month
    assert (("shop",), "district") in by_month


STREETS = {"汉正街": "硚口区", "宝丰街": "硚口区", "一元街": "江岸区", "二七街": "江岸区", "月湖街": "汉阳区"}


def streets(count: int, **wrong: str) -> list[dict[str, str]]:
    """Rows of a street (姓名) in its district (性别); `wrong`: row r7 has that district."""
    rows = []
    for number in range(count):
        street = list(STREETS)[number % len(STREETS)]
        rows.append({"name": street, "sex": wrong.get(f"r{number}", STREETS[street])})
    return rows


def test_an_accepted_mend_changes_the_wrong_rows_and_no_right_one(world: World) -> None:
    """江岸区 is wrong in 汉正街 and right in 一元街; what was agreed to holds for the next package."""
    steward, slips = world["治理员"], {"r5": "江岸区", "r10": "", "r21": "硚口区域", "r7": "江按区"}
    graded = {item.id: (2, "") for item in world.facts.items if item.name in ("name", "sex")}
    catalog.set_levels(SYSTEM, world.facts.id, graded, "测试")
    first = contract.check(SYSTEM, world.facts.id, world.sheet(*streets(120, **slips)), "P1")
    proposing.profile(steward, first.run_id)
    mends = Proposal.objects.filter(template="mend", params__field="sex")
    assert ("name",) in {tuple(each.params["by"]) for each in mends}
    for each in mends:
        assert proposing.accept(steward, each.pk) is None
    rules.publish(steward, rules.draft(steward, world.facts.id))
    again = streets(200, **slips, r150="江岸区")
    second = contract.check(SYSTEM, world.facts.id, world.sheet(*again), "P2")
    with contract.kept(second.run_id, "valid.parquet") as (valid,):
        found = {row["no"]: row["sex"] for row in pq.read_table(valid).to_pylist()}
    assert found == {f"A{number}": STREETS[row["name"]] for number, row in enumerate(again, 1)}


def test_slips_of_a_later_package_are_proposed_and_those_decided_are_not(world: World) -> None:
    steward = world["治理员"]
    graded = {item.id: (2, "") for item in world.facts.items if item.name in ("name", "sex")}
    catalog.set_levels(SYSTEM, world.facts.id, graded, "测试")
    first = contract.check(SYSTEM, world.facts.id, world.sheet(*streets(120, r21="硚口区域", r7="江按区")), "P1")
    proposing.profile(steward, first.run_id)
    mends = Proposal.objects.filter(template="mend", params__field="sex")
    decided = {each.pk for each in mends}
    for each in mends:
        proposing.refuse(steward, each.pk)
    assert proposing.profile(steward, first.run_id) == 0
    later = streets(120, r21="硚口区域", r7="江按区", r33="江岸區")
    second = contract.check(SYSTEM, world.facts.id, world.sheet(*later), "P2")
    proposing.profile(steward, second.run_id)
    (made,) = mends.exclude(pk__in=decided)
    assert {tuple(row[-3:]) for row in queries.values_of(made)} == {("江岸區", "江岸区", 1)}
    assert (made.evidence["cells"], made.evidence["values"]) == (1, 1)
    proposing.profile(steward, second.run_id)
    assert mends.all().count() == len(decided) + 1


def test_values_of_sealed_fields_stand_in_the_table_alone() -> None:
    made = table()
    made["district"][7] = ""
    plain = profiling.suggest(made)
    assert any("硚口区" in str(each["params"]) for each in plain if each["template"] == "options")
    kept = profiling.suggest(made, sealed=frozenset(made))
    assert any(each["template"] == "mend" and each["params"]["field"] == "district" for each in kept)
    assert not [each for each in kept if each["template"] == "options"]
    area = next(
        each["evidence"] for each in kept if each["params"] == {"field": "area"} and each["template"] == "is_number"
    )
    assert area["present"] == 400 and not profiling.EXTREMES & set(area)
    said = str([{name: part for name, part in each.items() if name != "values"} for each in kept])
    assert not [value for value in ("区", "街", "QK-00001", made["area"][0], made["day"][0]) if value in said]


def test_a_table_of_values_is_whole_or_refused(world: World) -> None:
    steward = world["治理员"]
    draft = rules.draft(steward, world.facts.id)
    for by, values in (
        (["name"], [["汉正街", "江岸区"]]), ([], [["江岸区", "硚口区"], ["江岸区", "汉阳区"]]), (["sex"], [["女", "女", "男"]]), (["没有"], [["a", "b", "c"]]),
        ([], []),
    ):  # fmt: skip
        with pytest.raises(Invalid):
            rules.add_values(steward, draft, field="sex", by=by, values=values, reason="与同组其他行不一致")
    for name in ("住建治理岗", "用数单位"):
        with pytest.raises(Refused):
            rules.add_values(world[name], draft, field="sex", by=[], values=[["a", "b"]], reason="x")
    assert not draft.repairs.filter(field="sex").exists()


def test_an_officer_sees_a_repair_and_takes_it_out_of_the_draft(world: World) -> None:
    steward = world["治理员"]
    draft = rules.draft(steward, world.facts.id)
    kept = rules.add_values(
        steward, draft, field="sex", by=["name"], values=[["汉正街", "江岸区", "硚口区"]], reason="与同组其他行不一致"
    )
    client, gone = Client(), f"/governance/rules/{draft.pk}/repairs/{kept.pk}/remove/"
    client.force_login(Account.objects.get(person_id=steward.person_id))
    table = f"/governance/rules/{draft.pk}/repairs/{kept.pk}/"
    for page in (f"/governance/rules/{draft.pk}/", f"/r/governance.rule_set/{draft.pk}/"):
        shown = client.get(page).content.decode()
        assert f'<a href="{table}">按对照表改写 1 项，对照姓名</a>' in shown
        assert "登记号" in shown and "<td>字段：登记号</td>" in shown and "汉正街" not in shown
    graded = {item.id: (2, "") for item in world.facts.items if item.name in ("name", "sex")}
    catalog.set_levels(SYSTEM, world.facts.id, graded, "测试")
    shown = client.get(table).content.decode()
    assert "<td>汉正街</td><td>江岸区</td><td>硚口区</td>" in shown and "查看明文" not in shown
    other = Client()
    other.force_login(Account.objects.get(person_id=world["用数单位"].person_id))
    assert other.post(gone).status_code == 403
    assert client.post(gone).status_code == 302
    assert not draft.repairs.filter(pk=kept.pk).exists()
    assert client.post(gone).status_code == 404
    again = rules.add_values(steward, draft, field="sex", by=[], values=[["女性", "女"]], reason="单位写法不一")
    rules.publish(steward, draft)
    with pytest.raises(Refused, match="不再改变"):
        rules.remove_repair(steward, again)


def test_a_mend_that_says_not_by_which_fields_is_not_carried_out(world: World) -> None:
    """As an earlier profile proposed them: one value everywhere, also where it is right."""
    made = Proposal.objects.create(
        organisation_id=world.facts.organisation_id, resource=world.facts.id, resource_name="人员登记", template="mend", name="x",
        params={"field": "sex", "why": "dependency"}, digest="0" * 64, support="0.9",
        evidence={"why": "与同组其他行不一致", "cells": 1, "values": [{"old": "江岸区", "new": "硚口区", "cells": 1}]},
    )  # fmt: skip
    with pytest.raises(Conflict, match="重新剖析"):
        proposing.accept(world["治理员"], made.pk)
    made.refresh_from_db()
    assert made.state == "proposed"


def test_a_person_accepts_or_refuses_once(world: World) -> None:
    rows = [{"name": f"张{chr(0x4E00 + number)}", "sex": "女", "phone": "13900000000"} for number in range(60)]
    verdict = contract.check(SYSTEM, world.facts.id, world.sheet(*rows), "P1")
    steward = world["治理员"]
    assert proposing.profile(steward, verdict.run_id) > 3
    assert proposing.profile(steward, verdict.run_id) == 0
    chosen = Proposal.objects.get(template="person_name")
    made = proposing.accept(steward, chosen.pk)
    assert made is not None
    assert (made.template, made.rule_set.state) == ("person_name", "draft")
    with pytest.raises(Conflict, match="已由他人确认"):
        proposing.refuse(steward, chosen.pk)
    for name in ("住建治理岗", "用数单位"):
        with pytest.raises(Refused):
            proposing.profile(world[name], verdict.run_id)
    draft = rules.draft(steward, world.facts.id)
    assert rules.publish(steward, draft).number == 2
