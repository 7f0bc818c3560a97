"""The operations of a case one by one, with their refusals; after each, fold = state."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import Error, connection, transaction
from django.utils import timezone

from yiwang.kernel.access.actors import SYSTEM, Actor, Conflict, Invalid, Permission, Refused
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.calendar import services as calendars
from yiwang.kernel.calendar.workdays import Override
from yiwang.kernel.clocks.above import Above
from yiwang.kernel.clocks.models import Clock
from yiwang.kernel.clocks.terms import RungKind
from yiwang.kernel.clocks.timers import run_due
from yiwang.kernel.flow import fold, services
from yiwang.kernel.flow.definitions import (
    Action,
    Assign,
    ClockRule,
    Decide,
    Flow,
    Gate,
    Operation,
    Stage,
    end,
)  # fmt: skip
from yiwang.kernel.flow.models import Case, Entry, Seat
from yiwang.kernel.flow.queries import available, charges, followed, inbox, timeline, visible
from yiwang.kernel.flow.testing import check
from yiwang.kernel.flow.tests import flows
from yiwang.kernel.flow.tests.town import Town
from yiwang.kernel.flow.timing import effect, moved, notice
from yiwang.kernel.people.models import Appointment, Delegation

ABOVE = Above(Case, {RungKind.NOTICE: notice, RungKind.EFFECT: effect}, [moved])


@pytest.fixture(autouse=True)
def calendar(db: None) -> None:
    calendars.publish(SYSTEM, "cn", [Override(date(2026, 1, 1), "rest", "元旦")], "测试通知", years=[2026])


def now(case: Case) -> Case:
    return Case.objects.get(pk=case.pk)


def seat_of(town: Town, case: Case, name: str, **more: object) -> Seat:
    return Seat.objects.filter(case=case, post_id=town.at(name), state="open", **more).get()


def at_handle(town: Town, *clocks: ClockRule) -> Case:
    """A hotline case that water1 has claimed."""
    version = town.publish(flows.hotline(*clocks))
    case = services.open_case(town["operator"], version.code, "积水", organisation_id=town.unit("centre"))
    services.act(town["operator"], case.pk, "submit")
    services.act(town["operator2"], case.pk, "send", data={"to": town.unit("water")})
    services.claim(town["water1"], case.pk, seat_id=Seat.objects.get(case=case, state="open").pk)
    return case


def voting(town: Town, decide: Decide, *operations: Operation, **rest: object) -> Case:
    version = town.publish(flows.voting(decide, *operations, **rest))
    return services.open_case(town["operator"], version.code, "会签件", organisation_id=town.unit("water"))


@pytest.mark.parametrize(
    ("decide", "acts", "outcome"),
    [
        (Decide("all"), ["agree", "agree", "agree"], "passed"),
        (Decide("all"), ["agree", "refuse"], "refused"),
        (Decide("any"), ["agree"], "passed"),
        (Decide("any"), ["refuse"], "refused"),
        (Decide("ratio", 0.6), ["refuse", "agree", "agree"], "passed"),
        (Decide("ratio", 0.6), ["refuse", "refuse"], "refused"),
        (Decide("count", 2), ["agree", "refuse", "agree"], "passed"),
        (Decide("weight", 0.5, weights={"water1": 5}), ["agree"], "passed"),
        (Decide("ratio", 0.5, reject_at=0.3), ["refuse"], "refused"),
        (Decide("all", sequential=True), ["agree", "agree", "agree"], "passed"),
    ],
)
def test_会签_依次_或签_票签(town: Town, decide: Decide, acts: list[str], outcome: str) -> None:
    case = voting(town, decide)
    for number, action in enumerate(acts, 1):
        services.act(town[f"water{number}"], case.pk, action)
    assert now(case).outcome == outcome
    check(now(case))


def test_依次会签不能越序(town: Town) -> None:
    case = voting(town, Decide("all", sequential=True))
    with pytest.raises(Refused):
        services.act(town["water2"], case.pk, "agree")
    services.act(town["water1"], case.pk, "agree")
    services.act(town["water2"], case.pk, "agree")
    check(now(case))


def test_invariant_12_撤回后状态与办理前一致(town: Town) -> None:
    case = at_handle(town, ClockRule("h", "办理", "working_day", 5, starts="enter:handle", stops="leave:handle"))
    before = fold.stored(case.pk)
    services.act(town["water1"], case.pk, "finish", opinion="已处理")
    services.withdraw(town["water1"], case.pk)
    after = fold.stored(case.pk)
    drop = ("ops", "charge")
    for state in (before, after):
        state.case.pop("seats_made")
        for key in drop:
            state.case["memory"].pop(key, None)
    assert after.case == before.case
    assert {ref: after.seats[ref] for ref in before.seats} == before.seats
    assert all(seat["state"] == "void" for ref, seat in after.seats.items() if ref not in before.seats)
    assert after.seq > before.seq
    check(now(case))
    services.act(town["water1"], case.pk, "finish", opinion="再办")
    services.act(town["water_head"], case.pk, "agree")
    with pytest.raises(Conflict, match="不是您的"):
        services.withdraw(town["water1"], case.pk)
    check(now(case))


def test_invariant_13_退回作废后续席位开新轮并重启时钟(town: Town) -> None:
    case = at_handle(town, ClockRule("h", "办理", "working_day", 5, starts="enter:handle", stops="leave:handle"))
    services.act(town["water1"], case.pk, "finish", opinion="已处理")
    with pytest.raises(Invalid, match="理由"):
        services.send_back(town["water_head"], case.pk)
    with pytest.raises(Invalid, match="已办理过"):
        services.send_back(town["water_head"], case.pk, to="visit", opinion="退")
    services.send_back(town["water_head"], case.pk, to="handle", opinion="补充照片")
    found = now(case)
    assert (found.stage, found.round) == ("handle", 2)
    clocks = Clock.objects.filter(case_id=case.pk, code="h").order_by("round")
    assert [clock.status for clock in clocks] == ["finished", "running"]
    assert clocks[1].timers.filter(state="armed").exists()
    assert seat_of(town, case, "water1")
    assert Seat.objects.filter(case=case, stage="review", state="void").count() == 1
    check(found)


def test_invariant_14_直送退回人回到同一岗位即使换人(town: Town) -> None:
    flow = flows.hotline()
    operations = (*(item for item in flow.operations if item.code != "send_back"),
                  Operation("send_back", settings={"redo": "direct"}))  # fmt: skip
    version = town.publish(Flow(**{**flow.__dict__, "operations": operations}))
    case = services.open_case(town["operator"], version.code, "积水", organisation_id=town.unit("centre"))
    services.act(town["operator"], case.pk, "submit")
    services.act(town["operator2"], case.pk, "send", data={"to": town.unit("water")})
    services.act(town["water1"], case.pk, "finish", opinion="好")
    services.act(town["water_head"], case.pk, "agree")
    services.act(town["operator"], case.pk, "again")
    services.act(town["water1"], case.pk, "finish", opinion="好")
    services.send_back(town["water_head"], case.pk, to="handle", opinion="重写")
    Appointment.objects.filter(post_id=town.at("water_head")).update(valid_until=timezone.localdate() - timedelta(2))
    successor = town.person("successor", "water_head")
    services.act(town["water1"], case.pk, "finish", opinion="写好了")
    seat = Seat.objects.get(case=case, state="open")
    assert (seat.stage, seat.post_id, seat.person_id) == ("review", town.at("water_head"), successor.person_id)
    with pytest.raises(Refused):
        services.act(town["water_head"], case.pk, "agree")
    services.act(successor, case.pk, "agree")
    check(now(case))


def test_invariant_15_加签不降低已有结论_减签不及已签也不清空(town: Town) -> None:
    case = voting(town, Decide("any"))
    services.add_seat(town["water1"], case.pk, to=[town.at("roads1")], mode="after", opinion="请路桥复核")
    services.act(town["water1"], case.pk, "agree")
    assert now(case).status == "open"
    with pytest.raises(Refused):
        services.add_seat(town["roads1"], case.pk, to=[town.at("roads2")], mode="alongside")
    services.act(town["roads1"], case.pk, "agree")
    assert now(case).outcome == "passed"
    check(now(case))
    case = voting(town, Decide("all"))
    signed = seat_of(town, case, "water1")
    services.act(town["water1"], case.pk, "agree")
    with pytest.raises(Conflict, match="已签署"):
        services.remove_seat(town["water2"], case.pk, seat_id=signed.pk)
    services.remove_seat(town["water2"], case.pk, seat_id=seat_of(town, case, "water3").pk)
    assert now(case).status == "open"
    services.act(town["water2"], case.pk, "agree")
    assert now(case).outcome == "passed"
    case = voting(town, Decide("lead"))
    for name in ("water2", "water3"):
        services.remove_seat(town["water1"], case.pk, seat_id=seat_of(town, case, name).pk)
    with pytest.raises(Refused, match="无人签署"):
        services.remove_seat(town["water1"], case.pk, seat_id=seat_of(town, case, "water1").pk)
    check(now(case))


def test_前加签须先办(town: Town) -> None:
    case = voting(town, Decide("all"))
    services.add_seat(town["water1"], case.pk, to=[town.at("roads1"), town.at("roads2")], mode="before")
    with pytest.raises(Refused):
        services.act(town["water1"], case.pk, "agree")
    for name in ("roads1", "roads2", "water1", "water2", "water3"):
        services.act(town[name], case.pk, "agree")
    assert now(case).outcome == "passed"
    check(now(case))


def test_invariant_16_委派必回_有层数_不循环_可收回(town: Town) -> None:
    case = voting(town, Decide("all"))
    services.delegate(town["water1"], case.pk, to=town.at("roads1"))
    with pytest.raises(Refused):
        services.act(town["water1"], case.pk, "agree")
    given = seat_of(town, case, "roads1")
    with pytest.raises(Refused, match="委派链"):
        services.delegate(town["roads1"], case.pk, to=town.at("water1"), seat_id=given.pk)
    services.delegate(town["roads1"], case.pk, to=town.at("roads2"), seat_id=given.pk)
    services.answer(town["roads2"], case.pk, opinion="可行")
    services.answer(town["roads1"], case.pk, opinion="同意")
    services.act(town["water1"], case.pk, "agree")
    mine = seat_of(town, case, "water2")
    services.delegate(town["water2"], case.pk, to=town.at("roads1"))
    services.recall(town["water2"], case.pk, seat_id=mine.pk)
    services.act(town["water2"], case.pk, "agree")
    services.delegate(town["water3"], case.pk, to=town.at("roads1"))
    services.delegate(town["roads1"], case.pk, to=town.at("roads2"))
    services.delegate(town["roads2"], case.pk, to=town.at("roads3"))
    with pytest.raises(Refused, match="层"):
        services.delegate(town["roads3"], case.pk, to=town.at("police1"))
    check(now(case))


def agency(town: Town, **more: object) -> Delegation:
    moment = timezone.now()
    return Delegation.objects.create(
        **{"principal_id": town["water_head"].person_id, "post_id": town.at("water_head"), "reason": "出差",
           "agent_id": town["roads1"].person_id, "valid_from": moment - timedelta(1), "valid_until": moment + timedelta(1),
           **more}
    )  # fmt: skip


def test_invariant_16_代理有期限有密级_记录两人姓名(town: Town) -> None:
    case = at_handle(town)
    services.act(town["water1"], case.pk, "finish", opinion="好")
    with pytest.raises(Refused):
        services.act(town["roads1"], case.pk, "agree")
    given = agency(town, valid_until=timezone.now() - timedelta(hours=1))
    with pytest.raises(Refused):
        services.act(town["roads1"], case.pk, "agree")
    given.delete()
    given = agency(town, flows=["another"])
    assert not inbox(town["roads1"], "todo").exists()
    with pytest.raises(Refused):
        services.act(town["roads1"], case.pk, "agree")
    given.delete()
    agency(town)
    Case.objects.filter(pk=case.pk).update(secrecy=1)
    with pytest.raises(Refused):
        services.act(town["roads1"], case.pk, "agree")
    assert not inbox(town["roads1"], "todo").exists()
    Case.objects.filter(pk=case.pk).update(secrecy=0)
    assert inbox(town["roads1"], "todo").count() == 1
    entry = services.act(town["roads1"], case.pk, "agree")
    assert (entry.person_id, entry.acting_for_id) == (town["roads1"].person_id, town["water_head"].person_id)
    assert timeline(now(case))[-1].acting_for == "water_head"


def test_invariant_17_看不到的席位不能办(town: Town) -> None:
    case = at_handle(town)
    stranger = town["police1"]
    forged = Actor(**{**stranger.__dict__, "post_ids": (town.at("water1"),)})
    for actor in (stranger, forged):
        assert not visible(stranger, now(case))
        for step in (
            lambda who=actor: services.act(who, case.pk, "finish", opinion="x"),
            lambda who=actor: services.transfer(who, case.pk, to=town.at("police2")),
            lambda who=actor: services.suspend(who, case.pk, cause="a", basis="b"),
            lambda who=actor: services.jump(who, case.pk, stage="visit", opinion="x"),
            lambda who=actor: services.terminate(who, case.pk, opinion="x"),
            lambda who=actor: services.cancel(who, case.pk, opinion="x"),
            lambda who=actor: services.decline(who, case.pk, opinion="x"),
        ):
            with pytest.raises(Refused):
                step()
    assert available(stranger, now(case)) == []


def test_invariant_18_无人可派转调度岗并显示异常(town: Town) -> None:
    version = town.publish(flows.hotline())
    town.organisation("empty", "gov")
    case = services.open_case(town["operator"], version.code, "积水", organisation_id=town.unit("centre"))
    services.act(town["operator"], case.pk, "submit")
    services.act(town["operator2"], case.pk, "send", data={"to": town.unit("empty")})
    seat = Seat.objects.get(case=case, state="open")
    assert seat.fault and seat.organisation_id == town.unit("centre")
    with pytest.raises(Refused):
        services.assign(town["water1"], case.pk, to=town.at("water1"), seat_id=seat.pk)
    services.assign(town["operator"], case.pk, to=town.at("water2"), seat_id=seat.pk)
    services.act(town["water2"], case.pk, "finish", opinion="好")
    check(now(case))


@pytest.mark.parametrize("road", ["transfer", "add_seat", "agency"])
def test_invariant_19_同一人本轮不得再签_无论席位怎么来(town: Town, road: str) -> None:
    case = at_handle(town)
    services.act(town["water1"], case.pk, "finish", opinion="好")
    if road == "transfer":
        services.transfer(town["water_head"], case.pk, to=town.at("water1"))
    elif road == "add_seat":
        services.add_seat(town["water_head"], case.pk, to=[town.at("water1")], mode="before")
    else:
        agency(town, agent_id=town["water1"].person_id)
    with pytest.raises(Invalid, match="不得再次签署"):
        services.act(town["water1"], case.pk, "agree")


def test_同人去重自动跳过并留痕(town: Town) -> None:
    stages = tuple(
        Stage(code, code, Assign("role", role="reviewer"), (Action("ok", "同意", to), ), same_person="skip_earlier_signer")
        for code, to in (("a", "b"), ("b", end("done")))
    )  # fmt: skip
    version = town.publish(Flow("twice", "去重", "1", stages, (("done", "完"),), operator_role="operator"))
    case = services.open_case(town["operator"], version.code, "件", organisation_id=town.unit("water"))
    entry = services.act(town["water_head"], case.pk, "ok")
    assert now(case).outcome == "done"
    assert entry.payload["facts"]["passed"] == [["b", "本轮已由同一人签署"]]
    check(now(case))


def test_转办_抄送_已阅_催办_协办(town: Town) -> None:
    case = at_handle(town)
    services.transfer(town["water1"], case.pk, to=town.at("water2"), opinion="请你办")
    with pytest.raises(Refused):
        services.act(town["water1"], case.pk, "finish", opinion="x")
    services.copy(town["water2"], case.pk, to=[town.at("police1")])
    [copied] = inbox(town["police1"], "copied")
    services.read(town["police1"], case.pk, seat_id=copied.pk)
    with pytest.raises(Conflict, match="已登记阅读"):
        services.read(town["police1"], case.pk, seat_id=copied.pk)
    services.urge(town["operator"], case.pk)
    with pytest.raises(Refused, match="24 小时"):
        services.urge(town["operator"], case.pk)
    services.co_handle(town["water2"], case.pk, organisations=[town.unit("roads")])
    with pytest.raises(Refused, match="协办"):
        services.act(town["water2"], case.pk, "finish", opinion="x")
    services.answer(town["roads2"], case.pk, opinion="路面由我处修复")
    services.act(town["water2"], case.pk, "finish", opinion="好")
    check(now(case))


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


def test_延期届满前申请并由他人批准_次数有限(town: Town) -> None:
    clock = ClockRule("h", "办理", "working_day", 5, starts="enter:handle", stops="leave:handle", extensions=1,
                      extension_budget=5)  # fmt: skip
    case = at_handle(town, clock)
    before = Clock.objects.get(case_id=case.pk).due_at
    with pytest.raises(Invalid, match="1 至 5"):
        services.extend(town["water1"], case.pk, amount=9, opinion="工期")
    services.extend(town["water1"], case.pk, amount=5, opinion="工期")
    with pytest.raises(Refused):
        services.rule_extension(town["water1"], case.pk, grant=True)
    services.rule_extension(town["water_head"], case.pk, grant=True)
    assert Clock.objects.get(case_id=case.pk).due_at > before
    assert seat_of(town, case, "water1").due == Clock.objects.get(case_id=case.pk).due_at
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


def deemed() -> Flow:
    return Flow(
        "permit", "许可", "1",
        (
            Stage("receive", "受理", Assign("role", role="handler", pool=True),
                  (Action("accept", "受理", "review"), Action("refuse", "不予受理", end("refused"), "reject"))),
            Stage("review", "审查", Assign("role", role="reviewer"), (Action("grant", "准予", end("granted")),)),
        ),
        (("granted", "准予"), ("refused", "不予受理")),
        clocks=(ClockRule("accept", "受理", "calendar_day", 5, starts="enter:receive", stops="leave:receive",
                          on_breach="act:accept", basis="行政许可法第三十二条第四项"),
                ClockRule("decide", "许可", "working_day", 20, kind="statutory", starts="act:accept")),
        operations=flows.EVERY, operator_role="operator",
    )  # fmt: skip


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


def parent_flow() -> Flow:
    return Flow(
        "one-thing", "一件事", "1",
        (
            Stage("together", "联办", Assign("role", role="operator", of="operator", pool=True),
                  (Action("finish", "汇总办结", end("done"), gates=(Gate("children_closed"),)),),
                  when_children_closed="finish", charge="operator"),
        ),
        (("done", "办结"),), clocks=(ClockRule("joint", "联办时限", "working_day", 45, kind="joint"),),
        operations=flows.EVERY, operator_role="operator",
    )  # fmt: skip


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
