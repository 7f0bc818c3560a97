"""由工单事实扣分：事实、责任、幂等，说不清的留给人。"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from yiwang.city.hotline import jobs
from yiwang.city.hotline.models import Request
from yiwang.city.hotline.services.deductions import RULES, deduct_month, reverse_vanished
from yiwang.city.hotline.services.exclusions import apply_exclusion
from yiwang.city.hotline.tests.world import LONG_AGO, World
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.access.models import Role
from yiwang.kernel.access.services import declare, hold_role
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.models import Case, Entry
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.orgs.services import create_post
from yiwang.kernel.people.models import Person
from yiwang.kernel.people.queries import actor_of_person
from yiwang.kernel.people.services import appoint, create_person
from yiwang.office.appraisal.domain import DOMAIN
from yiwang.office.appraisal.models import Deduction, Period
from yiwang.office.appraisal.services import periods, schemes

MARCH = date(2026, 3, 1)
LINES = "\n".join(f"{code} | {name} | 0.2 | 办法第5条" for code, name in RULES.items())


def at(day: int, hour: int = 10) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=ZoneInfo("Asia/Shanghai"))


def opened(world: World) -> Period:
    for spec in DOMAIN.roles:
        declare(SYSTEM, spec, "test")
    post = create_post(SYSTEM, world.unit("HOTLINE"), code="officer", name="考核员")
    hold_role(SYSTEM, Role.objects.get(code="appraisal.officer").pk, post.pk, valid_from=LONG_AGO, reason="测试")
    person = create_person(SYSTEM, name="考核员", staff_number="K1")
    appoint(SYSTEM, person.pk, post.pk, valid_from=LONG_AGO)
    officer = actor_of_person(person)
    scheme = schemes.create_scheme(officer, code="S", name="热线考核")
    schemes.publish_version(
        officer,
        schemes.draft_version(
            officer,
            scheme,
            number="1",
            effective_from=MARCH,
            rule_lines=LINES,
            minimum_cases=1,
            indicator_lines="hotline.satisfaction | 100",
        ),
    )
    return periods.open_period(officer, scheme, MARCH, [world.unit("HOUSING"), world.unit("URBAN")])


@pytest.fixture(scope="module")
def march(district: World, django_db_blocker: DjangoDbBlocker) -> int:
    """The month under appraisal, opened once for the tests of this module."""
    with django_db_blocker.unblock():
        return opened(district).pk


@pytest.fixture
def period(march: int, world: World) -> Period:
    return Period.objects.get(pk=march)


def late(world: World, to: str = "HOUSING") -> Request:
    """Signed after a week, answered after three with nothing, and the caller was not satisfied."""
    unit = to.lower()
    request = world.dispatch(world.request(received_at=at(2, 9)), to, at(2))
    world.act(f"{unit}.handler", request, "sign", at(9))
    world.handle(request, at(24), "您的留言已收悉。", unit)
    return world.act("caller", request, "dissatisfied_final", at(25), opinion="不满意", data={"resolved": False})


def test_四类事实各扣一次且重跑不增(world: World, period: Period) -> None:
    request = late(world)
    done = deduct_month(SYSTEM, "S", MARCH)
    assert (done.added, done.known, done.doubtful) == (4, 0, [])
    found = {item.rule.code: item for item in Deduction.objects.select_related("rule")}
    assert set(found) == set(RULES) - {"12345-5"}
    assert all(
        item.organisation_id == world.unit("HOUSING") and item.subject_id == request.number for item in found.values()
    )
    assert all(request.number in item.evidence and "钱多多" not in item.evidence for item in found.values())
    assert "2026-03-09 10:00 签收" in found["12345-1"].evidence
    assert deduct_month(SYSTEM, "S", MARCH).known == 4
    assert Deduction.objects.count() == 4


def test_按时办结满意的不扣(world: World, period: Period) -> None:
    request = world.handle(world.dispatch(world.request(received_at=at(2, 9)), "HOUSING", at(2)), at(3))
    world.close(request, "satisfied", at(4))
    assert deduct_month(SYSTEM, "S", MARCH).added == 0


def test_经认定的无理由诉求不扣(world: World, period: Period) -> None:
    request = late(world)
    Request.objects.filter(pk=request.pk).update(excluded=True)
    assert deduct_month(SYSTEM, "S", MARCH).added == 3
    assert not Deduction.objects.filter(rule__code="12345-3").exists()


def excluded(world: World, request: Request) -> None:
    """Claimed by the unit, upheld by the hotline, kept on appeal."""
    found = apply_exclusion(world["housing.handler"], request.pk, ground="untrue", statement="现场照片证明路灯完好")
    flow.act(world["manager"], found.case_id, "uphold", opinion="属实")
    flow.act(world["caller"], found.case_id, "appeal", opinion="不服")
    flow.act(world["director"], found.case_id, "keep", opinion="维持")


def test_认定之后已扣的自动冲回且有迹可查(world: World, period: Period) -> None:
    request = late(world)
    assert deduct_month(SYSTEM, "S", MARCH).added == 4
    excluded(world, request)
    jobs.deductions()
    period.refresh_from_db()
    assert period.collection["sources"]["12345 热线"]["reversed"] == 1
    reversal = Deduction.objects.get(kind="reversal")
    assert reversal.reverses.rule.code == "12345-3" and reversal.points == -reversal.reverses.points
    assert request.number in reversal.evidence and "无理由诉求" in reversal.evidence
    again = deduct_month(SYSTEM, "S", MARCH)
    assert (again.added, again.known, again.reversed) == (0, 3, 0) and Deduction.objects.count() == 5


def test_终止和改派的工单已扣的冲回_事实又出现的留给人(world: World, period: Period) -> None:
    stopped, moved = late(world), late(world, "URBAN")
    assert deduct_month(SYSTEM, "S", MARCH).added == 8
    Case.objects.filter(pk=stopped.case_id).update(outcome="terminated")
    Request.objects.filter(pk=moved.pk).update(organisation=world.unit("HOUSING"))
    assert reverse_vanished(SYSTEM, "S", MARCH) == 8
    said = set(Deduction.objects.filter(kind="reversal").values_list("evidence", flat=True))
    assert sum("不计承办单位" in line for line in said) == 4 and sum("住建局主办" in line for line in said) == 4
    Request.objects.filter(pk=moved.pk).update(organisation=world.unit("URBAN"))
    back = deduct_month(SYSTEM, "S", MARCH)
    assert (back.added, back.known, len(back.doubtful)) == (0, 0, 4)
    assert all("请人工扣分" in line for line in back.doubtful)


def test_正在认定的不扣由人判断_已扣的等结果(world: World, period: Period) -> None:
    request = late(world)
    claim = apply_exclusion(world["housing.handler"], request.pk, ground="untrue", statement="现场照片证明路灯完好")
    done = deduct_month(SYSTEM, "S", MARCH)
    assert done.added == 3 and [("回访不满意" in line, "正在认定" in line) for line in done.doubtful] == [(True, True)]
    flow.act(world["manager"], claim.case_id, "dismiss", opinion="证据不足")
    assert deduct_month(SYSTEM, "S", MARCH).added == 1
    other = late(world)
    assert deduct_month(SYSTEM, "S", MARCH).added == 4
    apply_exclusion(world["housing.handler"], other.pk, ground="untrue", statement="现场照片证明路灯完好")
    pending = deduct_month(SYSTEM, "S", MARCH)
    assert (pending.reversed, len(pending.doubtful)) == (0, 1), "未有结论不冲回"


def test_第二次退单扣退单的单位(world: World, period: Period) -> None:
    """The flow refuses a second return after a ruling; cases brought over from elsewhere may hold one."""
    request = world.dispatch(world.request(received_at=at(2, 9)), "HOUSING", at(2))
    for number, unit in enumerate(("HOUSING", "URBAN"), start=900):
        Entry.objects.create(
            case_id=request.case_id, seq=number, kind="decline", stage="sign", organisation_id=world.unit(unit),
            actor_name="承办员", recorded_at=at(3), happened_at=at(3, number - 890), opinion="不属本单位职责", hash=f"{number}",
        )  # fmt: skip
    assert deduct_month(SYSTEM, "S", MARCH).added == 1
    found = Deduction.objects.get()
    assert (found.rule.code, found.organisation_id, found.subject_id) == (
        "12345-5", world.unit("URBAN"), request.number,
    )  # fmt: skip
    assert "第二次退单" in found.evidence and reverse_vanished(SYSTEM, "S", MARCH) == 0


COUNTED = """
    select r.organisation_id,
           count(*) filter (where r.satisfaction in ('satisfied', 'basically')), count(*)
    from hotline_request r join flow_case c on c.id = r.case_id
    where r.closed_at >= '2026-03-01 00:00+08' and r.closed_at < '2026-04-01 00:00+08'
      and r.satisfaction in ('satisfied', 'basically', 'dissatisfied') and not r.excluded
    group by 1"""
TAKEN = "select organisation_id, sum(points) from appraisal_deduction where period_id = %s group by 1"


def by_hand(period: Period) -> dict[int, tuple[int, int, Decimal]]:
    """(satisfied, rated, points taken) per unit, counted without the platform's measures."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTED)
        rated = {unit: (content, number) for unit, content, number in cursor.fetchall()}
        cursor.execute(TAKEN, [period.pk])
        taken = dict(cursor.fetchall())
    return {unit: (*rated.get(unit, (0, 0)), taken.get(unit, Decimal(0))) for unit in {*rated, *taken}}


