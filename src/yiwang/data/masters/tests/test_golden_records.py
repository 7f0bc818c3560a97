"""Golden records of the demonstration: built, resolved, traced; what officers do with them, and what they may not.

One module: its world takes longer to build than all its tests to run.
"""

from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction
from django.db.models import Min
from django.test import Client

from yiwang.data.masters import queries
from yiwang.data.masters.models import (
    Build,
    Candidate,
    Conflict,
    Decision,
    Design,
    GoldenRecord,
    Library,
    Look,
    Member,
)
from yiwang.data.masters.services import building, deciding, grouping, libraries, looking, objects
from yiwang.kernel.access.actors import SYSTEM, Invalid, Refused
from yiwang.kernel.people.models import Account

WHY = "核对户口簿原件"


def test_everything_is_built_and_a_second_build_changes_nothing(world):
    assert {each.code: each.rows > 0 for each in Library.objects.all()} == dict.fromkeys(
        ("population", "legal", "space", "licence", "credit", "macro", "employment"), True
    )
    before = Build.objects.count(), GoldenRecord.objects.count()
    for library in Library.objects.all():
        assert building.build(SYSTEM, library.pk).state == "done"
    assert (Build.objects.count(), GoldenRecord.objects.count()) == before
    assert building.due(SYSTEM) == []


def test_junk_telephone_is_named_and_masked(world):
    junk = world.library("population").builds.get().resolution["junk"]
    assert [(each["columns"], each["value"]) for each in junk] == [(["电话"], "138****0000")]
    assert junk[0]["rows"] > 100


def test_departments_people_become_persons(world):
    found = world.library("population").builds.get().resolution
    assert found["quality"]["f1"] >= 0.98
    assert found["quality"]["f1"] > found["exact_only"]["f1"]
    assert Member.objects.filter(library__code="population").count() == 550 + 430 + 400
    assert Candidate.objects.exists() and Conflict.objects.exists()


def browser(world, name: str) -> Client:
    made = Client()
    made.force_login(Account.objects.get(pk=world[name].account_id))
    return made


def test_a_record_is_found_seen_masked_and_revealed_for_a_purpose(world):
    golden = world.linked("legal")
    officer = browser(world, "明文员")
    page = officer.post("/masters/search/", {"words": golden.title}).content.decode()
    assert f"/masters/golden/{golden.pk}/" in page
    shown = officer.get(f"/masters/golden/{golden.pk}/").content.decode()
    assert golden.shown["信用代码"]["value"] in shown
    assert "来源优先" in shown
    assert officer.post(f"/masters/golden/{golden.pk}/", {"do": "reveal", "purpose": "看"}).status_code == 422
    plain = officer.post(f"/masters/golden/{golden.pk}/", {"do": "reveal", "purpose": "核对企业登记信息"})
    assert "正在显示明文" in plain.content.decode()
    assert Look.objects.count() == 1
    denied = browser(world, "查询员").post(
        f"/masters/golden/{golden.pk}/", {"do": "reveal", "purpose": "核对企业登记信息"}
    )
    assert denied.status_code == 404
    assert Look.objects.count() == 1
    assert browser(world, "维护员").get("/masters/search/").status_code == 403


def test_review_lineage_and_registers_open(world):
    steward = browser(world, "管理员")
    candidate = Candidate.objects.filter(state="open").first()
    assert "并排证据" in steward.get(f"/masters/review/{candidate.pk}/").content.decode()
    answer = steward.post(f"/masters/review/{candidate.pk}/", {"do": "apart", "reason": "出生日期不同"})
    assert answer.status_code == 302
    drawn = steward.get("/masters/lineage/?table=demo-registered&column=姓名").content.decode()
    assert "<svg" in drawn
    assert "就业参保主题库" in drawn
    library = world.library("population")
    page = steward.get(f"/r/masters.library/{library.pk}/").content.decode()
    assert "138****0000" in page
    assert "13800000000" not in page
    for code in (
        "library",
        "design",
        "build",
        "golden",
        "member",
        "candidate",
        "decision",
        "conflict",
        "system",
        "object",
        "carrier",
    ):
        assert steward.get(f"/r/masters.{code}/").status_code == 200, code
    assert steward.get("/masters/lineage/?table=nothing&column=x").status_code in (403, 404)


