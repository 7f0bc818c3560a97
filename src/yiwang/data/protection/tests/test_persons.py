"""Requests of persons: intake, identity, finding, deletion with proof, answer; the decision page of a scan."""

from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from yiwang.data.catalog import contract as catalog
from yiwang.data.catalog.tests.world import District
from yiwang.data.protection import queries, services
from yiwang.data.protection.models import Deletion, PersonLimit, PersonRequest, Removal, SearchedPlace
from yiwang.data.protection.services import persons
from yiwang.data.protection.tests.world import COLUMNS, holding, people
from yiwang.kernel.access.actors import SYSTEM, Actor, Conflict, Invalid, Refused
from yiwang.kernel.crypto import mac
from yiwang.kernel.flow import services as flow
from yiwang.kernel.lake import queries as lake
from yiwang.kernel.lake import services as lakes
from yiwang.kernel.lake.testing import parquet
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.people.models import Account

pytestmark = pytest.mark.django_db
ROWS = people(60)
WHO = ROWS[3]


def submit(actor: Actor = persons.DESK, **more: str) -> PersonRequest:
    given = {
        "kind": "delete",
        "name": "张三",
        "id_number": WHO["sfz"],
        "contact": "13812345678",
        "statement": "请删除我的登记信息。",
        **more,
    }
    return persons.submit(actor, **given)


def verify(district: District, found: PersonRequest) -> PersonRequest:
    flow.act(district["办理员"], found.case_id, "verify", data={"verified_how": "窗口核验原件"})
    found.refresh_from_db()
    return found


def graded(district: District, folder: Path) -> catalog.ResourceFacts:
    facts = holding(district, folder, ROWS)
    levels = {item.id: (3, "id_number") if item.name == "sfz" else (1, "") for item in facts.items}
    catalog.set_levels(SYSTEM, facts.id, levels, "测试")
    return catalog.resource(SYSTEM, facts.id)


