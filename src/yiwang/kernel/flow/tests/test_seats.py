"""Operations on seats, one by one, with their refusals; after each, fold = state."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.clocks.models import Clock
from yiwang.kernel.flow import fold, services
from yiwang.kernel.flow.definitions import (
    Action,
    Assign,
    ClockRule,
    Decide,
    Flow,
    Operation,
    Stage,
    end,
)  # fmt: skip
from yiwang.kernel.flow.models import Case, Seat
from yiwang.kernel.flow.queries import available, inbox, reach_of, timeline, visible
from yiwang.kernel.flow.testing import check
from yiwang.kernel.flow.tests import flows
from yiwang.kernel.flow.tests.cases import agency, at_handle, now, seat_of, voting
from yiwang.kernel.flow.tests.town import Town
from yiwang.kernel.orgs.models import Post
from yiwang.kernel.people.models import Appointment, Delegation, Person

pytestmark = pytest.mark.usefixtures("calendar")


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


def stopped_serving(town: Town) -> None:
    Appointment.objects.filter(post_id=town.at("water_head")).update(valid_until=date(2020, 1, 1))


def left(town: Town) -> None:
    Person.objects.filter(pk=town["water_head"].person_id).update(active=False)


def post_retired(town: Town) -> None:
    Post.objects.filter(pk=town.at("water_head")).update(active=False)


def not_yet(town: Town) -> None:
    Delegation.objects.update(valid_from=timezone.now() + timedelta(hours=1))


def over(town: Town) -> None:
    Delegation.objects.update(valid_until=timezone.now())


def taken_back(town: Town) -> None:
    Delegation.objects.update(revoked_at=timezone.now())


@pytest.mark.parametrize(
    "end", [stopped_serving, left, post_retired, not_yet, over, taken_back], ids=lambda f: f.__name__
)
def test_invariant_16_委托人不再任职或不在期间_代理人看不到也办不了(town: Town, end: Callable[[Town], None]) -> None:
    case = at_handle(town)
    services.act(town["water1"], case.pk, "finish", opinion="好")
    agency(town)
    assert inbox(town["roads1"], "todo").count() == 1 and visible(town["roads1"], case)
    end(town)
    assert reach_of(town["roads1"], timezone.now()).stand_ins == ()
    assert not inbox(town["roads1"], "todo").exists() and not visible(town["roads1"], case)
    assert not [choice for choice in available(town["roads1"], now(case)) if choice.enabled]
    with pytest.raises(Refused):
        services.act(town["roads1"], case.pk, "agree")
    assert now(case).stage == "review"


def with_co_handlers(town: Town) -> Case:
    """A case at 办理 of water, with the opinion of roads already given."""
    version = town.publish(flows.hotline())
    case = services.open_case(town["operator"], version.code, "积水", organisation_id=town.unit("centre"),
                              data={"co_handlers": [town.unit("roads")]})  # fmt: skip
    services.act(town["operator"], case.pk, "submit")
    services.act(town["operator2"], case.pk, "send", data={"to": town.unit("water")})
    services.answer(town["roads1"], case.pk, opinion="路面由我处修复")
    services.act(town["water1"], case.pk, "finish", opinion="已处理")
    return case


def asked(case: Case) -> list[int]:
    seats = Seat.objects.filter(case=case, kind="co", state="open")
    return list(seats.values_list("organisation_id", flat=True))


@pytest.mark.parametrize("back", ["rework", "send_back"])
def test_主办内部退回重写_已答复的协办不必再答(town: Town, back: str) -> None:
    case = with_co_handlers(town)
    if back == "rework":
        services.act(town["water_head"], case.pk, "rework")
    else:
        services.send_back(town["water_head"], case.pk, opinion="重写")
    assert (now(case).stage, asked(case)) == ("handle", [])
    services.act(town["water1"], case.pk, "finish", opinion="重写后")
    assert now(case).stage == "review"
    check(now(case))


def test_主办退回重写时点名协办_须再答(town: Town) -> None:
    case = with_co_handlers(town)
    services.act(town["water_head"], case.pk, "rework")
    services.co_handle(town["water1"], case.pk, organisations=[town.unit("roads")])
    with pytest.raises(Refused, match="协办"):
        services.act(town["water1"], case.pk, "finish", opinion="重写后")
    services.answer(town["roads2"], case.pk, opinion="补充意见")
    services.act(town["water1"], case.pk, "finish", opinion="重写后")
    check(now(case))


def test_回访不满意重办_协办须再答(town: Town) -> None:
    case = with_co_handlers(town)
    services.act(town["water_head"], case.pk, "agree")
    services.act(town["operator"], case.pk, "again")
    assert asked(case) == [town.unit("roads")]
    with pytest.raises(Refused, match="协办"):
        services.act(town["water1"], case.pk, "finish", opinion="再办")
    check(now(case))
