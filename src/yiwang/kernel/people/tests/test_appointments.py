"""Appointments, accounts, people and the actor that comes of them."""

from datetime import date, timedelta

import pytest
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils import timezone

from yiwang.kernel.access.actors import ANONYMOUS, SYSTEM, Conflict, Invalid, Refused
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.orgs.services import retire_organisation
from yiwang.kernel.people.models import Appointment, Person
from yiwang.kernel.people.queries import actor_of, serving
from yiwang.kernel.people.services import (
    appoint,
    change_person,
    create_account,
    create_person,
    dismiss,
    hand_over,
    transfer,
)
from yiwang.kernel.people.testing import LONG_AGO, PASSWORD, Town

pytestmark = pytest.mark.django_db
TODAY_MINUS = timedelta(days=1)


@pytest.fixture
def town():
    return Town()


def test_同岗任职期间不重叠_数据库也拒绝(town):
    post = town.post("局", "科员")
    person = town.person("张三")
    appoint(SYSTEM, person.pk, post.pk, valid_from=date(2026, 1, 1), valid_until=date(2026, 6, 30))
    with pytest.raises(Conflict, match="不能重叠"):
        appoint(SYSTEM, person.pk, post.pk, valid_from=date(2026, 6, 30), primary=False)
    with pytest.raises(IntegrityError), transaction.atomic():
        Appointment.objects.create(person=person, post=post, valid_from=date(2026, 3, 1))
    assert appoint(SYSTEM, person.pk, post.pk, valid_from=date(2026, 7, 1)).primary


def test_同期只有一个主岗(town):
    person = town.person("张三", town.post("局", "一"))
    second = appoint(SYSTEM, person.pk, town.post("局", "二").pk)
    assert not second.primary
    with pytest.raises(Conflict, match="主岗"):
        appoint(SYSTEM, person.pk, town.post("局", "三").pk, primary=True)


@pytest.mark.parametrize("field", ["person", "post", "dates"])
def test_任职的坏输入有说明(town, field):
    person, post = town.person("张三"), town.post("局", "科员")
    until = None
    if field == "person":
        change_person(SYSTEM, person.pk, active=False, reason="离职")
    elif field == "post":
        type(post).objects.filter(pk=post.pk).update(active=False)
    else:
        until = LONG_AGO
    with pytest.raises(Invalid):
        appoint(SYSTEM, person.pk, post.pk, valid_until=until)


def test_免职即失权_须理由_不重复(town):
    role = town.role("viewer", ("people.person", "view", Scope.ALL))
    account = town.account("张三", town.post("局", "科员", role))
    appointment = Appointment.objects.get(person=account.person)
    assert actor_of(account).can("people.person", "view")
    with pytest.raises(Invalid):
        dismiss(SYSTEM, appointment.pk, reason="")
    dismiss(SYSTEM, appointment.pk, reason="退休")
    actor = actor_of(account)
    assert (actor.post_ids, actor.organisation_id, dict(actor.permissions)) == ((), None, {})
    with pytest.raises(Conflict):
        dismiss(SYSTEM, appointment.pk, reason="退休")
    entry = Entry.objects.get(action="people.dismissed")
    assert entry.before["valid_until"] is None
    assert entry.after["valid_until"] == str(timezone.localdate() - TODAY_MINUS)


def test_当日任职当日免_不留区间(town):
    person, post = town.person("张三"), town.post("局", "科员")
    dismiss(SYSTEM, appoint(SYSTEM, person.pk, post.pk).pk, reason="录错")
    assert not Appointment.objects.exists()


def test_调任无空档无重叠_失败则都不做(town):
    person = town.person("张三", town.post("局", "一"))
    old = Appointment.objects.get(person=person)
    new = transfer(SYSTEM, old.pk, town.post("局", "二").pk, on=date(2026, 5, 1), reason="轮岗")
    old.refresh_from_db()
    assert (old.valid_until, new.valid_from, new.primary) == (date(2026, 4, 30), date(2026, 5, 1), True)
    admin = town.post("局", "管理", duty="system")
    appoint(SYSTEM, person.pk, town.post("局", "三").pk, valid_from=date(2026, 5, 1))
    with pytest.raises(Refused):
        transfer(SYSTEM, new.pk, admin.pk, on=date(2026, 6, 1), reason="x")
    new.refresh_from_db()
    assert new.valid_until is None


def test_移交全部岗位(town):
    posts = [town.post("局", name) for name in "一二三"]
    leaver = town.person("张三", *posts)
    heir = town.person("李四", posts[0])
    taken = hand_over(SYSTEM, leaver.pk, heir.pk, reason="离任交接")
    assert {item.post_id for item in taken} == {posts[1].pk, posts[2].pk}
    for post in posts:
        assert list(serving().filter(post=post).values_list("person__name", flat=True)) == ["李四"]
    with pytest.raises(Invalid, match="无可移交"):
        hand_over(SYSTEM, leaver.pk, heir.pk, reason="再交")


def test_岗位上的人按日期解析(town):
    post, person = town.post("局", "科员"), town.person("张三")
    appoint(SYSTEM, person.pk, post.pk, valid_from=date(2026, 3, 1), valid_until=date(2026, 3, 31))

    def on(day):
        return list(serving(timezone.make_aware(day)).filter(post=post).values_list("person__name", flat=True))

    start = timezone.datetime(2026, 3, 1)
    assert on(start - timedelta(seconds=1)) == []
    assert on(start) == ["张三"]
    assert on(timezone.datetime(2026, 3, 31, 23, 59, 59)) == ["张三"]
    assert on(timezone.datetime(2026, 4, 1)) == []


