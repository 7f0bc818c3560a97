"""The batch door leaves what opening one by one leaves: cases, entries, seats, clocks, timers, outbox, numbers."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yiwang.kernel.access.actors import SYSTEM, Conflict, Invalid
from yiwang.kernel.calendar import services as calendars
from yiwang.kernel.calendar.workdays import Override
from yiwang.kernel.clocks.models import Clock, ClockSegment, Timer
from yiwang.kernel.flow import fold, kinds, services
from yiwang.kernel.flow.definitions import ClockRule
from yiwang.kernel.flow.models import Case, Entry, IdempotencyKey, IssuedNumber, Outbox, Seat
from yiwang.kernel.flow.services import Opening
from yiwang.kernel.flow.testing import check
from yiwang.kernel.flow.tests import flows
from yiwang.kernel.flow.tests.town import Town

START = datetime(2025, 12, 30, 1, tzinfo=UTC)
CLOCKS = (
    ClockRule("whole", "总时限", "working_day", budget=5, starts="open", stops="close", rungs=("80%", "due", "+1d")),
    ClockRule(
        "dispatch", "派单", "working_hour", budget=4, starts="enter:dispatch", stops="leave:dispatch", kind="stage"
    ),
)


@pytest.fixture(autouse=True)
def calendar(db: None) -> None:
    calendars.publish(SYSTEM, "cn", [Override(date(2026, 1, 1), "rest", "元旦")], "测试通知", years=[2026])


def left(town: Town, made: list[Case]) -> list[Any]:
    """Everything a batch leaves, by case in its order, without keys and recorded instants."""
    found: list[Any] = []
    for case in made:
        check(case)
        kept = Case.objects.get(pk=case.pk)
        entry = Entry.objects.get(case=case)
        found.append(
            (
                kept.number, kept.seq, fold.case_facts(kept), {seat.ref: (fold.seat_facts(seat), seat.due) for seat in kept.seats.all()},
                (entry.kind, entry.stage, entry.person_id, entry.post_id, entry.happened_at, entry.payload),
                list(Clock.objects.filter(case_id=case.pk).order_by("code").values_list(
                    "code", "round", "status", "unit", "budget", "due_at", "started_at", "provisional", "generation", "kind")),
                list(Timer.objects.filter(clock__case_id=case.pk).order_by("clock__code", "rung").values_list(
                    "rung", "kind", "lawful_at", "fire_at", "state", "generation")),
                list(ClockSegment.objects.filter(clock__case_id=case.pk).order_by("clock__code").values_list("kind", "at", "entry_seq")),
                list(Outbox.objects.filter(case=case).values_list("seq", "kind", "payload")),
                list(IssuedNumber.objects.filter(case_id=case.pk).values_list("value", "text", "seq")),
            )
        )  # fmt: skip
    return found


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "dispatch", "handle"]), st.sampled_from(["centre", "water", "gov"]), st.integers(0, 90)
        ),
        min_size=1,
        max_size=6,
    )
)
def test_成批登记与逐件登记留下同样的状态(town: Town, rows: list[tuple[str, str, int]]) -> None:
    code = town.publish(flows.hotline(*CLOCKS)).code
    actor = town["operator"]
    items = [
        Opening(f"第{position}件", town.unit(unit), {"n": position}, START + timedelta(hours=hours), stage)
        for position, (stage, unit, hours) in enumerate(rows)
    ]

    def singly() -> list[Case]:
        return [
            services.open_case(actor, code, item.title, organisation_id=item.organisation_id, data=item.data,
                               happened_at=item.happened_at, stage=item.stage)
            for item in items
        ]  # fmt: skip

    results = []
    for open_all in (singly, lambda: services.open_cases(actor, code, items)):
        with transaction.atomic():
            results.append(left(town, open_all()))
            transaction.set_rollback(True)
    assert results[0] == results[1]


def test_成批登记要么全成要么全无_编号不断号(town: Town) -> None:
    code = town.publish(flows.hotline(*CLOCKS)).code
    items = [Opening("甲", town.unit("centre"), happened_at=START), Opening(" ", town.unit("centre"))]
    with pytest.raises(Invalid, match="标题"):
        services.open_cases(town["operator"], code, items)
    for wrong, said in (
        (Opening("乙", town.unit("centre"), happened_at=datetime(2999, 1, 1, tzinfo=UTC)), "晚于现在"),
        (Opening("乙", town.unit("centre"), stage="nowhere"), "没有环节"),
    ):
        with pytest.raises(Invalid, match=said):
            services.open_cases(town["operator"], code, [items[0], wrong])
    assert not (Case.objects.exists() or Seat.objects.exists() or IssuedNumber.objects.exists())
    made = services.open_cases(town["operator"], code, [items[0]] * 3)
    assert [number.value for number in IssuedNumber.objects.order_by("case_id")] == [1, 2, 3]
    services.act(town["operator"], made[1].pk, "submit")
    check(Case.objects.get(pk=made[1].pk))
    assert services.open_cases(town["operator"], code, []) == []


def test_同一提交标识只登记一次(town: Town) -> None:
    code = town.publish(flows.hotline()).code
    first = Opening("甲", town.unit("centre"), key="k1")
    one = services.open_cases(town["operator"], code, [first])
    again = services.open_cases(town["operator"], code, [Opening("乙", town.unit("centre"), key="k2"), first])
    assert (
        again[1]
        == one[0]
        == services.open_case(town["operator"], code, "甲", organisation_id=town.unit("centre"), key="k1")
    )
    assert Case.objects.count() == IdempotencyKey.objects.count() == 2
    with pytest.raises(Conflict, match="重复的提交标识"):
        services.open_cases(town["operator"], code, [first, first])


def test_成批登记的事件逐件告知领域(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    code = town.publish(flows.hotline()).code
    heard: list[tuple[str, str]] = []
    kind = kinds.CaseKind(code, "", Case, on_event=lambda event: heard.append((event.case.title, event.name)))
    monkeypatch.setitem(kinds._kinds, code, kind)
    services.open_cases(town["operator"], code, [Opening(name, town.unit("centre")) for name in "甲乙"])
    assert heard == [("甲", "open"), ("甲", "enter:accept"), ("乙", "open"), ("乙", "enter:accept")]
