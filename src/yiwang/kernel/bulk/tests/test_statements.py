"""Statements built once answer like the query sets they were made of, and freeze nothing but what may be frozen."""

from datetime import date, timedelta

import pytest
from django.db.models import CharField, DateTimeField, F, Value
from django.utils import timezone

from yiwang.kernel.bulk.statements import Compiled
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.people.models import Person
from yiwang.kernel.people.testing import Town

pytestmark = pytest.mark.django_db


def test_每次都用新的值():
    town = Town()
    made = [town.person(name) for name in ("甲", "乙")]
    asked = Compiled(
        lambda pk, name: Person.objects.filter(pk=pk, name=name).values_list("pk", "name"), pk=int, name=str
    )
    for person in (*made, made[0]):
        assert asked(pk=person.pk, name=person.name) == [(person.pk, person.name)]
    assert asked(pk=made[0].pk, name="乙") == [] == asked(pk=0, name="甲")


def test_同类的几个参数不会混淆():
    day, now = date(2026, 2, 28), timezone.now()
    Town().organisation("局")
    asked = Compiled(
        lambda first, second, at, then: Organisation.objects.annotate(
            a=Value(first), b=Value(second), c=Value(at), d=Value(then, DateTimeField()), e=F("name")
        ).values_list("b", "a", "c", "d", "e"),
        first=int, second=int, at=date, then=type(now),
    )  # fmt: skip
    assert asked(second=2, first=1, at=day, then=now) == [(2, 1, day, now, "局")]


def test_查询里自带今天的日期_不予保存():
    asked = Compiled(
        lambda name: Organisation.objects.filter(valid_until__gte=timezone.localdate(), name=name).values_list("pk"),
        name=str,
    )
    with pytest.raises(ValueError, match="also"):
        asked(name="局")


def test_没有用到或被改过的参数_不予保存():
    with pytest.raises(ValueError, match="day"):
        Compiled(lambda day: Organisation.objects.values_list("pk"), day=date)(day=date(2026, 3, 1))
    moved = Compiled(
        lambda day: Organisation.objects.filter(valid_until__gte=day + timedelta(days=1)).values_list("pk"), day=date
    )
    with pytest.raises(ValueError, match="day"):
        moved(day=date(2026, 3, 1))
    shouted = Compiled(
        lambda name: Organisation.objects.annotate(x=Value(name + "!", CharField())).values_list("x"), name=str
    )
    with pytest.raises(ValueError, match="name"):
        shouted(name="局")


def test_作另一条语句的一部分_值仍是参数():
    town = Town()
    made = [town.person(name) for name in ("甲", "乙", "丙'%s")]
    kept = Compiled(
        lambda one, two: Person.objects.filter(name=one).values("pk").union(
            Person.objects.filter(name=two).values("pk"), all=True
        ), one=str, two=str,
    )  # fmt: skip
    for one, two in ((0, 2), (1, 1), (2, 0)):
        found = Person.objects.filter(pk__in=kept.within(one=made[one].name, two=made[two].name), active=True)
        assert {person.pk for person in found} == {made[one].pk, made[two].pk}
