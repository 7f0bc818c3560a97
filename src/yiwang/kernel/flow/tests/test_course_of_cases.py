"""Operations on the course of a case and on its clocks; after each, fold = state."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from yiwang.kernel.access.actors import Conflict, Invalid, Refused
from yiwang.kernel.clocks.models import Clock, Timer
from yiwang.kernel.clocks.timers import run_due
from yiwang.kernel.flow import services
from yiwang.kernel.flow.definitions import (
    Action,
    Assign,
    ClockRule,
    Flow,
    Stage,
    end,
)  # fmt: skip
from yiwang.kernel.flow.models import Case, Entry
from yiwang.kernel.flow.queries import available, charges, inbox, timeline
from yiwang.kernel.flow.testing import check
from yiwang.kernel.flow.tests import flows
from yiwang.kernel.flow.tests.cases import ABOVE, at_handle, deemed, now, seat_of
from yiwang.kernel.flow.tests.town import Town

pytestmark = pytest.mark.usefixtures("calendar")


def test_退单期间本单位停表计派单方_裁定后不得再退(town: Town) -> None:
    clock = ClockRule("h", "办理", "working_day", 5, starts="enter:handle", stops="leave:handle")
    case = at_handle(town, clock)
    services.decline(town["water1"], case.pk, opinion="非我单位职责")
    assert Clock.objects.get(case_id=case.pk).status == "suspended"
    with pytest.raises(Refused):
        services.act(town["water1"], case.pk, "finish", opinion="x")
    services.arbitrate(town["operator"], case.pk, organisation=town.unit("roads"), opinion="由路桥办理")
    clocks = Clock.objects.filter(case_id=case.pk).order_by("round")
    assert [item.status for item in clocks] == ["superseded", "running"]
    with pytest.raises(Refused, match="不得再次退单"):
        services.decline(town["roads1"], case.pk, opinion="也不是我")
    services.act(town["roads1"], case.pk, "finish", opinion="好")
    services.act(town["roads_head"], case.pk, "agree")
    services.act(town["operator"], case.pk, "satisfied")
    spans = charges(now(case))
    assert [(span.party, span.organisation_id) for span in spans] == [
        ("operator", town.unit("centre")), ("operator", town.unit("centre")), ("lead", town.unit("water")),
        ("operator", town.unit("centre")), ("lead", town.unit("roads")), ("lead", town.unit("roads")),
        ("operator", town.unit("centre")),
    ]  # fmt: skip
    check(now(case))


def test_裁定仍由原单位办理则继续原席位(town: Town) -> None:
    case = at_handle(town, ClockRule("h", "办理", "working_day", 5, starts="enter:handle", stops="leave:handle"))
    services.decline(town["water1"], case.pk, opinion="非我单位职责")
    services.arbitrate(town["operator"], case.pk, organisation=town.unit("water"), opinion="属水务")
    assert Clock.objects.get(case_id=case.pk).status == "running"
    services.act(town["water1"], case.pk, "finish", opinion="好")
    check(now(case))


def offered(town: Town, case: Case) -> set[str]:
    return {choice.code for choice in available(town["water1"], now(case))}


def test_延期届满前申请并由他人批准_次数有限(town: Town) -> None:
    clock = ClockRule("h", "办理", "working_day", 5, starts="enter:handle", stops="leave:handle", extensions=1,
                      extension_budget=5)  # fmt: skip
    case = at_handle(town, clock)
    before = Clock.objects.get(case_id=case.pk).due_at
    assert "extend" in offered(town, case)
    with pytest.raises(Invalid, match="1 至 5"):
        services.extend(town["water1"], case.pk, amount=9, opinion="工期")
    services.extend(town["water1"], case.pk, amount=5, opinion="工期")
    with pytest.raises(Refused):
        services.rule_extension(town["water1"], case.pk, grant=True)
    services.rule_extension(town["water_head"], case.pk, grant=True)
    assert Clock.objects.get(case_id=case.pk).due_at > before
    assert seat_of(town, case, "water1").due == Clock.objects.get(case_id=case.pk).due_at
    assert "extend" not in offered(town, case)
    with pytest.raises(Refused, match="已用完"):
        services.extend(town["water1"], case.pk, amount=1, opinion="再延")
    check(now(case))


def test_督办有反馈才能销号_不阻塞(town: Town) -> None:
    case = at_handle(town)
    services.supervise(town["mayor"], case.pk, requirement="三日内反馈", due=timezone.now() + timedelta(3))
    [watch] = inbox(town["water_head"], "watched")
    with pytest.raises(Refused, match="尚未反馈"):
        services.strike_off(town["mayor"], case.pk, watch=watch.ref)
    services.act(town["water1"], case.pk, "finish", opinion="好")
    services.answer(town["water_head"], case.pk, opinion="已办", seat_id=watch.pk)
    services.strike_off(town["mayor"], case.pk, watch=watch.ref)
    assert now(case).memory["watches"][0]["state"] == "closed"
    check(now(case))


def test_补正只一次_期间停表_恢复后继续(town: Town) -> None:
    case = at_handle(town, ClockRule("w", "全程", "working_day", 20))
    with pytest.raises(Invalid, match="一次性"):
        services.correct(town["water1"], case.pk, items="", basis="")
    services.correct(town["water1"], case.pk, items="身份证明", basis="行政许可法第三十二条")
    assert Clock.objects.get(case_id=case.pk).status == "suspended"
    with pytest.raises(Conflict, match="挂起"):
        services.act(town["water1"], case.pk, "finish", opinion="x")
    assert charges(now(case))[-1].party == "nobody"
    services.resume(town["water1"], case.pk)
    with pytest.raises(Refused, match="最多 1 次"):
        services.correct(town["water1"], case.pk, items="再要一份", basis="x")
    check(now(case))


def test_撤件_终止_重启_跳转_补录(town: Town) -> None:
    case = at_handle(town, ClockRule("w", "全程", "working_day", 20))
    services.jump(town["operator"], case.pk, stage="visit", opinion="特殊情况")
    services.act(town["operator"], case.pk, "satisfied")
    with pytest.raises(Conflict, match="已办结"):
        services.act(town["operator"], case.pk, "satisfied")
    services.reopen(town["operator"], case.pk, stage="handle", opinion="来电要求重办")
    assert Clock.objects.get(case_id=case.pk).status == "running"
    past = datetime(2026, 1, 5, 2, tzinfo=UTC)
    entry = services.late_entry(town["operator"], case.pk, happened_at=past, opinion="当日电话沟通")
    assert entry.happened_at == past != entry.recorded_at
    assert timeline(now(case))[-1].late
    services.terminate(town["operator"], case.pk, opinion="重复")
    assert now(case).outcome == "terminated"
    check(now(case))
    case = at_handle(town)
    services.cancel(town["operator"], case.pk, opinion="来电撤销")
    assert now(case).outcome == "cancelled"


def test_视为受理按法定时刻生效(town: Town) -> None:
    version = town.publish(deemed())
    opened = timezone.now() - timedelta(days=9)
    case = services.open_case(
        town["operator"], version.code, "申请", organisation_id=town.unit("water"), happened_at=opened
    )
    due = Clock.objects.get(case_id=case.pk).due_at
    while run_due(100, above=ABOVE):
        pass
    entry = Entry.objects.get(case=case, kind="act")
    assert (entry.action, entry.happened_at, entry.actor_name) == ("accept", due, "系统")
    assert Clock.objects.get(case_id=case.pk, code="decide").started_at == due
    assert now(case).stage == "review"
    assert charges(now(case))[0].stop == due
    check(now(case))


def test_文号在办理时取得_撤回不收回编号(town: Town) -> None:
    stages = (
        Stage("sign", "签发", Assign("role", role="reviewer"),
              (Action("issue", "签发", "print", number="府办|府办〔{year}〕{value}号"),)),
        Stage("print", "印制", Assign("role", role="operator", of="operator"), (Action("done", "印毕", end("done")),)),
    )  # fmt: skip
    version = town.publish(Flow("paper", "发文", "1", stages, (("done", "完"),), operations=flows.EVERY,
                                operator_role="operator"))  # fmt: skip
    case = services.open_case(town["operator"], version.code, "通知", organisation_id=town.unit("water"))
    services.act(town["water_head"], case.pk, "issue")
    assert now(case).memory["numbers"]["issue"].startswith(f"府办〔{timezone.localdate().year}〕")
    with pytest.raises(Refused, match="编号不得收回"):
        services.withdraw(town["water_head"], case.pk)


def test_项目跨年多环节_时钟以月计(town: Town) -> None:
    flow = flows.plain(6, clocks=(ClockRule("whole", "建设周期", "month", 36),))
    version = town.publish(flow)
    start = datetime(2023, 3, 1, 2, tzinfo=UTC)
    case = services.open_case(
        town["operator"], version.code, "平台项目", organisation_id=town.unit("centre"), happened_at=start
    )
    for year in range(6):
        services.act(town["operator"], case.pk, "go", happened_at=start + timedelta(days=180 * (year + 1)))
    done = now(case)
    assert done.closed_at == start + timedelta(days=1080)
    spans = charges(done)
    assert (spans[0].start, spans[-1].stop, len(spans)) == (done.opened_at, done.closed_at, 6)
    check(done)


def rounds(case: Case) -> list[tuple[int, str]]:
    return list(Clock.objects.filter(case_id=case.pk).order_by("round").values_list("round", "status"))


def test_撤回重启时钟的办理_原时钟接着走如同未曾重启(town: Town) -> None:
    again = ClockRule("h", "办理", "working_day", 5, starts="enter:handle act:note", stops="leave:handle")
    case = at_handle(town, again)
    first = Clock.objects.get(case_id=case.pk)
    armed = set(Timer.objects.filter(clock=first, state="armed").values_list("rung", "lawful_at"))
    with time_machine.travel(timezone.now() + timedelta(days=3), tick=True):
        services.act(town["water1"], case.pk, "note", opinion="重新起算")
        assert rounds(case) == [(1, "superseded"), (2, "running")]
        assert Clock.objects.get(case_id=case.pk, round=2).due_at > first.due_at
        services.withdraw(town["water1"], case.pk)
        assert rounds(case) == [(1, "running"), (2, "superseded")]
        kept = Clock.objects.get(pk=first.pk)
        assert (kept.due_at, kept.started_at) == (first.due_at, first.started_at)
        now_armed = set(Timer.objects.filter(clock=kept, state="armed").values_list("rung", "lawful_at"))
        assert now_armed == armed
        assert not Timer.objects.filter(clock__case_id=case.pk, clock__round=2, state="armed").exists()
        assert seat_of(town, case, "water1").due == first.due_at
        check(now(case))
        services.act(town["water1"], case.pk, "note", opinion="再次重新起算")
        assert rounds(case)[-1] == (3, "running")
        services.act(town["water1"], case.pk, "finish", opinion="好")
        check(now(case))


def test_撤回退回_退回时启动的时钟作废_原时钟恢复(town: Town) -> None:
    review = ClockRule("r", "审核", "working_day", 3, starts="enter:review", stops="leave:review")
    handle = ClockRule("h", "办理", "working_day", 5, starts="enter:handle", stops="leave:handle")
    case = at_handle(town, handle, review)
    services.act(town["water1"], case.pk, "finish", opinion="好")
    due = Clock.objects.get(case_id=case.pk, code="r").due_at
    services.send_back(town["water_head"], case.pk, opinion="重写")
    found = {(clock.code, clock.round): clock.status for clock in Clock.objects.filter(case_id=case.pk)}
    assert found == {("h", 1): "finished", ("r", 1): "finished", ("h", 2): "running"}
    services.withdraw(town["water_head"], case.pk)
    found = {(clock.code, clock.round): clock.status for clock in Clock.objects.filter(case_id=case.pk)}
    assert found == {("h", 1): "finished", ("r", 1): "running", ("h", 2): "superseded"}
    assert Clock.objects.get(case_id=case.pk, code="r").due_at == due
    check(now(case))
    services.act(town["water_head"], case.pk, "agree")
    check(now(case))
