"""Put any flow through random legal and illegal steps by random actors, checking the invariants after each.

    Machine = machine(FLOW, world=build)     # build() makes posts and people, returns a World
    TestFlow = Machine.TestCase

Run it in a database test case; each example works in a transaction of its own that is rolled back.
"""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.access.models import RoleHolding
from yiwang.kernel.clocks.models import Clock, Timer
from yiwang.kernel.clocks.terms import ClockStatus, TimerState
from yiwang.kernel.flow import fold, services
from yiwang.kernel.flow.charges import charges
from yiwang.kernel.flow.clockwork import known
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.flow.models import Case, Entry, Seat
from yiwang.kernel.flow.publishing import flow_of
from yiwang.kernel.flow.terms import FREE, SeatState, Status
from yiwang.kernel.orgs.models import Post

# Explaining a failure costs minutes of database time; shrinking is enough.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
OPENING = (ClockStatus.RUNNING, ClockStatus.SUSPENDED)


@dataclass(frozen=True)
class World:
    """Who may step: actors, the posts work can go to, the organisations it can be dispatched to, the flow's code.

    `openings`: the case data to open with, one of them for each walk.
    """

    flow: str
    actors: tuple[Actor, ...]
    posts: tuple[int, ...]
    organisations: tuple[int, ...]
    openings: tuple[dict[str, Any], ...] = ({},)


def check(case: Case) -> None:
    """The invariants that hold between any two acts (numbers of docs/adr: 1 2 3 4 5 7)."""
    seats = list(Seat.objects.filter(case=case))
    live = [seat for seat in seats if seat.state in (SeatState.OPEN, SeatState.WAITING)]
    seqs = list(Entry.objects.filter(case=case).order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, case.seq + 1)), "2: seq = max = count"  # noqa: S101
    if case.status == Status.CLOSED:
        assert not live, "1: a closed case has no open seat"  # noqa: S101
        assert not Clock.objects.filter(case_id=case.pk, status__in=OPENING).exists(), "1: nor a running clock"  # noqa: S101
        armed = Timer.objects.filter(clock__case_id=case.pk, state=TimerState.ARMED)
        assert not armed.exists(), "1: nor an armed timer"  # noqa: S101
    else:
        assert any(seat.state == SeatState.OPEN and seat.kind not in FREE for seat in live), "8: never stuck"  # noqa: S101
    for seat in live:
        here = (seat.stage, seat.round) == (case.stage, case.round)
        assert here or seat.kind in FREE, "5: open seats belong to the current stage-round"  # noqa: S101
    replayed, stored = fold.replay(case.pk), fold.stored(case.pk)
    assert replayed.case == stored.case, "3: fold = case"  # noqa: S101
    assert replayed.seats == stored.seats, "3: fold = seats"  # noqa: S101
    assert not fold.broken(case.pk), "4: the chain holds"  # noqa: S101
    _check_clocks(case)
    spans = charges(case)
    ends = [case.opened_at, *(span.stop for span in spans)]
    assert [span.start for span in spans] == ends[:-1], "charges partition the life of the case"  # noqa: S101


def _check_clocks(case: Case) -> None:
    """3: the clock facts of the entries are those of the clocks room."""
    rows = Clock.objects.filter(case_id=case.pk).exclude(status=ClockStatus.SUPERSEDED).order_by("round")
    assert {clock.code: clock.status for clock in rows} == known(case), "3: fold = clocks"  # noqa: S101