def test_冻结后才认定的以更正通报纠正_数字与手工查询一致(world: World, period: Period) -> None:
    request = late(world)
    for _ in range(2):
        other = world.handle(world.dispatch(world.request(received_at=at(2, 9)), "HOUSING", at(2)), at(3))
        world.close(other, "satisfied", at(4))
    officer, housing = actor_of_person(Person.objects.get(staff_number="K1")), world.unit("HOUSING")
    periods.collect(officer, period)
    first = periods.freeze_period(officer, period)

    def agrees(rows: list[dict[str, Any]]) -> dict[str, Any]:
        row = next(each for each in rows if each["organisation_id"] == housing)
        rate, (content, rated, taken) = row["rates"][0], by_hand(period)[housing]
        assert (rate["numerator"], rate["denominator"]) == (content, rated)
        assert Decimal(row["deducted"]) == taken
        points = (Decimal(100) * content / rated).quantize(Decimal("0.01"))
        assert Decimal(row["score"]) == points - taken
        return row

    assert (agrees(first.rows)["score"], by_hand(period)[housing]) == ("65.87", (2, 3, Decimal("0.80")))
    excluded(world, request)
    assert Deduction.objects.filter(kind="reversal").count() == 0, "冻结的月份不自己变"
    second = periods.correct_bulletin(officer, period, "补认定无理由诉求")
    assert (agrees(second.rows)["score"], by_hand(period)[housing]) == ("99.40", (2, 2, Decimal("0.60")))
    first.refresh_from_db()
    assert next(each for each in first.rows if each["organisation_id"] == housing)["score"] == "65.87"
    assert second.supersedes == first and first.digest != second.digest


