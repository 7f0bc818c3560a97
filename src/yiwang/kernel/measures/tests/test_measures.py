"""Figures and their rows come from one query; periods, shares, versions and seals."""

import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection, transaction, utils
from django.db.models import Q
from hypothesis import given
from hypothesis import strategies as st

from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import ANONYMOUS, SYSTEM, Invalid
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.measures import periods, queries, registry, services
from yiwang.kernel.measures.declarations import Dimension, Measure
from yiwang.kernel.measures.models import Definition, SealedFigure

pytestmark = pytest.mark.django_db
MARCH = periods.month_of(date(2026, 3, 9))
SHARE = Q(action="paid")
COMMON = {"version": 1, "resource": "test.ledger", "time_field": "recorded_at", "recorded_field": "recorded_at",
          "dimensions": {"kind": Dimension("类别", "target_kind"), "unit": Dimension("单位", "organisation_id")}}  # fmt: skip


@pytest.fixture(autouse=True)
def declared(monkeypatch):
    monkeypatch.setattr(doors, "_resources", dict(doors.resources()))
    monkeypatch.setattr(registry, "_measures", {})
    doors.register_resource(
        doors.Resource("test.ledger", "测试账", Entry, organisation="organisation_id", owner="person_id")
    )
    registry.register_measure(Measure("test.count", "件数", "全部记录", unit="件", **COMMON))
    registry.register_measure(
        Measure("test.rate", "缴费率", "已缴费件数／应缴费件数", unit="%", kind="rate", numerator=SHARE,
                denominator=Q(action__in=("paid", "unpaid")), **COMMON)
    )  # fmt: skip
    registry.register_measure(
        Measure("test.monthly", "月均缴费率", "各月缴费率的算术平均", unit="%", kind="monthly", numerator=SHARE,
                denominator=Q(action__in=("paid", "unpaid")), **COMMON)
    )  # fmt: skip
    registry.register_measure(
        Measure("test.share", "有效率", "有效数合计／总数合计", unit="%", kind="share", field="person_id", over="organisation_id",
                numerator=SHARE, **COMMON)
    )  # fmt: skip


def make(at: datetime, action: str, kind: str = "a", organisation: int | None = 1, person: int | None = None) -> Entry:
    return Entry.objects.create(
        uid=uuid4(), recorded_at=at, person_name="甲", person_id=person, organisation_id=organisation, action=action, target_kind=kind,
        target_id="1", content="{}", mac="0" * 64,
    )  # fmt: skip


def shanghai(month: int, day: int, hour: int = 12) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=periods.SHANGHAI)


def test_期间以上海时间零点为界():
    make(datetime(2026, 2, 28, 16, 0, tzinfo=UTC), "paid")
    make(datetime(2026, 2, 28, 15, 59, 59, tzinfo=UTC), "paid")
    make(datetime(2026, 3, 31, 16, 0, tzinfo=UTC), "paid")
    assert queries.value(SYSTEM, "test.count", MARCH).value == 1


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.integers(0, 500))
def test_各月首尾相接且合起来就是整个期间(first, length):
    period = periods.between(first, first + timedelta(days=length))
    months = period.months()
    assert (months[0].start, months[-1].stop) == (period.start, period.stop)
    assert all(left.stop == right.start for left, right in itertools.pairwise(months))
    assert periods.parse(period.code) == period


@pytest.mark.parametrize("code", ["", "2026-13", "2026-3", "abc", "2026-03-01~", "2026-03-09~2026-03-01"])
def test_期间写错有明白的话(code):
    with pytest.raises(Invalid):
        periods.parse(code)


def test_比率带分母_分母为零没有值():
    figure = queries.value(SYSTEM, "test.rate", MARCH)
    assert (figure.numerator, figure.denominator, figure.value, figure.text) == (0, 0, None, "—")
    for action in ("paid", "paid", "unpaid", "other"):
        make(shanghai(3, 3), action)
    figure = queries.value(SYSTEM, "test.rate", MARCH)
    assert (figure.numerator, figure.denominator, figure.value) == (2, 3, Decimal("66.67"))
    assert figure.fraction == "2/3"


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["paid", "unpaid"]), st.one_of(st.none(), st.integers(0, 50)),
                          st.one_of(st.none(), st.integers(0, 50))), max_size=8))  # fmt: skip
def test_合计之比_分子分母出自同一批记录_等于另写的查询(rows):
    with transaction.atomic():
        for kind, action, above, below in rows:
            make(shanghai(3, 3), action, kind, below, above)
        with connection.cursor() as cursor:
            cursor.execute("SELECT sum(person_id), sum(organisation_id), round(100.0 * sum(person_id) / nullif(sum(organisation_id), 0), 2) "
                           "FROM ledger_entry WHERE action = 'paid' AND person_id IS NOT NULL AND organisation_id IS NOT NULL")  # fmt: skip
            above, below, share = cursor.fetchone()
        figure = queries.value(SYSTEM, "test.share", MARCH, by="kind")
        assert (figure.numerator, figure.denominator, figure.value) == (above or 0, below or 0, share)
        for part, field, total in (("numerator", "person_id", above), ("denominator", "organisation_id", below)):
            found = queries.records(SYSTEM, "test.share", MARCH, part)
            assert sum(found.values_list(field, flat=True)) == (total or 0)
            assert sum(getattr(row, part) for row in figure.rows) == (total or 0)
        assert (
            figure.text == ("—" if share is None else f"{share}%") and figure.fraction == f"{above or 0}/{below or 0}"
        )
        transaction.set_rollback(True)


