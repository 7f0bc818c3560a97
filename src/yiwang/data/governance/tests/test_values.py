"""Tables of values hold what the data hold: sealed at rest, masked on every page, plain for a stated purpose only."""

from importlib import import_module
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.test import Client

from yiwang.data.catalog import contract as catalog
from yiwang.data.collection.demo.building import SLIPPED_ROWS, generated
from yiwang.data.collection.demo.building import SLIPS as PLANTED
from yiwang.data.governance import contract, queries
from yiwang.data.governance.models import Proposal, Repair
from yiwang.data.governance.services import erasing, proposing, rules
from yiwang.data.governance.tests.test_profiling import STREETS, streets
from yiwang.data.governance.tests.world import World
from yiwang.data.protection.models import AccessEntry
from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.crypto import keys
from yiwang.kernel.keys import services as renewal
from yiwang.kernel.lake.erasing import Subject
from yiwang.kernel.lake.testing import parquet
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.people.models import Account

SLIPS = {"r5": "江岸区", "r10": "", "r21": "硚口区域", "r7": "江按区"}
TABLES = ("flow_entry", "flow_outbox", "governance_objection", "messages_message", "governance_repair", "governance_proposal", "governance_rule", "governance_ruleset", "governance_finding", "ledger_entry", "jobs_job",
          "protection_accessentry", "flow_case")  # fmt: skip