def test_a_design_shows_its_joins_in_words(world):
    steward = browser(world, "管理员")
    for code, words in (
        ("population", ("户籍人口", "按归一结果合并", "住址第 2", "95% 及以上自动归并", "择优次序")),
        (
            "employment",
            ("主表，逐行保留", "内联接（两边都有的才保留）", "证件号码 = 参保证件", "years_between", "主键"),
        ),
    ):
        design = world.library(code).designs.latest("number")
        page = steward.get(f"/r/masters.design/{design.pk}/").content.decode()
        assert [word for word in words if word not in page] == []


def homes(library) -> dict[str, str]:
    """Record → identity of its golden record."""
    return dict(Member.objects.filter(library=library, golden__retired_at=None).values_list("ref", "golden__uid"))


def test_values_are_masked_and_sealed(world):
    golden = world.linked()
    for member in golden.members.all():
        assert "*" in member.shown["姓名"]
        assert member.sealed.startswith("sm4g")
    lines = queries.field_lines(golden, list(golden.members.all()))
    assert all(line.rule and line.snapshot == 1 for line in lines if line.value)


def test_plain_values_need_the_permission_and_a_purpose_and_leave_a_record(world):
    golden = world.linked()
    for name in ("查询员", "管理员", "维护员"):
        with pytest.raises(Refused):
            looking.reveal(world[name], golden.pk, purpose="办理低保审核，核对身份")
    with pytest.raises(Invalid):
        looking.reveal(world["明文员"], golden.pk, purpose="看看")
    assert not Look.objects.exists()
    seen = looking.reveal(world["明文员"], golden.pk, purpose="办理低保审核，核对身份")
    assert "*" not in seen.values["姓名"]
    assert Look.objects.get().purpose.startswith("办理低保")
    with pytest.raises(DatabaseError), transaction.atomic():
        Look.objects.all().delete()


def test_a_split_and_its_undoing_give_back_the_same_records(world):
    golden = world.linked()
    before = homes(golden.library)
    out = golden.members.order_by("-pk").first()
    decision = deciding.split(world["管理员"], golden.pk, [out.pk], reason=WHY)
    after = homes(golden.library)
    assert after[out.ref] != before[out.ref]
    building.build(SYSTEM, golden.library_id)
    assert homes(golden.library) == after, "a decision survives a rebuild"
    deciding.undo(world["管理员"], decision.pk, reason="看错了")
    assert homes(golden.library) == before
    with pytest.raises(Refused):
        deciding.undo(world["管理员"], decision.pk, reason="再撤一次")


def test_two_records_are_merged_and_parted_again(world):
    found = GoldenRecord.objects.filter(library__code="legal", retired_at=None)
    two, one, third = found.annotate(oldest=Min("members__pk")).order_by("oldest")[:3]
    before = homes(one.library)
    page = browser(world, "管理员")
    for given in ({}, {"other": "不是记录号"}, {"other": "9" * 400}, {"other": str(one.uid)}, {"other": str(uuid4())}):
        answer = page.post(f"/masters/golden/{one.pk}/", {"do": "merge", "reason": WHY, **given})
        assert answer.status_code == 422 and "没有找到要合并的另一条主记录" in answer.content.decode(), given
    assert f"<code>{one.uid}</code> 继续使用" in page.get(f"/masters/golden/{one.pk}/").content.decode()
    page.post(f"/masters/golden/{one.pk}/", {"do": "merge", "reason": WHY, "other": str(two.uid)})
    two.refresh_from_db()
    assert two.merged_into_id == one.pk, "the record of the page goes on, though the other is older"
    decision, joined = Decision.objects.get(keeps=one.uid), homes(one.library)
    assert str(one.uid) in page.get(f"/r/masters.decision/{decision.pk}/").content.decode()
    building.build(SYSTEM, one.library_id)
    assert homes(one.library) == joined, "a rebuild keeps the identity that was chosen"
    later = deciding.merge(world["管理员"], third.pk, str(one.uid), reason=WHY)
    assert {homes(one.library)[ref] for ref, uid in joined.items() if uid in (one.uid, third.uid)} == {third.uid}
    deciding.undo(world["管理员"], later.pk, reason="看错了")
    assert homes(one.library) == joined
    deciding.undo(world["管理员"], decision.pk, reason="看错了")
    assert homes(one.library) == before


