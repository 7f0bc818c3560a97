"""任意走法之后：引擎的不变量成立，计时账恰好铺满受理至办结，诉求上的事实与工单一致。"""

from collections.abc import Iterator

import pytest
from django.test import TestCase
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant

from tests.worlds import give_up
from yiwang.city.hotline.models import Charge, Request
from yiwang.city.hotline.services.intake import Intake, register_request
from yiwang.city.hotline.terms import Channel, Kind
from yiwang.city.hotline.tests.world import World as District
from yiwang.kernel.flow.charges import charges
from yiwang.kernel.flow.models import Case
from yiwang.kernel.flow.testing import World, machine

pytestmark = pytest.mark.slow


_rooms: list[District] = []


@pytest.fixture(scope="module", autouse=True)
def _walked(district: District) -> Iterator[None]:
    """The district of the room, for a test case that takes no fixture; every walk is rolled back to it. Django's test
    case closes the connection at its end, and with it the world."""
    _rooms[:] = [district]
    yield
    give_up()


def town() -> World:
    made = _rooms[0]
    actors = tuple(made[name] for name in made.accounts)
    posts = tuple(post for actor in actors for post in actor.post_ids)
    return World("hotline.request", actors, posts, (made.unit("HOUSING"), made.unit("URBAN")))


class Walk(machine(town, examples=4, steps=30)):
    """The engine's random walk on a real request; after every step its books agree with the case."""

    @initialize(number=st.integers(0, 50))
    def opening(self, number: int) -> None:
        actor = next(actor for actor in self.world.actors if "hotline.operator" in actor.roles)
        said = Intake(Channel.PHONE, Kind.REPORT, "举报违建", "解放路 9 号楼顶违建", phone="13812345678")
        self.case = register_request(actor, said, submit=number % 3 > 0).case

    @invariant()
    def books_agree(self) -> None:
        if not hasattr(self, "case"):
            return
        case, request = Case.objects.get(pk=self.case.pk), Request.objects.get(case=self.case)
        assert request.organisation_id == case.organisation_id
        assert request.closed_at == case.closed_at
        rows = list(Charge.objects.filter(request=request).order_by("started_at", "pk"))
        if case.closed_at is not None:
            spans = [(row.started_at, row.stopped_at, row.party, row.organisation_id) for row in rows]
            assert spans == [(each.start, each.stop, each.party, each.organisation_id) for each in charges(case)]
            edges = [request.received_at, *(stop for _, stop, _, _ in spans)]
            assert [start for start, *_ in spans] == edges[:-1] and (not spans or edges[-1] == request.closed_at)
        done = case.memory.get("done", {}).get("dissatisfied", 0) + case.memory.get("ops", {}).get("reopen", 0)
        assert request.rework_count == done


class TestWalk(Walk.TestCase, TestCase):
    settings = machine(town, examples=4, steps=30).TestCase.settings