def lying_clear(*words: str) -> list[str]:
    """Tables in which one of the words can be read."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        known = {name for (name,) in cursor.fetchall()} & set(TABLES)
        found = []
        for table in sorted(known):
            for word in words:
                cursor.execute(f'SELECT count(*) FROM "{table}" AS t WHERE t::text LIKE %s', [f"%{word}%"])  # noqa: S608
                found += [f"{table}: {word}"] * bool(cursor.fetchone()[0])
    return found


def client_of(actor: Actor) -> Client:
    client = Client()
    client.force_login(Account.objects.get(person_id=actor.person_id))
    return client


def proposed(world: World, levels: dict[str, tuple[int, str]] | None = None) -> list[Proposal]:
    """What a profile of a sheet with slips proposes to mend in 性别; no item is graded but those given."""
    if levels:
        graded = {item.id: levels[item.name] for item in world.facts.items if item.name in levels}
        catalog.set_levels(SYSTEM, world.facts.id, graded, "测试")
    run = contract.check(SYSTEM, world.facts.id, world.sheet(*streets(120, **SLIPS)), "P1")
    proposing.profile(world["治理员"], run.run_id)
    return list(Proposal.objects.filter(template="mend", params__field="sex"))


@pytest.mark.parametrize("levels", [None, {"name": (3, "name"), "sex": (3, "")}], ids=["not graded", "level 3"])
def test_a_repair_of_sealed_fields_goes_the_whole_way_and_lies_nowhere_in_the_clear(
    world: World, levels: dict[str, tuple[int, str]] | None, settings: Any
) -> None:
    steward = world["治理员"]
    mends = proposed(world, levels)
    assert ("name",) in {tuple(each.params["by"]) for each in mends}
    for each in mends:
        proposing.accept(steward, each.pk)
    rules.publish(steward, rules.draft(steward, world.facts.id))
    assert Repair.objects.exclude(values="").exists()
    assert lying_clear("江岸区", "硚口区", "江按区", "汉正街", "月湖街") == []
    first = settings.SECRET_KEY
    old = keys.identifier(keys.current("encrypt"))
    renewal.keep_derived()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another-secret-of-the-site", [first]
    assert renewal.renew() >= 2
    settings.SECRET_KEY_FALLBACKS = []
    assert not lying_clear(f".{old}.")
    again = streets(200, **SLIPS, r150="江岸区")
    second = contract.check(SYSTEM, world.facts.id, world.sheet(*again), "P2")
    with contract.kept(second.run_id, "valid.parquet") as (valid,):
        found = {row["no"]: row["sex"] for row in pq.read_table(valid).to_pylist()}
    assert found == {f"A{number}": STREETS[row["name"]] for number, row in enumerate(again, 1)}
    assert lying_clear("江岸区", "硚口区", "江按区", "汉正街", "月湖街") == []


def test_pages_mask_the_table_until_a_purpose_is_stated_and_noted(world: World) -> None:
    steward = world["治理员"]
    found = next(
        each for each in proposed(world, {"name": (3, "name"), "sex": (2, "")}) if each.params["by"] == ["name"]
    )
    client = client_of(steward)
    address = f"/governance/proposals/{found.pk}/values/"
    for page in (f"/r/governance.proposal/{found.pk}/", address):
        shown = client.get(page).content.decode()
        assert "硚口区" in shown and "汉**" in shown and "汉正街" not in shown
    for purpose in ("", " 核对 ", "12345"):
        refused = client.post(address, {"purpose": purpose})
        assert refused.status_code == 422 and "用途至少写 6 个字" in refused.content.decode()
        assert "汉正街" not in refused.content.decode()
    assert not AccessEntry.objects.exists()
    plain = client.post(address, {"purpose": "核对人员登记的修复建议"})
    assert "汉正街" in plain.content.decode() and "no-store" in plain.headers["Cache-Control"]
    noted = AccessEntry.objects.get()
    assert (noted.person_id, noted.fields, noted.door, noted.reference) == (
        steward.person_id, ["name"], "repair_table", f"governance.proposal:{found.pk}",
    )  # fmt: skip
    assert noted.get_door_display() == "查看修复对照表"
    assert Entry.objects.filter(action="governance.reveal", reason="核对人员登记的修复建议").exists()
    assert "汉正街" not in client.get(address).content.decode()
    assert lying_clear("汉正街") == []


def test_an_accepted_repair_s_table_is_masked_for_all_and_plain_for_who_may(world: World) -> None:
    steward = world["治理员"]
    draft = rules.draft(steward, world.facts.id)
    kept = rules.add_values(
        steward, draft, field="sex", by=["name"], values=[["汉正街", "", "硚口区"]], reason="与同组其他行不一致"
    )
    address = f"/governance/rules/{draft.pk}/repairs/{kept.pk}/"
    shown = client_of(steward).get(address).content.decode()
    assert "<td>****</td><td>（空）</td><td>****</td>" in shown and "登记并查看" in shown
    assert "硚口区" in client_of(steward).post(address, {"purpose": "核对人员登记的修复建议"}).content.decode()
    provider = client_of(world["住建治理岗"])
    own = provider.get(address).content.decode()
    assert "<td>****</td>" in own and "登记并查看" not in own
    for name in ("住建治理岗", "教育治理岗", "用数单位"):
        answer = client_of(world[name]).post(address, {"purpose": "核对人员登记的修复建议"})
        assert answer.status_code in (403, 404) and "硚口区" not in answer.content.decode()
    assert AccessEntry.objects.count() == 1
    repair = rules.add_repair(steward, draft, field="phone", expression="norm_text(phone)", reason="清理写法")
    for wrong in (
        f"/governance/rules/{draft.pk}/repairs/{repair.pk}/",
        f"/governance/rules/{draft.pk}/repairs/999999/",
    ):
        assert client_of(steward).get(wrong).status_code == 404
    with_no_table = Proposal.objects.create(
        organisation_id=world.facts.organisation_id, resource=world.facts.id, resource_name="人员登记", template="required", name="x",
        params={"field": "sex"}, digest="1" * 64, support="0.9",
    )  # fmt: skip
    assert client_of(steward).get(f"/governance/proposals/{with_no_table.pk}/values/").status_code == 404


def test_slips_of_the_demonstration_are_proposed_and_mended(world: World) -> None:
    """Generated records of what was done for people, with the truth beside them."""
    spec, steward = catalog.ItemSpec, world["治理员"]
    items = tuple(
        spec(name, title, length=100, is_key=not number, nullable=bool(number), share_condition="限核验")
        for number, (name, title) in enumerate(
            (
                ("record_no", "登记编号"),
                ("id_number", "公民身份号码"),
                ("person_name", "姓名"),
                ("kind", "类别"),
                ("handler", "经办机构"),
            )
        )
    )
    facts = catalog.resource(SYSTEM, world.district.published("办理结果", items=items).pk)
    (_, *dirty), _ = generated(facts, SLIPPED_ROWS, slips=PLANTED)
    (_, *truth), _ = generated(facts, SLIPPED_ROWS, slips=0)
    columns = [{"name": item.name, "type": "text"} for item in items]
    sheet = parquet(
        world.folder, columns, [dict(zip((item.name for item in items), row, strict=True)) for row in dirty]
    )
    proposing.profile(steward, contract.check(SYSTEM, facts.id, sheet, "P1").run_id)
    made = list(Proposal.objects.filter(resource=facts.id, template="mend"))
    assert {each.params["field"] for each in made} == {"person_name", "handler"}
    for each in made:
        proposing.accept(steward, each.pk)
    rules.publish(steward, rules.draft(steward, facts.id))
    second = contract.check(SYSTEM, facts.id, sheet, "P2")
    with contract.kept(second.run_id, "valid.parquet") as (valid,):
        mended = [
            [value or "" for value in row.values()]
            for row in pq.read_table(valid, columns=[item.name for item in items]).to_pylist()
        ]
    wrong = sum(one != other for one, other in zip(dirty, truth, strict=True))
    assert wrong >= 6
    assert sorted(mended) == sorted(truth)


def test_a_published_set_gives_way_to_a_new_token_only(world: World) -> None:
    steward = world["治理员"]
    draft = rules.draft(steward, world.facts.id)
    kept = rules.add_values(steward, draft, field="sex", by=[], values=[["女性", "女"]], reason="单位写法不一")
    rules.publish(steward, draft)
    for change in ({"field": "name"}, {"by": ["name"]}, {"reason": "x"}, {"values": "", "position": 7}):
        with pytest.raises(DatabaseError, match="do not change"), transaction.atomic():
            Repair.objects.filter(pk=kept.pk).update(**change)
    with pytest.raises(DatabaseError, match="do not change"), transaction.atomic():
        kept.delete()


def test_a_deleted_person_leaves_every_table_and_the_check_goes_on(world: World) -> None:
    steward, subject = world["治理员"], Subject(("11010519491231002X",))
    draft = rules.draft(steward, world.facts.id)
    rules.add_values(
        steward, draft, field="sex", by=["id_number"], reason="与同组其他行不一致",
        values=[["１１０１０５１９４９１２３１００２x", "男", "女"], ["420104199001011234", "", "女"]],
    )  # fmt: skip
    rules.add_values(
        steward,
        draft,
        field="id_number",
        by=[],
        values=[["11010519491231002X。", "11010519491231002X"]],
        reason="疑似错字",
    )
    rules.publish(steward, draft)
    assert [each.rows for each in erasing.search(subject).traces] == [1, 1]
    assert [each.rows for each in erasing.erase_values(SYSTEM, subject, "本人要求删除").traces] == [1, 1]
    assert erasing.search(subject).traces == []
    first, second = Repair.objects.filter(rule_set=draft, expression="").order_by("pk")
    assert queries.values_of(first) == [["420104199001011234", "", "女"]] and queries.values_of(second) == []
    assert contract.check(SYSTEM, world.facts.id, world.sheet({}, {}), "P1").valid == 2
    assert "对照表已依法删空" in client_of(steward).get(f"/r/governance.rule_set/{draft.pk}/").content.decode()


def test_the_migration_carries_old_rows(world: World) -> None:
    """Its own functions, on rows as the version before left them, and back."""
    migration = import_module("yiwang.data.governance.migrations.0011_sealed_values")
    steward = world["治理员"]
    draft = rules.draft(steward, world.facts.id)
    repair = rules.add_values(steward, draft, field="sex", by=["name"], values=[["汉正街", "", "硚口区"]], reason="x")
    listed = [{"where": ["汉正街"], "old": "", "new": "硚口区", "cells": 2}]
    made = Proposal.objects.create(
        organisation_id=world.facts.organisation_id, resource=world.facts.id, resource_name="人员登记", template="mend", name="x",
        params={"field": "sex", "by": ["name"]}, digest="2" * 64, support="0.9", evidence={"why": "x", "cells": 2, "values": listed},
    )  # fmt: skip
    Repair.objects.filter(pk=repair.pk).update(values='[["汉正街", "", "硚口区"]]')
    Repair.objects.filter(pk__in=draft.repairs.exclude(pk=repair.pk)).update(values="[]")
    migration.seal(apps, None)
    repair.refresh_from_db()
    made.refresh_from_db()
    assert queries.values_of(repair) == [["汉正街", "", "硚口区"]] and lying_clear("汉正街", "硚口区") == []
    assert queries.values_of(made) == [["汉正街", "", "硚口区", 2]] and made.evidence["values"] == 1
    assert set(draft.repairs.exclude(pk=repair.pk).values_list("values", flat=True)) == {""}
    migration.unseal(apps, None)
    repair.refresh_from_db()
    made.refresh_from_db()
    assert (repair.values, made.evidence["values"]) == ('[["汉正街", "", "硚口区"]]', listed)
