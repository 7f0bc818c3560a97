"""Delegation: own post, dated, no rings, taken back at once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from yiwang.kernel.access.actors import SYSTEM, Conflict, Invalid, Refused
from yiwang.kernel.access.terms import Duty
from yiwang.kernel.people.models import Appointment, Delegation
from yiwang.kernel.people.queries import actor_of, delegations_to, stand_ins
from yiwang.kernel.people.services import change_person, delegate, dismiss, revoke
from yiwang.kernel.people.testing import Town

pytestmark = pytest.mark.django_db


@pytest.fixture
def town():
    return Town()


@pytest.fixture
def three(town):
    """甲, 乙, 丙 as actors, each on an own post."""
    return [actor_of(town.account(name, town.post("局", f"{name}岗"))) for name in "甲乙丙"]


def give(principal, agent, *, days=(0, 5), **more):
    now = timezone.now()
    start, end = (now + timedelta(days=day) for day in days)
    return delegate(
        principal, principal.primary_post_id, agent.person_id, valid_from=start, valid_until=end,
        **{"reason": "出差", **more},
    )  # fmt: skip


def test_代理在期间内有效_收回即止(three):
    one, two, _ = three
    made = give(one, two)
    assert [(item.principal.name, item.post_id) for item in delegations_to(two.person_id)] == [
        ("甲", one.primary_post_id)
    ]
    assert not delegations_to(one.person_id).exists()
    assert not delegations_to(two.person_id, timezone.now() + timedelta(days=6)).exists()
    assert not delegations_to(two.person_id, timezone.now() - timedelta(days=1)).exists()
    moment = timezone.now()
    revoke(one, made.pk, reason="提前返回")
    assert not delegations_to(two.person_id).exists()
    assert delegations_to(two.person_id, moment).exists()
    with pytest.raises(Conflict):
        revoke(one, made.pk)


def test_限定流程与密级(three):
    one, two, three_ = three
    give(one, two, flows=("hotline",), secrecy_limit=0)
    give(one, three_, secrecy_limit=1)
    post, now = one.primary_post_id, timezone.now()
    [bound], [free] = stand_ins(two.person_id, now), stand_ins(three_.person_id, now)
    assert (bound.post_id, bound.flows, bound.secrecy_limit) == (post, ("hotline",), 0)
    assert (free.post_id, free.flows, free.secrecy_limit) == (post, (), 1)


def test_不能代自己_不能倒期_不能无理由_不能只剩过去(three):
    one, two, _ = three
    for bad in ({"agent": one}, {"days": (3, 3)}, {"days": (-5, -1)}, {"reason": " "}):
        agent = bad.pop("agent", two)
        with pytest.raises(Invalid):
            give(one, agent, **bad)
    assert not Delegation.objects.exists()


def test_不成环_期间不相交则可(three):
    one, two, third = three
    give(one, two)
    give(two, third)
    for principal, agent in ((third, one), (two, one), (third, two)):
        with pytest.raises(Refused, match="互相代理"):
            give(principal, agent)
    assert give(third, one, days=(6, 9)).pk
    first = Delegation.objects.get(principal=one.person_id)
    revoke(one, first.pk)
    assert give(third, one).pk


def test_只能委托本人现任岗位(three, town):
    one, two, _ = three
    with pytest.raises(Refused, match="本人现任"):
        delegate(
            one, two.primary_post_id, two.person_id, valid_from=timezone.now(),
            valid_until=timezone.now() + timedelta(days=1), reason="x",
        )  # fmt: skip
    dismiss(SYSTEM, Appointment.objects.get(person=one.person_id).pk, reason="免")
    with pytest.raises(Refused):
        give(one, two)


def test_委托人免职或代理人离职_代理随之失效(three):
    one, two, third = three
    give(one, two)
    change_person(SYSTEM, two.person_id, active=False, reason="离职")
    assert not delegations_to(two.person_id).exists()
    change_person(SYSTEM, two.person_id, active=True, reason="返聘")
    assert delegations_to(two.person_id).exists()
    dismiss(SYSTEM, Appointment.objects.get(person=one.person_id).pk, reason="免")
    assert not delegations_to(two.person_id).exists()
    with pytest.raises(Invalid):
        give(third, one)


def test_管理员岗位不得代理_也不作代理人(town, three):
    administrators = {duty: actor_of(account) for duty, account in town.administrators().items()}
    with pytest.raises(Refused, match="不得委托"):
        give(administrators[Duty.AUDIT], three[0])
    with pytest.raises(Invalid, match="业务岗位"):
        give(three[0], administrators[Duty.SYSTEM])


def test_别人的代理收不回(three):
    one, two, third = three
    made = give(one, two)
    for stranger in (two, third):
        with pytest.raises(Refused):
            revoke(stranger, made.pk)
    with pytest.raises(Refused):
        revoke(one, made.pk + 1000)
