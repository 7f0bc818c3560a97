"""Limits of the dated table: the day of the start decides, a clock keeps what it began with, a gap refuses."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yiwang.kernel.access.actors import SYSTEM, Actor, Invalid, Permission, Refused
from yiwang.kernel.access.doors import Resource, register_resource
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.clocks import queries, services
from yiwang.kernel.clocks.models import Clock, Limit
from yiwang.kernel.flow import fold
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.definitions import ClockRule
from yiwang.kernel.flow.models import Case
from yiwang.kernel.flow.services.cases import Opening
from yiwang.kernel.flow.tests import flows
from yiwang.kernel.flow.tests.town import Town
from yiwang.kernel.ledger.models import Entry as Deed

GUARD = register_resource(
    Resource(
        "town.limit", "试验时限", Limit, organisation=None, owner=None, verbs=(("view", "查看"), ("declare", "登记"))
    )
).code
TODAY = date(2026, 6, 1)
AT = datetime(2026, 6, 1, 2, tzinfo=timezone.get_fixed_timezone(0))


@pytest.fixture(autouse=True)
def year(calendar: None) -> None:
    """A calendar to count in."""


def put(code: str, number: int, since: date | None = None, **facts: Any) -> Limit:
    return Limit.objects.create(
        code=code, name="答复时限", number=number, valid_from=since,
        **{"unit": "calendar_day", "nature": "own", "basis": "试验", **facts},
    )  # fmt: skip


def declare(limit: Limit, number: int, since: date, actor: Actor = SYSTEM, **facts: Any) -> Limit:
    return services.declare_limit(
        actor,
        GUARD,
        limit.pk,
        **{"number": number, "valid_from": since, "basis": "新规第三条", "nature": "law", **facts},
    )


def opened(town: Town, at: datetime, **data: Any) -> Case:
    rule = ClockRule("answer", "答复", limit=f"{town.mark}.answer", variant_field="kind", kind="promised")
    version = town.publish(flows.plain(2, clocks=(rule,)))
    return flow.open_case(
        town["operator"], version.code, "件", organisation_id=town.unit("centre"), happened_at=at, data=data
    )


def days(case: Case) -> tuple[int, str, str]:
    clock = Clock.objects.get(case_id=case.pk)
    return clock.budget, clock.unit, clock.basis


def test_新时限只管施行日起算的_先前的案件不变(town: Town) -> None:
    code = f"{town.mark}.answer"
    early = opened(town, AT) if put(code, 10) else None
    declare(Limit.objects.get(code=code), 3, TODAY + timedelta(days=5))
    before, after = opened(town, AT + timedelta(days=4)), opened(town, AT + timedelta(days=5))
    assert early is not None
    assert days(early) == days(before) == (10, "calendar_day", "试验")
    assert days(after) == (3, "calendar_day", "新规第三条")
    assert (Clock.objects.get(case_id=after.pk).due_at or AT) < (Clock.objects.get(case_id=before.pk).due_at or AT)
    assert not fold.broken(early.pk)
    assert fold.replay(after.pk).clocks[0]["budget"] == 3, "the entry keeps what the clock began with"


def test_没有施行中的时限_拒绝起算_说明怎么办(town: Town) -> None:
    code = f"{town.mark}.answer"
    with pytest.raises(Refused, match=r"没有施行中的“.+answer”.+请先在办理时限台账登记"):
        opened(town, AT)
    put(code, 10, TODAY - timedelta(days=9), valid_until=TODAY - timedelta(days=1))
    put(code, 5, TODAY + timedelta(days=1))
    with pytest.raises(Refused, match="2026-06-01 没有施行中的“答复时限”") as refused:
        opened(town, AT)
    assert refused.value.code == "no_limit"
    assert not Case.objects.filter(version__code__endswith=town.mark).exists()
    assert days(opened(town, AT + timedelta(days=1)))[0] == 5


def test_情形各有时限_没有登记的情形拒绝(town: Town) -> None:
    code = f"{town.mark}.answer"
    put(code, 1, variant="easy")
    put(code, 10, variant="hard")
    assert [days(opened(town, AT, kind=kind))[0] for kind in ("easy", "hard")] == [1, 10]
    with pytest.raises(Refused, match="没有施行中的"):
        opened(town, AT, kind="other")


def test_上级与地方同时施行_期限短的从其规定(town: Town) -> None:
    national = put(f"{town.mark}.answer", 10)
    stricter = declare(national, 7, TODAY, local=True)
    assert queries.limit(national.code, "", TODAY) == stricter
    looser = declare(stricter, 12, TODAY + timedelta(days=10))
    assert queries.limit(national.code, "", TODAY + timedelta(days=10)) == national
    assert (looser.local, Limit.objects.get(pk=stricter.pk).valid_until) == (True, TODAY + timedelta(days=9))


def test_登记留痕_只增不改_不合规定的拒绝(town: Town) -> None:
    kept = put(f"{town.mark}.answer", 10, TODAY, extensions=1, extension_budget=5)
    made = declare(kept, 3, TODAY + timedelta(days=1))
    assert (made.extensions, made.extension_budget, made.unit, made.name) == (1, 5, "calendar_day", "答复时限")
    entry = Deed.objects.get(action="clocks.limit.declare", target_id=str(made.pk))
    assert (entry.reason, entry.after["basis"], entry.before["until"]) == ("新规第三条", "新规第三条", "2026-06-01")
    for wrong in (
        {"number": 0}, {"number": 10_000}, {"basis": " "}, {"basis": "长" * 301}, {"nature": "自拟"},
        {"since": TODAY + timedelta(days=1)}, {"since": TODAY},
    ):  # fmt: skip
        with pytest.raises(Invalid) as refused:
            declare(made, **{"number": 3, "since": TODAY + timedelta(days=9), **wrong})
        assert [word.replace("valid_from", "since") for word in refused.value.errors] == list(wrong)
    with pytest.raises(IntegrityError), transaction.atomic():
        put(kept.code, 4, TODAY)


def test_废止以后成为空档_不溯及既往(town: Town) -> None:
    kept = put(f"{town.mark}.answer", 10)
    today = timezone.localdate()
    with pytest.raises(Invalid, match="没有废止"):
        services.end_limit(SYSTEM, GUARD, kept.pk, last_day=today - timedelta(days=1), reason="废止")
    with pytest.raises(Invalid, match="没有废止"):
        services.end_limit(SYSTEM, GUARD, kept.pk, last_day=today, reason=" ")
    services.end_limit(SYSTEM, GUARD, kept.pk, last_day=today, reason="市政府令第 1 号废止")
    assert queries.limit(kept.code, "", today).pk == kept.pk
    with pytest.raises(Refused, match="没有施行中的"):
        queries.limit(kept.code, "", today + timedelta(days=1))
    assert Deed.objects.filter(action="clocks.limit.end", target_id=str(kept.pk)).exists()


def test_没有登记权限的不能改_只读的也不能(town: Town) -> None:
    kept = put(f"{town.mark}.answer", 10)
    reader = replace(
        town["operator"], permissions={(GUARD, "view"): (Permission(Scope.ALL, town.unit("centre"), "/"),)}
    )
    for actor in (town["operator"], reader):
        with pytest.raises(Refused, match="没有对“试验时限”的“登记”权限"):
            declare(kept, 3, TODAY, actor)
        with pytest.raises(Refused, match="没有对“试验时限”的“登记”权限"):
            services.end_limit(actor, GUARD, kept.pk, last_day=TODAY, reason="废止")
    assert Limit.objects.filter(code=kept.code).count() == 1


# Each example clears its own code first, so one town serves them all.
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    starts=st.lists(st.integers(1, 400), unique=True, max_size=5).map(sorted), day=st.integers(-10, 420)
)  # fmt: skip
def test_任何一天恰有一行_即最后施行的一行(town: Town, starts: list[int], day: int) -> None:
    Limit.objects.filter(code=f"{town.mark}.answer").delete()
    last = put(f"{town.mark}.answer", 1000)
    for start in starts:
        last = declare(last, start, TODAY + timedelta(days=start))
    expected = max((start for start in starts if start <= day), default=1000)
    assert queries.limit(last.code, "", TODAY + timedelta(days=day)).number == expected


def test_一批案件的时限只读一次(town: Town) -> None:
    code = f"{town.mark}.answer"
    put(code, 5, valid_until=TODAY)
    put(code, 9, TODAY + timedelta(days=1))
    rule = ClockRule("answer", "答复", limit=code, kind="promised")
    version = town.publish(flows.plain(2, clocks=(rule,)))
    unit = town.unit("centre")
    items = [Opening("件", organisation_id=unit, happened_at=AT + timedelta(days=number % 4)) for number in range(8)]
    with CaptureQueriesContext(connection) as caught:
        made = flow.open_cases(town["operator"], version.code, items)
    assert [days(case)[0] for case in made] == [5, 9, 9, 9] * 2
    assert sum('FROM "clocks_limit"' in query["sql"] for query in caught) == 1


def test_换单位登记新的一行_另一层级单位不同时比不出长短(town: Town) -> None:
    code = f"{town.mark}.answer"
    old = put(code, 10)
    made = declare(old, 5, TODAY, unit="working_day")
    assert (made.unit, made.number) == ("working_day", 5)
    assert days(opened(town, AT - timedelta(days=1)))[:2] == (10, "calendar_day")
    assert days(opened(town, AT))[:2] == (5, "working_day")
    assert declare(made, 4, TODAY + timedelta(days=1)).unit == "working_day", "not said, it stays"
    with pytest.raises(Invalid) as refused:
        declare(made, 7, TODAY + timedelta(days=2), unit="calendar_day", local=True)
    assert "比不出长短" in refused.value.errors["unit"][0]
    with pytest.raises(Invalid) as refused:
        declare(made, 7, TODAY + timedelta(days=2), unit="fortnight")
    assert refused.value.errors["unit"] == ["请选择单位"]