def test_冻结前最后核一遍事实(world: World, period: Period) -> None:
    request = late(world)
    deduct_month(SYSTEM, "S", MARCH)
    excluded(world, request)
    bulletin = periods.freeze_period(actor_of_person(Person.objects.get(staff_number="K1")), period)
    row = next(each for each in bulletin.rows if each["organisation_id"] == world.unit("HOUSING"))
    assert (row["deducted"], Deduction.objects.filter(kind="reversal").count()) == ("0.60", 1)


def test_退过单的迟延由人判断(world: World, period: Period) -> None:
    request = late(world)
    Request.objects.filter(pk=request.pk).update(decline_count=1)
    done = deduct_month(SYSTEM, "S", MARCH)
    assert (done.added, len(done.doubtful)) == (2, 2)
    assert all("退过单" in line for line in done.doubtful)


def test_不参评的单位和未开启的月份不扣(world: World, period: Period) -> None:
    request = late(world)
    Request.objects.filter(pk=request.pk).update(organisation=world.unit("ECOLOGY"))
    assert (deduct_month(SYSTEM, "S", MARCH).added, Deduction.objects.count()) == (0, 0)
    assert deduct_month(SYSTEM, "S", date(2026, 4, 1)).added == 0


def test_每日任务一天只排一次并给所有进行中的月份取数(world: World, period: Period) -> None:
    late(world)
    jobs.daily()
    jobs.daily()
    assert Job.objects.filter(name="hotline.deductions").count() == 1
    outcome = jobs.deductions()
    assert outcome is not None and outcome.message == "新增扣分 4 条，冲回 0 条。"
    period.refresh_from_db()
    assert period.collection["sources"]["12345 热线"]["added"] == 4
