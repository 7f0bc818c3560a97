"""The verbs of clocks on real rows."""

from datetime import date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from yiwang.kernel.access.actors import SYSTEM, Conflict, Invalid
from yiwang.kernel.calendar import services as calendars
from yiwang.kernel.calendar.terms import CHINA
from yiwang.kernel.calendar.workdays import Override
from yiwang.kernel.clocks import queries
from yiwang.kernel.clocks.arithmetic import ClockSpec
from yiwang.kernel.clocks.models import Clock, ClockSegment
from yiwang.kernel.clocks.terms import ClockStatus, Colour, TimerState
from yiwang.kernel.clocks.tests import verbs

pytestmark = pytest.mark.django_db
SPEC = ClockSpec("working_day", 5, code="handle", name="办理", extensions=1, extension_budget=5, basis="条例第二十条")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


@pytest.fixture(autouse=True)
def calendar() -> None:
    rest = [Override(date(2025, 10, day), "rest", "国庆节") for day in range(1, 9)]
    work = [Override(date(2025, 9, 28), "work", "国庆节"), Override(date(2025, 10, 11), "work", "国庆节")]
    calendars.publish(SYSTEM, "cn", rest + work, "测试通知", years=[2025])


def armed(clock: Clock) -> dict[str, datetime]:
    return {row.rung: row.lawful_at for row in clock.timers.filter(state=TimerState.ARMED)}


def test_start_gives_due_date_and_timers() -> None:
    clock = verbs.start(1, SPEC, at("2025-09-26 10:00"), entry_seq=1)
    # 9-28 (makeup Sunday), 29, 30, then 10-09, 10-10.
    assert clock.due_at == at("2025-10-11 00:00")
    assert armed(clock) == {
        "50%": at("2025-10-01 00:00"), "80%": at("2025-10-10 00:00"), "-1d": at("2025-10-10 00:00"),
        "due": at("2025-10-11 00:00"), "+1d": at("2025-10-12 00:00"),
    }  # fmt: skip


def test_notices_wait_for_the_office_to_open_and_effects_do_not() -> None:
    plain = verbs.start(1, SPEC, at("2025-09-26 10:00"), entry_seq=1)
    deemed = ClockSpec("working_day", 5, code="deem", on_breach="act:accept")
    effect = verbs.start(2, deemed, at("2025-09-26 10:00"), entry_seq=1)
    assert plain.timers.get(rung="50%").fire_at == at("2025-10-09 09:00")
    assert effect.timers.get(rung="due").fire_at == effect.due_at


def test_suspension_stops_and_resumption_continues() -> None:
    clock = verbs.start(1, SPEC, at("2025-10-13 10:00"), entry_seq=1)
    verbs.suspend(1, at("2025-10-15 15:00"), entry_seq=2, cause="鉴定", basis="行政许可法第四十五条")
    [state] = queries.states(1, at("2025-10-20 09:00"))
    assert (state.due_at, state.colour) == (None, Colour.GREY)
    assert (state.elapsed, state.remaining) == (timedelta(1), timedelta(4))
    assert armed(clock) == {}
    [clock] = verbs.resume(1, at("2025-10-20 09:00"), entry_seq=3)
    assert clock.due_at == at("2025-10-24 00:00")
    [state] = queries.states(1, at("2025-10-20 09:00"))
    assert [(str(line.kind), line.note, line.total.days) for line in state.days][2:6] == [
        ("suspended", "鉴定", 1), ("suspended", "鉴定", 1), ("suspended", "鉴定", 1), ("weekend", "", 1),
    ]  # fmt: skip


def test_a_start_after_the_old_round_is_void_begins_a_new_round_with_timers() -> None:
    first = verbs.start(1, SPEC, at("2025-10-13 10:00"), entry_seq=1)
    with pytest.raises(Conflict, match="先作废"):
        verbs.start(1, SPEC, at("2025-10-16 10:00"), entry_seq=4)
    verbs.void(1, codes=["handle"])
    second = verbs.start(1, SPEC, at("2025-10-16 10:00"), entry_seq=4)
    first.refresh_from_db()
    assert (first.status, armed(first)) == (ClockStatus.SUPERSEDED, {})
    assert (second.round, second.due_at) == (2, at("2025-10-24 00:00"))
    assert set(armed(second)) == set(SPEC.rungs)


def test_finish_and_revive() -> None:
    verbs.start(1, SPEC, at("2025-10-13 10:00"), entry_seq=1)
    [clock] = verbs.finish(1, at("2025-10-14 10:00"), entry_seq=2)
    assert armed(clock) == {}
    [clock] = verbs.revive(1, at("2025-10-16 10:00"), entry_seq=3)
    assert clock.due_at == at("2025-10-21 00:00")
    verbs.finish(1, at("2025-10-17 10:00"), entry_seq=4)
    [clock] = verbs.revive(1, at("2025-10-21 10:00"), entry_seq=5, counted=False)
    assert clock.due_at == at("2025-10-23 00:00")


def test_extension_only_before_expiry_and_within_limits() -> None:
    verbs.start(1, SPEC, at("2025-10-13 10:00"), entry_seq=1)
    with pytest.raises(Invalid, match="1 至 5"):
        verbs.extend(1, "handle", at("2025-10-14 10:00"), 6, entry_seq=2)
    with pytest.raises(Invalid, match="届满"):
        verbs.extend(1, "handle", at("2025-10-21 10:00"), 5, entry_seq=2)
    clock = verbs.extend(1, "handle", at("2025-10-20 10:00"), 5, entry_seq=2)
    assert clock.due_at == at("2025-10-28 00:00")
    with pytest.raises(Invalid, match="最多延期 1 次"):
        verbs.extend(1, "handle", at("2025-10-20 11:00"), 1, entry_seq=3)


def test_wrong_order_is_refused() -> None:
    verbs.start(1, SPEC, at("2025-10-13 10:00"), entry_seq=1)
    with pytest.raises(Conflict, match="正在计时"):
        verbs.start(1, SPEC, at("2025-10-13 11:00"), entry_seq=2)
    with pytest.raises(Invalid, match="早于"):
        verbs.suspend(1, at("2025-10-12 10:00"), entry_seq=2, cause="鉴定")
    with pytest.raises(Conflict, match="不能恢复"):
        verbs.resume(1, at("2025-10-14 10:00"), entry_seq=2, codes=["handle"])
    with pytest.raises(Conflict, match="没有期限"):
        verbs.finish(1, at("2025-10-14 10:00"), entry_seq=2, codes=["other"])
    with pytest.raises(Invalid, match="事由"):
        verbs.suspend(1, at("2025-10-14 10:00"), entry_seq=2, cause=" ")
    with pytest.raises(Invalid, match="单位"):
        verbs.start(3, ClockSpec("week", 1, code="x"), at("2025-10-13 10:00"), entry_seq=1)
    with pytest.raises(Invalid, match="时区"):
        verbs.start(3, SPEC, datetime(2025, 10, 13), entry_seq=1)  # noqa: DTZ001


def test_facts_are_append_only() -> None:
    verbs.start(1, SPEC, at("2025-10-13 10:00"), entry_seq=1)
    with pytest.raises(IntegrityError, match="只增不改"), transaction.atomic():
        ClockSegment.objects.update(at=at("2025-10-14 10:00"))
    with pytest.raises(IntegrityError, match="只增不改"), transaction.atomic():
        ClockSegment.objects.all().delete()
