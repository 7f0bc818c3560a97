"""Drafts, three reviewers, versions that never change, and going online as a matter of its own."""

from typing import Any

import pytest
from django.db import DatabaseError, transaction

from yiwang.data.catalog import contract, queries, services
from yiwang.data.catalog.models import Resource, Version
from yiwang.data.catalog.services.content import of_json
from yiwang.data.catalog.terms import Content, ItemSpec
from yiwang.data.catalog.tests.world import ITEMS, District, changed, content
from yiwang.kernel.access.actors import SYSTEM, Actor, Conflict, Invalid, Refused
from yiwang.kernel.clocks.queries import states
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.models import Seat

WALK = ("住建数据专员", "住建首席数据官", "审核员")


def walk(district: District, case_id: int, upto: int = 3) -> None:
    for name in WALK[:upto]:
        flow.act(district[name], case_id, "agree", opinion="同意")


def latest(resource: Resource) -> Content:
    return of_json(resource.versions.order_by("-number").first().content)


def states_of(resource: Resource) -> tuple[str, str, int]:
    resource.refresh_from_db()
    return resource.publish_state, resource.online_state, resource.number


def test_a_draft_is_published_by_three_reviewers_in_order(district: District) -> None:
    made = district.draft()
    assert states_of(made) == ("unpublished", "never", 0)
    case = services.submit(district["住建编目员"], made.pk, reason="首次编目").case_id
    assert states_of(made) == ("auditing", "never", 0)
    for name, stage in zip(WALK, ("officer", "chief", "bureau"), strict=True):
        assert Seat.objects.get(case=case, state="open").stage == stage
        for other in {*district.actors} - {name}:
            with pytest.raises(Refused):
                flow.act(district[other], case, "agree", opinion="同意")
        flow.act(district[name], case, "agree", opinion="同意")
    assert states_of(made) == ("published", "never", 1)
    assert [item.name for item in contract.resource(district["查阅人"], made.pk).items] == [item.name for item in ITEMS]


def test_each_stage_runs_on_its_own_clock(district: District) -> None:
    case = services.submit(district["住建编目员"], district.draft().pk).case_id
    running = [
        clock.name
        for clock in states(case, Seat.objects.get(case=case, state="open").opened_at)
        if not clock.finished_at
    ]
    assert running == ["数据专员审核时限"]


def test_what_is_sent_back_can_be_mended_and_handed_in_again(district: District) -> None:
    made, clerk = district.draft(), district["住建编目员"]
    case = services.submit(clerk, made.pk).case_id
    with pytest.raises(Conflict, match="正在审核"):
        services.save_draft(clerk, made.pk, changed(latest(made), matters="施工许可核发"))
    with pytest.raises(Refused, match="意见"):
        flow.act(district["住建数据专员"], case, "return")
    flow.act(district["住建数据专员"], case, "return", opinion="摘要太简单")
    assert states_of(made) == ("rejected", "never", 0)
    services.save_draft(clerk, made.pk, changed(latest(made), matters="施工许可核发"))
    walk(district, services.submit(clerk, made.pk).case_id)
    assert states_of(made) == ("published", "never", 1)


def test_a_change_is_the_next_version_with_its_differences(district: District) -> None:
    made, clerk = district.published(), district["住建编目员"]
    more = ItemSpec("area", "建筑面积", "decimal", share_type="unconditional")
    new = changed(Content(latest(made).description, (ITEMS[0], ITEMS[1], ITEMS[3], more)), cycle="day")
    before = {item.name: item.id for item in contract.resource(SYSTEM, made.pk).items}
    services.save_draft(clerk, made.pk, new)
    assert contract.resource(SYSTEM, made.pk).cycle == "month", (
        "the published content stands until the change is approved"
    )
    case = services.submit(clerk, made.pk, reason="增加面积").case_id
    assert states_of(made) == ("change_auditing", "online", 1)
    walk(district, case)
    assert states_of(made) == ("published", "online", 2)
    facts = contract.resource(SYSTEM, made.pk)
    assert [item.name for item in facts.items] == ["licence_no", "holder", "issued_on", "area"]
    assert {item.name: item.id for item in facts.items if item.name in before}.items() <= before.items()
    first, second = made.versions.order_by("number")
    said = [
        (each["where"], each["field"], each["before"], each["after"])
        for each in queries.differences(first.content, second.content)
    ]
    assert said == [
        ("目录", "更新周期", "每月", "每日"), ("信息项 建筑面积", "新增", "", said[1][3]),
        ("信息项 身份证号", "退出", said[2][2], ""),
    ]  # fmt: skip
    assert said[1][3].startswith("area，数值型N") and said[2][2].startswith("id_number，字符型C")