def test_actor_一次查询带全部岗位角色权限(town, django_assert_num_queries):
    role = town.role("a", ("people.person", "view", Scope.TREE), ("orgs.post", "view", Scope.ALL))
    more = town.role("b", ("people.person", "view", Scope.ORGANISATION))
    account = town.account("张三", town.post("局", "一", role, more), town.post("他局", "二", role))
    account.person.name  # noqa: B018 - loaded as the session loads it
    with django_assert_num_queries(1):
        actor = actor_of(account, "10.1.1.1")
    assert actor.roles == {"a", "b"}
    assert len(actor.permissions["people.person", "view"]) == 3
    assert actor.organisation_id == town.organisation("局").pk
    assert actor.signature()["address"] == "10.1.1.1"


def test_停用的账号人员岗位机构都不给权限(town):
    role = town.role("a", ("people.person", "view", Scope.ALL))
    account = town.account("张三", town.post("局", "一", role))
    account.is_active = False
    assert actor_of(account) == ANONYMOUS
    account.is_active, account.person.active = True, False
    assert actor_of(account) == ANONYMOUS
    account.person.active = True
    town.post("局", "一").roles.all().update(valid_until=timezone.localdate() - TODAY_MINUS)
    assert not actor_of(account).permissions
    town.post("局", "一").roles.all().update(valid_until=timezone.localdate())
    assert actor_of(account).permissions
    Appointment.objects.update(valid_until=timezone.localdate())
    retire_organisation(SYSTEM, town.organisation("局").pk, on=timezone.localdate(), reason="撤")
    assert actor_of(account).permissions
    type(town.organisation("局")).objects.update(valid_until=timezone.localdate() - TODAY_MINUS)
    assert not actor_of(account).post_ids


@pytest.mark.parametrize(
    "facts", [{"name": " "}, {"staff_number": ""}, {"staff_number": "A1"}, {"phone": "打我"}, {"email": "x@"}]
)
def test_人员的坏输入有说明(facts):
    create_person(SYSTEM, name="张三", staff_number="A1")
    with pytest.raises(Invalid) as refused:
        create_person(SYSTEM, **{"name": "李四", "staff_number": "A2", **facts})
    assert list(refused.value.errors) == list(facts)
    assert Person.objects.count() == 1


def test_改名随改拼音并留痕(town):
    person = town.person("张三")
    assert change_person(SYSTEM, person.pk, name="单田", reason="更名").pinyin == "shan tian"
    entry = Entry.objects.get(action="people.person.changed")
    assert (entry.before, entry.after) == ({"name": "张三"}, {"name": "单田"})
    for bad in ({"staff_number": "X"}, {"name": ""}, {"email": "x"}):
        with pytest.raises(Invalid):
            change_person(SYSTEM, person.pk, **bad)


@pytest.mark.parametrize(
    ("username", "password"),
    [("ab", PASSWORD), ("张三", PASSWORD), ("taken1", PASSWORD), ("TAKEN1", PASSWORD), ("fine1", "x")],
)
def test_账号的坏输入有说明(town, username, password):
    create_account(SYSTEM, town.person("李四").pk, username="taken1", password=PASSWORD)
    with pytest.raises(Invalid):
        create_account(SYSTEM, town.person("张三").pk, username=username, password=password)


def test_一人一号(town):
    account = town.account("张三")
    with pytest.raises(Invalid, match="改正"):
        create_account(SYSTEM, account.person_id, username="second1", password=PASSWORD)


def test_现成的口令摘要只用于演示账号(town, settings):
    hashed = make_password(PASSWORD)
    shown = [
        create_account(SYSTEM, town.person(name).pk, username=f"shown{number}", password=PASSWORD, must_change=False, hashed=hashed)
        for number, name in enumerate(("张三", "李四"))
    ]  # fmt: skip
    assert all(each.check_password(PASSWORD) and not each.check_password("x") for each in shown)
    newcomer = town.person("王五").pk
    with pytest.raises(Refused, match="演示"):
        create_account(SYSTEM, newcomer, username="newcomer", password=PASSWORD, hashed=hashed)
    settings.PRODUCTION = True
    with pytest.raises(Refused, match="演示"):
        create_account(SYSTEM, newcomer, username="newcomer", password=PASSWORD, must_change=False, hashed=hashed)
    settings.PRODUCTION = False
    own = [
        create_account(SYSTEM, person, username=username, password=PASSWORD).password
        for person, username in ((newcomer, "newcomer"), (town.person("赵六").pk, "another"))
    ]
    assert len({hashed, *own}) == 3, "an ordinary account's hash has a salt of its own"


def test_没有权限一律拒绝且不留痕(town):
    actor = town.actor("某人", town.post("局", "科员"))
    person, appointment = town.person("张三"), Appointment.objects.first()
    entries = Entry.objects.count()
    attempts = [
        lambda: create_person(actor, name="n", staff_number="n"),
        lambda: change_person(actor, person.pk, name="n"),
        lambda: create_account(actor, person.pk, username="nnn", password=PASSWORD),
        lambda: appoint(actor, person.pk, appointment.post_id),
        lambda: dismiss(actor, appointment.pk, reason="x"),
        lambda: transfer(actor, appointment.pk, appointment.post_id, reason="x"),
        lambda: hand_over(actor, appointment.person_id, person.pk, reason="x"),
    ]
    for attempt in attempts:
        with pytest.raises(Refused):
            attempt()
    assert Entry.objects.count() == entries