def test_nothing_of_somebody_who_is_in_no_source_any_more_stays(world):
    golden = world.linked()
    library, number = golden.library, golden.number_mac
    design = Design.objects.filter(library=library).order_by("-number").first()
    left = list(Member.objects.filter(library=library).exclude(golden=golden).order_by("pk"))
    grouping.regroup(grouping.shape_of(design), left, full=True)
    golden.refresh_from_db()
    assert golden.retired_at is not None and golden.merged_into is None
    assert (golden.sealed, golden.name_mac, golden.number_mac, golden.shown) == ("", "", "", {})
    assert number and not GoldenRecord.objects.filter(number_mac=number).exists()
    plain = looking.reveal(world["明文员"], golden.pk, purpose="核对是否已经删除干净")
    assert plain.values == {}


def test_the_grey_zone_is_decided_side_by_side(world):
    candidate = Candidate.objects.filter(state="open").order_by("pk").first()
    pair, lines = queries.evidence(candidate)
    assert len(pair) == 2
    assert lines
    with pytest.raises(Refused):
        deciding.settle(world["查询员"], candidate.pk, same=True, reason=WHY)
    with pytest.raises(Invalid):
        deciding.settle(world["管理员"], candidate.pk, same=True, reason=" ")
    deciding.settle(world["管理员"], candidate.pk, same=True, reason=WHY)
    where = homes(candidate.library)
    assert where[candidate.left] == where[candidate.right]
    with pytest.raises(DatabaseError), transaction.atomic():
        Decision.objects.update(reason="改了")


def test_readers_may_not_decide_design_or_build(world):
    golden = world.linked()
    library = golden.library
    for verb in (
        lambda who: deciding.split(who, golden.pk, [golden.members.first().pk], reason=WHY),
        lambda who: deciding.merge(who, golden.pk, str(golden.uid), reason=WHY),
        lambda who: libraries.draft_design(who, library.pk, {}, "x"),
        lambda who: building.build(who, library.pk),
        lambda who: libraries.create_library(who, code="x", name="x", kind="subject"),
    ):
        for name in ("查询员", "明文员", "维护员"):
            with pytest.raises(Refused):
                verb(world[name])


def test_a_source_that_lost_a_column_is_refused_in_words_and_the_data_stays(world):
    library = world.library("space")
    rows = library.rows
    content = {"sources": [{"alias": "p", "title": "标准地址", "table": "demo-places", "fields": {"编码": "没有的列"}}],
               "fields": [{"name": "编码"}], "key": ["编码"]}  # fmt: skip
    with pytest.raises(Invalid, match="没有的列"):
        libraries.draft_design(world["管理员"], library.pk, content, "换列")
    world.put("demo-economy", [{"年度": "2026", "指标": "地区生产总值", "数值": "1", "计量单位": "亿元"}])
    assert [each.code for each in building.due(SYSTEM)] == ["macro"]
    assert building.build(SYSTEM, world.library("macro").pk).rows == 1
    library.refresh_from_db()
    assert library.rows == rows


def test_conflicts_say_what_each_source_says(world):
    conflict = Conflict.objects.select_related("golden").first()
    shown = conflict.golden.shown[conflict.field]
    assert shown["value"] == conflict.chosen
    assert conflict.member.ref in shown["against"]


def test_lineage_reaches_the_subject_library_and_its_dependants(world):
    _, graph = queries.lineage(world["管理员"], "demo-registered", "姓名")
    assert ("masters-population", "姓名") in graph.places
    assert ("masters-employment", "姓名") in graph.places
    kinds = {each.kind for each in queries.blast(world["管理员"], graph.places)}
    assert {"人口库", "主题库", "主记录", "业务对象", "指标"} <= kinds
    with pytest.raises(Refused):
        queries.lineage(world["维护员"], "demo-registered", "姓名")


def test_business_objects_are_mapped_within_ones_own_department(world):
    assert queries.coverage(world["管理员"]) == (7, 10)
    house = queries.doors.rows(world["维护员"], "masters.object").get(code="OBJ-008")
    system = queries.doors.rows(world["维护员"], "masters.system").get(code="SYS-05")
    with pytest.raises(Invalid):
        objects.carry(world["维护员"], {"subject": house, "system": system})
    made = objects.carry(world["维护员"], {"subject": house, "system": system, "table": "demo-permits"})
    assert made.primary
    assert queries.coverage(world["管理员"]) == (8, 10)
    objects.drop(world["维护员"], made.pk, reason="登记错了")
    assert queries.coverage(world["管理员"]) == (7, 10)
    stranger = queries.doors.rows(world["管理员"], "masters.object").get(code="OBJ-001")
    with pytest.raises(Refused):
        objects.carry(world["维护员"], {"subject": stranger, "system": system, "table": "x"})