def test_levels_survive_a_new_version(district: District) -> None:
    made, clerk = district.published(), district["住建编目员"]
    ids = {item.name: item.id for item in contract.resource(SYSTEM, made.pk).items}
    contract.set_levels(SYSTEM, made.pk, {ids["holder"]: (3, "name")}, "姓名")
    services.save_draft(clerk, made.pk, changed(latest(made), cycle="day"))
    walk(district, services.submit(clerk, made.pk).case_id)
    item = contract.resource(SYSTEM, made.pk).item("holder")
    assert item is not None and (item.level, item.sensitive, item.id) == (3, "name", ids["holder"])


def test_a_published_version_never_changes(district: District) -> None:
    version = Version.objects.get(resource=district.published())
    for act in (lambda: Version.objects.filter(pk=version.pk).update(note="改"), version.delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()


def test_a_rejected_or_withdrawn_change_leaves_the_published_one(district: District) -> None:
    made, clerk = district.published(), district["住建编目员"]
    services.save_draft(clerk, made.pk, changed(latest(made), cycle="day"))
    application = services.submit(clerk, made.pk)
    flow.act(district["住建数据专员"], application.case_id, "return", opinion="不必")
    assert states_of(made) == ("change_rejected", "online", 1)
    flow.cancel(clerk, services.submit(clerk, made.pk).case_id, opinion="不改了")
    assert states_of(made) == ("published", "online", 1)
    services.discard_draft(clerk, made.pk)
    assert made.versions.count() == 1
    with pytest.raises(Refused, match="没有可以放弃"):
        services.discard_draft(clerk, made.pk)


def test_nobody_reviews_what_they_compiled(district: District) -> None:
    town = district.town
    both = town.actor("兼任", town.post("住建局", "兼任", "catalog.clerk", "catalog.officer"))
    made = services.register(both, content(district.category("住建局")))
    with pytest.raises(Refused, match="不能"):
        flow.act(both, services.submit(both, made.pk).case_id, "agree", opinion="同意")


def test_online_and_offline_have_their_own_way(district: District) -> None:
    made, clerk = district.draft(), district["住建编目员"]
    with pytest.raises(Refused, match="先提交发布审核"):
        services.submit_online(clerk, made.pk, "online")
    walk(district, services.submit(clerk, made.pk).case_id)
    case = services.submit_online(clerk, made.pk, "online").case_id
    assert states_of(made) == ("published", "up_auditing", 1)
    with pytest.raises(Conflict, match="上线审核中"):
        services.submit_online(clerk, made.pk, "online")
    flow.act(district["住建数据专员"], case, "return", opinion="数据未归集")
    assert states_of(made) == ("published", "up_rejected", 1)
    walk(district, services.submit_online(clerk, made.pk, "online").case_id)
    assert states_of(made) == ("published", "online", 1)
    with pytest.raises(Invalid, match="原因"):
        services.submit_online(clerk, made.pk, "offline")
    case = services.submit_online(clerk, made.pk, "offline", reason="系统下线").case_id
    assert contract.resource(SYSTEM, made.pk).online, "what waits to go offline still serves"
    walk(district, case)
    assert states_of(made) == ("published", "offline", 1)
    with pytest.raises(Refused):
        contract.resource(district["查阅人"], made.pk)


@pytest.mark.parametrize(
    ("who", "refused"), [("教育编目员", "没有找到"), ("住建数据专员", "没有找到|权限"), ("查阅人", "没有找到|权限"), ("审核员", "没有找到|权限")]
)  # fmt: skip
def test_only_the_own_clerk_drafts_and_submits(district: District, who: str, refused: str) -> None:
    made: Any = district.draft()
    actor: Actor = district[who]
    for act in (
        lambda: services.save_draft(actor, made.pk, latest(made)), lambda: services.submit(actor, made.pk),
        lambda: services.submit_online(actor, made.pk, "online"), lambda: services.discard_draft(actor, made.pk),
        lambda: services.mark_synced(actor, made.pk + 10_000, "X", made.created_at),
    ):  # fmt: skip
        with pytest.raises(Refused, match=refused):
            act()


def test_a_clerk_registers_for_the_own_unit_only(district: District) -> None:
    entry = (district.unit("住建局"), content(district.category("住建局")))
    with pytest.raises(Refused, match="数据范围"):
        services.register_many(district["教育编目员"], [entry])
    assert not Resource.objects.exists()


def test_two_editors_do_not_overwrite_each_other(district: District) -> None:
    made, clerk = district.draft(), district["住建编目员"]
    seen = made.versions.get().digest
    services.save_draft(clerk, made.pk, changed(latest(made), matters="甲"), seen=seen)
    with pytest.raises(Conflict, match="已被修改"):
        services.save_draft(clerk, made.pk, changed(latest(made), matters="乙"), seen=seen)
