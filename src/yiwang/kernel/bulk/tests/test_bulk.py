"""COPY writes what INSERT writes: the same values, keys, constraints and refusals."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from yiwang.kernel.bulk import copying
from yiwang.kernel.clocks.models import Clock
from yiwang.kernel.clocks.terms import ClockKind, Unit
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.registers.tests.sample.models import Bridge
from yiwang.kernel.registers.tests.world import City

pytestmark = pytest.mark.django_db
NASTY = ["", "\\N", "a\tb\nc\rd", 'quote " and \\ back', "{x,y}", "汉字 é 😀", "NULL", "%s"]
MANY = copying.FEWEST


def bridges(prefix: str, city: City, count: int = MANY) -> list[Bridge]:
    return [
        Bridge(
            code=f"{prefix}{n}", name=f"桥{n}", note=NASTY[n % len(NASTY)], state=Bridge.State.BUILT, toll=n % 2 == 0,
            length=None if n % 3 else Decimal(n) / 8, lanes=n, organisation=city.roads,
            opened_on=date(2020, 1, 1 + n % 28), inspected_at=datetime(2021, 1, 1, n % 24, tzinfo=UTC) if n % 4 else None,
        )
        for n in range(count)
    ]  # fmt: skip


def kept(prefix: str) -> list[tuple[object, ...]]:
    compared = [field.name for field in Bridge._meta.concrete_fields
                if field.name not in ("id", "code", "created_at", "updated_at")]  # fmt: skip
    return list(Bridge.objects.filter(code__startswith=prefix).order_by("id").values_list(*compared))


def test_与INSERT写入的逐字段相同_并给出主键() -> None:
    city = City.build()
    made = bridges("C", city)
    copying.insert(Bridge, made)
    Bridge.objects.bulk_create(bridges("I", city))
    assert len(kept("C")) == MANY and kept("C") == kept("I")
    assert [each.pk for each in made] == list(
        Bridge.objects.filter(code__startswith="C").order_by("lanes").values_list("pk", flat=True)
    )
    assert all(each.created_at and not each._state.adding for each in made)
    made[3].lanes = 99
    made[3].save()
    assert Bridge.objects.get(code="C3").lanes == 99 and Bridge.objects.filter(code="C3").count() == 1


def test_已有主键的用原主键_少量行也一样() -> None:
    city = City.build()
    for count in (3, MANY):
        made = bridges(f"K{count}-", city, count)
        for row, key in zip(made, copying.keys(Bridge, count), strict=True):
            row.pk = key
        wanted = [row.pk for row in made]
        copying.insert(Bridge, made)
        assert sorted(Bridge.objects.filter(code__startswith=f"K{count}-").values_list("pk", flat=True)) == wanted
    copying.insert(Bridge, [])


def test_违反约束时一行也不写() -> None:
    city = City.build()
    twice = bridges("D", city)
    twice[-1].code = twice[0].code
    with pytest.raises(IntegrityError), transaction.atomic():
        copying.insert(Bridge, twice)
    assert not Bridge.objects.filter(code__startswith="D").exists()
    with pytest.raises(IntegrityError), transaction.atomic():
        copying.insert(Organisation, [Organisation(code=f"X{n}", name="x", path=None) for n in range(MANY)])


def test_赋值后才得到主键的关联行也写得进() -> None:
    owner = Organisation(code="LATE", name="后建单位", path="/0/")
    made = bridges("L", City.build())
    for row in made:
        row.owner_organisation = owner
    with pytest.raises(ValueError, match="unsaved related object"):
        copying.insert(Bridge, made)
    owner.save()
    copying.insert(Bridge, made)
    assert Bridge.objects.filter(owner_organisation=owner).count() == MANY


def test_JSON按内容写入() -> None:
    jobs = [
        Job(name="x", title="x", key=f"bulk{n}", arguments={"文": NASTY[n % len(NASTY)], "n": [n, None]})
        for n in range(MANY)
    ]
    copying.insert(Job, jobs)
    for job in Job.objects.filter(key__startswith="bulk"):
        assert job.arguments == jobs[int(job.key[4:])].arguments


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=6))
def test_文本数组的写法数据库读回相同(values: list[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::text[]", [copying.array(values)])
        assert cursor.fetchone()[0] == values


def test_数组与枚举的取值() -> None:
    clock = Clock(rungs=["-1d", 'a"b'], kind=ClockKind.SUPERVISION, unit=Unit.WORKING_DAY)
    read = {field.name: copying.reader(field)(clock) for field in Clock._meta.concrete_fields}
    assert read["rungs"] == '{"-1d","a\\"b"}'
    assert (read["kind"], type(read["kind"])) == (ClockKind.SUPERVISION.value, str)
