"""Cases brought to where the tests of operations begin."""

from datetime import timedelta

from django.utils import timezone

from yiwang.kernel.clocks.above import Above
from yiwang.kernel.clocks.terms import RungKind
from yiwang.kernel.flow import services
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
from yiwang.kernel.flow.models import Case, Seat
from yiwang.kernel.flow.tests import flows
from yiwang.kernel.flow.tests.town import Town
from yiwang.kernel.flow.timing import effect, moved, notice
from yiwang.kernel.people.models import Delegation

ABOVE = Above(Case, {RungKind.NOTICE: notice, RungKind.EFFECT: effect}, [moved])


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


def agency(town: Town, **more: object) -> Delegation:
    moment = timezone.now()
    return Delegation.objects.create(
        **{"principal_id": town["water_head"].person_id, "post_id": town.at("water_head"), "reason": "出差",
           "agent_id": town["roads1"].person_id, "valid_from": moment - timedelta(1), "valid_until": moment + timedelta(1),
           **more}
    )  # fmt: skip


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
