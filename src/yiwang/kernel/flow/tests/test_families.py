"""Parents, merged and split cases, batches, versions; after each, fold = state."""

import pytest
from django.db import Error, connection, transaction

from yiwang.kernel.access.actors import Actor, Conflict, Permission, Refused
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.clocks.models import Clock
from yiwang.kernel.flow import services
from yiwang.kernel.flow.definitions import (
    Decide,
)  # fmt: skip
from yiwang.kernel.flow.models import Case, Entry, Seat
from yiwang.kernel.flow.queries import followed
from yiwang.kernel.flow.testing import check
from yiwang.kernel.flow.tests import flows
from yiwang.kernel.flow.tests.cases import at_handle, now, parent_flow
from yiwang.kernel.flow.tests.town import Town

pytestmark = pytest.mark.usefixtures("calendar")


def test_invariant_22_并案可按原编号查到_拆单合计等于原件(town: Town) -> None:
    one, two = at_handle(town), at_handle(town)
    services.merge(town["operator"], one.pk, into=two.pk, opinion="重复件")
    assert followed(Case.objects.get(number=one.number)) == two
    with pytest.raises(Refused):
        services.merge(town["operator"], two.pk, into=one.pk, opinion="x")
    services.split(town["operator"], two.pk, parts=[{"title": "甲"}, {"title": "乙"}], opinion="两件事")
    parts = two.links_out.filter(kind="split")
    assert [link.target.stage for link in parts] == ["handle", "handle"]
    assert now(two).outcome == "split"
    for each in (one, two):
        check(now(each))


def test_批量办理逐件成败_批量移交(town: Town) -> None:
    flow = flows.plain(2)
    version = town.publish(flow)
    cases = [services.open_case(town["operator"], version.code, "件", organisation_id=town.unit("centre"))
             for _ in range(3)]  # fmt: skip
    services.act(town["operator"], cases[0].pk, "go")
    services.act(town["operator"], cases[0].pk, "go")
    results = services.batch(town["operator"], [case.pk for case in cases], "go", key="k")
    assert [result.done for result in results] == [False, True, True]
    assert "已办结" in results[0].message
    claimed = [services.claim(town["operator"], case.pk, seat_id=Seat.objects.get(case=case, state="open").pk)
               for case in cases[1:]]  # fmt: skip
    assert len(claimed) == 2
    moved = services.handover(town["operator2"], from_post=town.at("operator"), to_post=town.at("operator2"),
                              person_id=town["operator"].person_id, opinion="调岗")  # fmt: skip
    assert [result.done for result in moved] == [True, True]
    services.act(town["operator2"], cases[1].pk, "go")
    check(now(cases[1]))


def test_invariant_20_21_一件事_子案件各有时钟_全部办结后上级自动办结(town: Town) -> None:
    top = town.publish(parent_flow())
    low = town.publish(flows.voting(Decide("any")))
    case = services.open_case(town["operator"], top.code, "开餐馆", organisation_id=town.unit("centre"))
    children = [
        services.open_case(town["operator"], low.code, unit, organisation_id=town.unit(unit), parent=case.pk)
        for unit in ("water", "roads")
    ]
    with pytest.raises(Refused, match="子案件"):
        services.act(town["operator"], case.pk, "finish")
    services.suspend(town["operator"], case.pk, cause="鉴定", basis="行政许可法第四十五条", cascade=True)
    assert {now(item).status for item in (case, *children)} == {"suspended"}
    services.resume(town["operator"], case.pk)
    assert {now(item).status for item in (case, *children)} == {"open"}
    for child, name in zip(children, ("water1", "roads1"), strict=True):
        assert now(case).status == "open"
        services.act(town[name], child.pk, "agree")
        for _ in range(2):
            services.family.child_closed(case.pk, child.pk, "passed")
    assert now(case).outcome == "done"
    assert Entry.objects.filter(case=case, kind="child_closed").count() == 2
    assert Clock.objects.get(case_id=case.pk).status == "finished"
    with pytest.raises(Refused, match="上级案件已办结"):
        services.reopen(town["operator"], children[0].pk, opinion="再办")
    for item in (case, *children):
        check(now(item))


def test_invariant_6_版本发布后不可改_案件按登记时版本(town: Town) -> None:
    version = town.publish(flows.plain(2))
    for statement in (
        "update flow_flowversion set name = 'x' where id = %s",
        "delete from flow_flowversion where id = %s",
    ):
        with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [version.pk])
    case = services.open_case(town["operator"], version.code, "件", organisation_id=town.unit("centre"))
    newer = town.publish(flows.plain(3))
    assert newer.pk != version.pk
    assert town.publish(flows.plain(3)).pk == newer.pk
    assert now(case).version_id == version.pk


def test_invariant_33_换版试算等于实换_未对应的列出不动_可撤销(town: Town) -> None:
    old = town.publish(flows.plain(3))
    cases = [services.open_case(town["operator"], old.code, "件", organisation_id=town.unit("centre")) for _ in "abc"]
    services.act(town["operator"], cases[2].pk, "go")
    new = town.publish(flows.plain(4))
    admin = Actor(**{**town["operator"].__dict__,
                     "permissions": {("flow.version", "migrate"): (Permission(Scope.ALL, 1, "/"),)}})  # fmt: skip
    with pytest.raises(Refused):
        services.migrate(town["operator"], source=old.pk, target=new.pk, stages={"s0": "s1"})
    dry = services.migrate(admin, source=old.pk, target=new.pk, stages={"s0": "s1"})
    assert (dry.movable, list(dry.listed)) == ([cases[0].pk, cases[1].pk], [cases[2].pk])
    assert now(cases[0]).version_id == old.pk
    real = services.migrate(admin, source=old.pk, target=new.pk, stages={"s0": "s1"}, dry_run=False)
    assert (real.movable, real.listed) == (dry.movable, dry.listed)
    assert all(item.done for item in real.results)
    assert [now(case).version_id for case in cases] == [new.pk, new.pk, old.pk]
    services.migrate_back(admin, cases[0].pk)
    assert (now(cases[0]).version_id, now(cases[0]).stage) == (old.pk, "s0")
    services.act(town["operator"], cases[1].pk, "go")
    with pytest.raises(Conflict, match="不能撤销"):
        services.migrate_back(admin, cases[1].pk)
    for case in cases:
        check(now(case))
