"""What rungs and calendars do to cases: 自动催办, 超期督办, a limit that a published calendar moves."""

from datetime import date, datetime, timedelta

import pytest
from django.utils import timezone

from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.calendar import services as calendars
from yiwang.kernel.calendar.terms import CHINA
from yiwang.kernel.calendar.workdays import Override
from yiwang.kernel.clocks import services as clocks
from yiwang.kernel.clocks import timers
from yiwang.kernel.clocks.models import Clock
from yiwang.kernel.flow import fold, jobs, services
from yiwang.kernel.flow.definitions import ClockRule
from yiwang.kernel.flow.models import Case, Entry, Outbox, Seat
from yiwang.kernel.flow.outbox import deliver
from yiwang.kernel.flow.tests import flows
from yiwang.kernel.flow.tests.town import Town
from yiwang.kernel.messages.models import Message


@pytest.fixture(autouse=True)
def calendar(db: None) -> None:
    assert jobs.owned_by
    calendars.publish(SYSTEM, "cn", [Override(date(2026, 1, 1), "rest", "元旦")], "测试通知", years=[2025, 2026])


def overdue(town: Town, *rungs: str, on_breach: str = "") -> Case:
    """A case opened two hours ago under a limit of one."""
    clock = ClockRule("whole", "办理", "minute", 60, kind="promised", rungs=rungs, on_breach=on_breach)
    version = town.publish(flows.plain(2, clocks=(clock,)))
    at = timezone.now() - timedelta(hours=2)
    return services.open_case(town["operator"], version.code, "件", organisation_id=town.unit("centre"), happened_at=at)


def test_自动催办_告知在办人员_记一条(town: Town) -> None:
    case = overdue(town, "80%")
    timers.run_due()
    entry = Entry.objects.get(case=case, kind="rung")
    assert (entry.payload["facts"]["clock"], entry.payload["facts"]["rung"]) == ("whole", "80%")
    assert Outbox.objects.get(case=case, kind="rung").payload["refs"] == [1]
    deliver()
    told = Message.objects.filter(person_id=town["operator2"].person_id, dedup__contains=f"flow:{case.pk}.2")
    assert [message.title for message in told] == ["催办：件"]
    timers.run_due()
    assert Entry.objects.filter(case=case, kind="rung").count() == 1


def test_超期升级_给主办单位负责人一席督办_不挡办理(town: Town) -> None:
    case = overdue(town, "due", on_breach="escalate")
    timers.run_due()
    watch = Seat.objects.get(case=case, kind="watch")
    assert (watch.state, watch.organisation_id, watch.pool) == ("open", town.unit("centre"), "@head")
    [known] = Case.objects.get(pk=case.pk).memory["watches"]
    assert (known["ref"], known["state"]) == (watch.ref, "open")
    services.act(town["operator"], case.pk, "go")
    services.act(town["operator"], case.pk, "go")
    assert Case.objects.get(pk=case.pk).outcome == "done"
    assert fold.broken(case.pk) == []


def test_日历改变期限_记一条_席位期限随之(town: Town) -> None:
    clock = ClockRule("whole", "办理", "working_day", 5, kind="promised", rungs=())
    version = town.publish(flows.plain(2, clocks=(clock,)))
    at = datetime(2026, 3, 2, 10, tzinfo=CHINA)
    case = services.open_case(town["operator"], version.code, "件", organisation_id=town.unit("centre"), happened_at=at)
    before = Seat.objects.get(case=case).due
    assert before == datetime(2026, 3, 10, tzinfo=CHINA)
    calendars.publish(SYSTEM, "cn", [Override(date(2026, 3, 4), "rest", "临时放假")], "通知")
    clocks.recompute("cn")
    after = datetime(2026, 3, 11, tzinfo=CHINA)
    assert Clock.objects.get(case_id=case.pk).due_at == Seat.objects.get(case=case).due == after
    entry = Entry.objects.get(case=case, kind="rung")
    assert [datetime.fromisoformat(text) for text in entry.payload["facts"]["due"]] == [before, after]
    clocks.recompute("cn")
    assert Entry.objects.filter(case=case).count() == 2