def test_合计之比封存后由成员重算():
    make(shanghai(3, 3), "paid", organisation=8, person=6)
    sealed = services.seal(SYSTEM, "report:3", 1, "test.share", MARCH)
    assert sealed.numerator_ids == sealed.denominator_ids != []
    make(shanghai(3, 4), "paid", organisation=2, person=0)
    derived = queries.rederive(SYSTEM, sealed)
    assert (derived.from_members, derived.live) == (Decimal("75.00"), Decimal("60.00"))


@pytest.mark.parametrize("wrong", [{"kind": "share", "field": "person_id"}, {"kind": "share", "over": "person_id"},
                                   {"kind": "sum", "field": "person_id", "over": "organisation_id"}])  # fmt: skip
def test_合计之比须有两个字段(wrong):
    with pytest.raises(ValueError):
        Measure("x", "x", "x／x", unit="%", **wrong, **COMMON)


def test_月均率不是合计率():
    for day in range(1, 10):
        make(shanghai(1, day), "paid")
    make(shanghai(2, 1), "unpaid")
    year = periods.year_of(2026)
    assert queries.value(SYSTEM, "test.rate", year).value == Decimal("90.00")
    assert queries.value(SYSTEM, "test.monthly", year).value == Decimal("50.00")


@pytest.mark.parametrize("code", ["test.count", "test.rate"])
@pytest.mark.parametrize("by", ["kind", "unit", "month"])
def test_分项之和等于总数_每一分项都能下钻到同样多的记录(code, by):
    for day, action, kind, unit in (
        (1, "paid", "a", 1),
        (2, "unpaid", "a", None),
        (3, "paid", "b", 2),
        (3, "other", "b", 2),
    ):
        make(shanghai(3, day), action, kind, unit)
    figure = queries.value(SYSTEM, code, MARCH, by=by)
    assert sum(row.numerator for row in figure.rows) == figure.numerator
    assert queries.records(SYSTEM, code, MARCH).count() == figure.numerator
    for row in figure.rows:
        if by != "month":
            assert queries.records(SYSTEM, code, MARCH, filters={by: row.key}).count() == row.numerator


def test_没有权限的人数字为零():
    make(shanghai(3, 3), "paid")
    assert queries.value(ANONYMOUS, "test.count", MARCH).value == 0
    assert not queries.records(ANONYMOUS, "test.count", MARCH).exists()


def test_截至时点之后才登记的记录不计():
    make(shanghai(3, 3), "paid")
    make(shanghai(3, 20), "paid")
    assert queries.value(SYSTEM, "test.count", MARCH, as_of=shanghai(3, 10)).value == 1


def test_不存在的指标和维度被拒绝():
    with pytest.raises(Invalid):
        queries.value(SYSTEM, "test.absent", MARCH)
    with pytest.raises(Invalid):
        queries.value(SYSTEM, "test.count", MARCH, by="absent")
    with pytest.raises(Invalid):
        queries.records(SYSTEM, "test.count", MARCH, "denominator")


def test_比率没有分母不能声明():
    with pytest.raises(ValueError, match="denominator"):
        Measure("x", "x", "x", unit="%", kind="rate", **COMMON)


def test_口径变而版本不变不能发布(monkeypatch):
    assert services.publish_definitions() == 4
    assert services.publish_definitions() == 0
    changed = Measure("test.count", "件数", "另一种口径", unit="件", **COMMON)
    monkeypatch.setitem(registry._measures, "test.count", changed)
    with pytest.raises(Invalid, match="口径已变"):
        services.publish_definitions()
    assert Definition.objects.count() == 4


def test_封存后可由成员重算_后来的变化逐条指出():
    kept = make(shanghai(3, 3), "paid")
    make(shanghai(3, 4), "unpaid")
    sealed = services.seal(SYSTEM, "report:1", 1, "test.rate", MARCH)
    later = make(shanghai(3, 5), "paid")
    sealed.refresh_from_db()
    assert services.seal_digest(sealed) == sealed.digest
    derived = queries.rederive(SYSTEM, sealed)
    assert (derived.from_members, derived.live) == (Decimal("50.00"), Decimal("66.67"))
    assert (derived.gone, derived.come) == ((), (later.pk,))
    assert sealed.numerator_ids == [kept.pk]


def test_封存的数字改不得():
    sealed = services.seal(SYSTEM, "report:2", 1, "test.count", MARCH)
    with pytest.raises(utils.DatabaseError), connection.cursor() as cursor:
        cursor.execute("update measures_sealedfigure set value = 9 where id = %s", [sealed.pk])
    assert SealedFigure._meta.db_table == "measures_sealedfigure"


@pytest.mark.parametrize("code, wanted", [
    ("2026-03", "2026-02"), ("2026-01", "2025-12"), ("2026", "2025"), ("2026-03-01~2026-03-31", "2026-02"),
    ("2026-03-11~2026-03-20", "2026-03-01~2026-03-10"),
])  # fmt: skip
def test_上期是同类的前一期_其余期间按天数往前(code, wanted):
    earlier = periods.before(periods.parse(code))
    assert earlier.code == wanted and earlier.stop == periods.parse(code).start