def test_a_person_is_found_and_deleted_from_every_snapshot_with_proof(
    district: District, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    facts = graded(district, tmp_path)
    holding_again = lake.table(facts.table)
    found, clerk = submit(), district["办理员"]
    with pytest.raises(Refused, match="核验"):
        persons.find(clerk, found.pk)
    verify(district, found)
    held = persons.find(clerk, found.pk)
    assert [(each.table, each.rows) for each in held] == [(facts.table, 1)]
    assert WHO["pid"] not in held[0].keys
    with pytest.raises(Refused, match="还没有删除完"):
        flow.act(clerk, found.case_id, "answer", data={"answer": "已删除。"})
    with django_capture_on_commit_callbacks(execute=True):
        gone = persons.erase(clerk, found.pk)
    assert [each.table for each in gone] == [facts.table] and persons.erase(clerk, found.pk) == []
    for snapshot in holding_again.snapshots.filter(expired_at=None):
        assert WHO["pid"] not in {row["pid"] for row in lake.rows(snapshot, ["pid"], limit=100)}
    text = str([(fact.label, fact.value) for section in queries.sections(clerk, found) for fact in section.facts])
    assert "证明核对无误" in text and WHO["sfz"] not in text
    flow.act(clerk, found.case_id, "answer", data={"answer": "已删除。"})
    found.refresh_from_db()
    assert found.answered_at is not None and found.outcome == "done"
    with pytest.raises(Conflict):
        persons.erase(clerk, found.pk)
    with pytest.raises(DatabaseError), transaction.atomic():
        Deletion.objects.filter(request=found).delete()


def test_a_person_of_a_former_snapshot_and_of_many_rows_is_found_and_places_are_named(
    district: District, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    facts = graded(district, tmp_path)
    table = lake.table(facts.table)
    many = [{**WHO, "pid": f"M{number}"} for number in range(1200)]
    for rows in (many, ROWS[:3]):
        staged = lakes.stage(SYSTEM, table, parquet(tmp_path, COLUMNS, rows), "replace", {"test": True})
        lakes.publish(SYSTEM, staged, "测试")
        table.refresh_from_db()
    clerk, found = district["办理员"], submit()
    verify(district, found)
    # The current snapshot does not have the person; two former ones that are still kept do.
    assert [each.rows for each in persons.find(clerk, found.pk)] == [1201]
    assert set(found.places.values_list("place", "searched")) >= {("数据包", 0), ("共享文件包", 0)}
    with django_capture_on_commit_callbacks(execute=True):
        persons.erase(clerk, found.pk)
    for snapshot in table.snapshots.filter(expired_at=None):
        assert WHO["sfz"] not in {row["sfz"] for row in lake.rows(snapshot, ["sfz"], limit=5000)}
    titles = {section.title: section for section in queries.sections(clerk, found)}
    assert {fact.label for fact in titles["查找范围"].facts} >= {"湖表", "数据包", "共享文件包"}


def test_a_library_made_of_the_table_is_searched_and_cleared_too(
    district: District, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    facts, clerk = graded(district, tmp_path), district["办理员"]
    columns = [{"name": name, "title": name, "type": "text"} for name in ("uid", "number")]
    made = lakes.ensure_table(SYSTEM, "library_people", "人口基础库", columns, ["uid"])
    rows = [{"uid": f"U{position}", "number": row["sfz"]} for position, row in enumerate(ROWS)]
    edges = [
        {
            "column": "number",
            "source": lake.table(facts.table),
            "source_column": "sfz",
            "origin": "",
            "transform": "归一",
        }
    ]
    lakes.publish(
        SYSTEM, lakes.stage(SYSTEM, made, parquet(tmp_path, columns, rows), "replace", {}, edges=edges), "测试"
    )
    found = verify(district, submit(kind="withdraw"))
    with pytest.raises(Refused, match="还没有查找"):
        flow.act(clerk, found.case_id, "answer", data={"answer": "已停止使用。"})
    held = persons.find(clerk, found.pk)
    assert [(each.table, each.rows) for each in held] == [(facts.table, 1), ("library_people", 1)]
    assert "加工" in held[1].resource_name
    with django_capture_on_commit_callbacks(execute=True):
        persons.erase(clerk, found.pk)
    made.refresh_from_db()
    for snapshot in made.snapshots.filter(expired_at=None):
        assert WHO["sfz"] not in {row["number"] for row in lake.rows(snapshot, ["number"], limit=100)}
    flow.act(clerk, found.case_id, "answer", data={"answer": "已停止使用并删除。"})


def test_a_removal_beside_the_tables_is_sealed_and_an_open_one_holds_the_answer_back(district: District) -> None:
    found = verify(district, submit())
    SearchedPlace.objects.create(request=found, place="数据包", reference="包-1", rows=2)
    with pytest.raises(Refused, match="还没有删除完"):
        flow.act(district["办理员"], found.case_id, "answer", data={"answer": "已删除。"})
    made = Removal(request=found, place="数据包", reference="包-1", rows=2, action="已换")
    made.mac = mac(made.sealed, queries.REMOVAL)
    made.save()
    assert not queries.left(found)
    shown = str([fact.value for section in queries.sections(district["办理员"], found) for fact in section.facts])
    assert "校验码相符" in shown
    with pytest.raises(DatabaseError), transaction.atomic():
        Removal.objects.update(rows=1)


def test_nothing_that_tells_the_person_is_kept_in_the_clear(district: District) -> None:
    found = submit(key="k1")
    assert submit(key="k1").pk == found.pk
    row = PersonRequest.objects.filter(pk=found.pk).values().get()
    written = str(row) + str(list(Entry.objects.values())) + found.case.title + str(found.case.data)
    assert not [word for word in (WHO["sfz"], "张三", "13812345678", "登记信息") if word in written]
    seen = persons.person(district["办理员"], found.pk)
    assert (seen.name, seen.id_number, seen.statement) == ("张三", WHO["sfz"], "请删除我的登记信息。")
    assert Entry.objects.filter(action="protection.reveal_person").count() == 1


@pytest.mark.parametrize(("given", "field"), [({"id_number": "110101199003074510"}, "id_number"), ({"id_number": "1' OR '1'='1"}, "id_number"),
                                              ({"name": " "}, "name"), ({"kind": "all"}, "kind"), ({"statement": ""}, "statement")])  # fmt: skip
def test_wrong_requests_say_what_to_put_right(district: District, given: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        submit(**given)
    assert field in caught.value.errors and not PersonRequest.objects.exists()


def test_nobody_else_sees_or_handles_it(district: District) -> None:
    found = submit()
    for name in ("住建安全员", "安全员", "查阅人"):
        for act in (persons.person, persons.find, persons.erase):
            with pytest.raises(Refused):
                act(district[name], found.pk)
    with pytest.raises(Refused):
        submit(district["查阅人"])
    consult = verify(district, submit(kind="consult"))
    with pytest.raises(Refused, match="只有删除"):
        persons.erase(district["办理员"], consult.pk)


def test_limits_are_dated_rows(district: District) -> None:
    assert submit().basis.startswith("《个人信息保护法》第五十条")
    PersonLimit.objects.all().delete()
    with pytest.raises(Refused, match="没有施行中的"):
        submit()


def test_the_public_form_gives_a_code_that_tells_nothing_of_the_person(district: District) -> None:
    client = Client(HTTP_HOST="localhost")
    given: dict[str, Any] = {
        "kind": "consult",
        "name": "张三",
        "id_number": WHO["sfz"],
        "contact": "13812345678",
        "statement": "想看我的信息。",
        "key": "a",
    }
    assert client.post("/public/personal-information/", {**given, "id_number": "1"}).status_code == 422
    receipt = client.post("/public/personal-information/", given)
    page = client.get(receipt["Location"]).content.decode()
    assert "查询码" in page and "张三" not in page and WHO["sfz"] not in page
    assert client.get("/public/personal-information/track/", {"code": "NOPE"}).status_code == 404


def test_the_catalogue_page_leads_to_detection_and_to_its_last_result(district: District, tmp_path: Path) -> None:
    facts = holding(district, tmp_path, ROWS)
    client = Client(HTTP_HOST="localhost")
    client.force_login(Account.objects.get(person_id=district["安全员"].person_id))
    page = client.get(f"/catalog/{facts.id}/").content.decode()
    assert "还没有识别过" in page and f"/protection/scans/start/?q={facts.code}" in page
    assert facts.name in client.get("/protection/scans/start/", {"q": facts.code}).content.decode()
    scan = services.run_scan(SYSTEM, services.request_scan(district["安全员"], facts.id).pk)
    assert f'href="/protection/scans/{scan.pk}/"' in client.get(f"/catalog/{facts.id}/").content.decode()


def test_all_findings_of_a_scan_are_decided_on_one_page(district: District, tmp_path: Path) -> None:
    facts = holding(district, tmp_path, ROWS)
    scan = services.run_scan(SYSTEM, services.request_scan(district["安全员"], facts.id).pk)
    client = Client(HTTP_HOST="localhost")
    client.force_login(Account.objects.get(person_id=district["安全员"].person_id))
    address = f"/protection/scans/{scan.pk}/"
    page = client.get(address).content.decode()
    assert "身份证号" in page and "抽样" in page and WHO["sfz"] not in page
    finding = scan.findings.get(name="sfz")
    lower = {f"take-{finding.pk}": "1", f"kind-{finding.pk}": "id_number", f"level-{finding.pk}": "1"}
    refused = client.post(address, lower)
    assert refused.status_code == 422 and "须写明理由" in refused.content.decode()
    assert client.post(address, {**lower, f"reason-{finding.pk}": "已脱敏的演示号码"}).status_code == 302
    finding.refresh_from_db()
    assert (finding.decision, finding.decided_level) == ("accepted", 1) or finding.decision == "changed"
    assert client.post(address, {"do": "all"}).status_code == 302
    scan.refresh_from_db()
    assert scan.state == "decided"
    assert "识别敏感数据" in client.get("/protection/scans/start/").content.decode()
    stranger = Client(HTTP_HOST="localhost")
    stranger.force_login(Account.objects.get(person_id=district["查阅人"].person_id))
    assert stranger.get(address).status_code == 403
