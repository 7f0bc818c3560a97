"""What officers do: look, decide, take back; and what they may not."""

import pytest
from django.db import DatabaseError, transaction

from yiwang.data.masters import queries
from yiwang.data.masters.models import Candidate, Conflict, Decision, Design, GoldenRecord, Look, Member
from yiwang.data.masters.services import building, deciding, grouping, libraries, looking, objects
from yiwang.kernel.access.actors import SYSTEM, Invalid, Refused

WHY = "核对户口簿原件"


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
    one, two = GoldenRecord.objects.filter(library__code="legal", retired_at=None).order_by("pk")[:2]
    before = homes(one.library)
    decision = deciding.merge(world["管理员"], one.pk, str(two.uid), reason=WHY)
    two.refresh_from_db()
    assert two.merged_into_id == one.pk
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
