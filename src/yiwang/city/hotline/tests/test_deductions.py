"""由工单事实扣分：事实、责任、幂等，说不清的留给人。"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from yiwang.city.hotline import jobs
from yiwang.city.hotline.models import Request
from yiwang.city.hotline.services.deductions import RULES, deduct_month
from yiwang.city.hotline.tests.world import LONG_AGO, World
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.access.models import Role
from yiwang.kernel.access.services import declare, hold_role
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.orgs.services import create_post
from yiwang.kernel.people.queries import actor_of_person
from yiwang.kernel.people.services import appoint, create_person
from yiwang.office.appraisal.domain import DOMAIN
from yiwang.office.appraisal.models import Deduction, Period
from yiwang.office.appraisal.services import periods, schemes

MARCH = date(2026, 3, 1)
LINES = "\n".join(f"{code} | {name} | 0.2 | 办法第5条" for code, name in RULES.items())


def at(day: int, hour: int = 10) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def period(world: World) -> Period:
    for spec in DOMAIN.roles:
        declare(SYSTEM, spec, "test")
    post = create_post(SYSTEM, world.unit("HOTLINE"), code="officer", name="考核员")
    hold_role(SYSTEM, Role.objects.get(code="appraisal.officer").pk, post.pk, valid_from=LONG_AGO, reason="测试")
    person = create_person(SYSTEM, name="考核员", staff_number="K1")
    appoint(SYSTEM, person.pk, post.pk, valid_from=LONG_AGO)
    officer = actor_of_person(person)
    scheme = schemes.create_scheme(officer, code="S", name="热线考核")
    schemes.publish_version(
        officer, schemes.draft_version(officer, scheme, number="1", effective_from=MARCH, rule_lines=LINES)
    )
    return periods.open_period(officer, scheme, MARCH, [world.unit("HOUSING"), world.unit("URBAN")])


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
    assert outcome is not None and outcome.message == "新增扣分 4 条。"
    period.refresh_from_db()
    assert period.collection["sources"]["12345 热线"]["added"] == 4