class CaseMachine(RuleBasedStateMachine):
    """Random steps on one case; `machine` gives it its world."""

    build: Callable[[], World]

    def __init__(self) -> None:
        super().__init__()
        self.exit = contextlib.ExitStack()
        self.exit.enter_context(transaction.atomic())
        self.world = type(self).build()
        self.verdicts: dict[int, str] = {}

    @initialize(number=st.integers(0, 50))
    def opening(self, number: int) -> None:
        actor = self.world.actors[number % len(self.world.actors)]
        unit = self.world.organisations[number % len(self.world.organisations)]
        data = self.world.openings[number % len(self.world.openings)]
        self.case = services.open_case(actor, self.world.flow, "测试", organisation_id=unit, data=dict(data))

    def _try(self, step: Callable[[], object]) -> None:
        """A refusal must leave nothing behind."""
        before = Case.objects.filter(pk=self.case.pk).values().get()
        try:
            with transaction.atomic():
                step()
        except Refused as refusal:
            assert refusal.message, "a refusal says why"  # noqa: S101
            assert Case.objects.filter(pk=self.case.pk).values().get() == before  # noqa: S101

    def _value(self, item: Field, data: st.DataObject) -> Any:
        if item.kind in ("organisation", "organisations"):
            return data.draw(st.sampled_from(self.world.organisations))
        if item.kind in ("post", "posts"):
            return data.draw(st.sampled_from(self.world.posts))
        if item.choices:
            return data.draw(st.sampled_from([code for code, _ in item.choices]))
        return 1 if item.kind in ("integer", "decimal") else "答复"

    @rule(who=st.integers(0, 50), what=st.integers(0, 50), data=st.data())
    def act(self, who: int, what: int, data: st.DataObject) -> None:
        case = Case.objects.get(pk=self.case.pk)
        actions = flow_of(case.version_id).stage(case.stage).actions
        action = actions[what % len(actions)]
        given = {item.name: self._value(item, data) for item in action.fields}
        actor = self.world.actors[who % len(self.world.actors)]
        self._try(lambda: services.act(actor, case.pk, action.code, opinion="意见", data=given))

    @rule(who=st.integers(0, 50), code=st.sampled_from(sorted(services.BY_CODE)), pick=st.integers(0, 50))
    def operate(self, who: int, code: str, pick: int) -> None:
        actor = self.world.actors[who % len(self.world.actors)]
        seats = list(Seat.objects.filter(case=self.case).order_by("-ref")[:6])
        case = Case.objects.get(pk=self.case.pk)
        path = case.memory["path"]
        data = {
            "cause": "鉴定", "basis": "行政许可法第四十五条", "items": "身份证明", "requirement": "限期答复",
            "organisation": self.world.organisations[pick % len(self.world.organisations)],
            "organisations": [self.world.organisations[pick % len(self.world.organisations)]],
            "amount": 1, "grant": pick % 2 == 0, "watch": seats[pick % len(seats)].ref, "into": case.pk + 1,
            "child": case.pk + 1, "stage": path[pick % len(path)], "happened_at": case.opened_at,
            "mode": ("before", "after", "alongside")[pick % 3],
        }  # fmt: skip
        post = self.world.posts[pick % len(self.world.posts)]
        several = code in ("add_seat", "copy")
        if code in ("transfer", "delegate", "assign", "add_seat", "copy"):
            data["to"] = [post] if several else post
        chosen = None if pick % 3 == 0 and code != "claim" else seats[pick % len(seats)].pk
        self._try(lambda: services.operate(actor, case.pk, code, seat_id=chosen, opinion="理由", data=data))

    @rule(data=st.data())
    @precondition(lambda self: self.live())
    def holder_acts(self, data: st.DataObject) -> None:
        """Somebody who really holds a seat acts, so that cases get far."""
        seat = data.draw(st.sampled_from(self.live()))
        holders = self._holders(seat) or self.world.actors
        who = self.world.actors.index(data.draw(st.sampled_from(list(holders))))
        self.act(who, data.draw(st.integers(0, 3)), data)

    def _holders(self, seat: Seat) -> list[Actor]:
        """Who may take the seat: its post, or every post of its pool. By chance alone long flows are rarely walked far."""
        posts = {seat.post_id}
        if seat.post_id is None and seat.pool == "@head":
            posts = set(
                Post.objects.filter(organisation=seat.organisation_id, is_head=True).values_list("pk", flat=True)
            )
        elif seat.post_id is None:
            held = RoleHolding.objects.filter(role__code=seat.pool, post__organisation=seat.organisation_id)
            posts = set(held.values_list("post", flat=True))
        return [actor for actor in self.world.actors if posts & set(actor.post_ids)]

    def live(self) -> list[Seat]:
        return list(Seat.objects.filter(case=self.case, state=SeatState.OPEN).order_by("ref"))

    @invariant()
    def everything_holds(self) -> None:
        if not hasattr(self, "case"):
            return
        check(Case.objects.get(pk=self.case.pk))
        for seat in Seat.objects.filter(case=self.case).exclude(verdict=""):
            undone = Entry.objects.filter(case=self.case, kind__in=("withdraw", "migrate_back")).exists()
            known_as = self.verdicts.setdefault(seat.ref, seat.verdict)
            assert undone or known_as == seat.verdict, "7: one verdict a seat"  # noqa: S101

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.exit.close()


def machine(world: Callable[[], World], *, examples: int = 5, steps: int = 15) -> type[CaseMachine]:
    """A Hypothesis state machine for the flow of a world; HYPOTHESIS_PROFILE=long runs 40 times as many cases."""
    if os.environ.get("HYPOTHESIS_PROFILE") == "long":
        examples, steps = 40 * examples, 2 * steps
    made: Any = type("FlowMachine", (CaseMachine,), {"build": staticmethod(world)})
    made.TestCase.settings = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, print_blob=True, phases=PHASES
    )
    return made  # type: ignore[no-any-return]
