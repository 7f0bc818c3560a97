"""The parts of a box: together exactly the box, no seat twice."""

from datetime import timedelta

import pytest
from django.utils import timezone

from yiwang.kernel.flow import services
from yiwang.kernel.flow.models import Seat
from yiwang.kernel.flow.queries import boxed, inbox, mine
from yiwang.kernel.flow.tests import flows
from yiwang.kernel.people.models import Delegation

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("box", ["todo", "watched", "copied", "done", "started"])
def test_各部分合起来就是整箱且不重复(town, box):
    version = town.publish(flows.hotline())
    agent, principal, now = town["operator"], town["operator2"], timezone.now()
    Delegation.objects.create(
        principal_id=principal.person_id, post_id=town.at("operator2"), agent_id=agent.person_id,
        valid_from=now - timedelta(days=1), valid_until=now + timedelta(days=1), reason="出差",
    )  # fmt: skip
    Delegation.objects.create(
        principal_id=principal.person_id, post_id=town.at("operator"), agent_id=agent.person_id,
        valid_from=now - timedelta(days=1), valid_until=now + timedelta(days=1), reason="同岗代理",
    )  # fmt: skip
    case = services.open_case(agent, version.code, "件", organisation_id=town.unit("centre"))
    model = Seat.objects.filter(case=case).first()
    places = [
        {"post_id": town.at("operator"), "person_id": agent.person_id}, {"post_id": town.at("operator2")},
        {"pool": "@any"}, {"pool": town.role("operator")}, {"pool": "@head"},
        {"post_id": town.at("operator2"), "person_id": town["water1"].person_id},
        {"post_id": town.at("operator"), "person_id": principal.person_id, "pool": "@any"},
    ]  # fmt: skip
    for ref, place in enumerate(places, 100):
        for kind in ("handle", "watch", "copy"):
            fields = {"post_id": None, "person_id": None, "pool": ""} | place
            Seat.objects.create(
                case=case, ref=ref * 10 + len(kind), stage=model.stage, round=1, kind=kind,
                organisation_id=town.unit("centre"), opened_seq=1, opened_at=now, **fields,
            )  # fmt: skip
    found = [row.pk for part in boxed(agent, box) for row in part]
    assert len(found) == len(set(found)) and set(found) == {row.pk for row in inbox(agent, box)}
    if box == "todo":
        wanted = Seat.objects.filter(mine(agent, now), state="open", kind="handle")
        assert set(found) == {seat.pk for seat in wanted} and len(found) >= 5


def test_挂起的案件不在待办(town):
    version = town.publish(flows.hotline())
    case = services.open_case(town["operator"], version.code, "件", organisation_id=town.unit("centre"))
    before = inbox(town["operator"], "todo").filter(case=case).count()
    type(case).objects.filter(pk=case.pk).update(status="suspended")
    assert before == 1 and not inbox(town["operator"], "todo").filter(case=case).exists()
