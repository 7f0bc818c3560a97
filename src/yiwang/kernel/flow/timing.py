"""What a clock's rung does to its case: remind, take the lawful effect, escalate."""

from datetime import datetime

from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.calendar.models import CalendarVersion
from yiwang.kernel.clocks.models import Clock, Timer
from yiwang.kernel.clocks.services import Book
from yiwang.kernel.flow.fold import Facts
from yiwang.kernel.flow.models import Entry, Seat
from yiwang.kernel.flow.services.cases import perform
from yiwang.kernel.flow.services.course import lift
from yiwang.kernel.flow.services.disputes import attach_watch
from yiwang.kernel.flow.terms import FREE, SeatState, Status
from yiwang.kernel.flow.work import LIVE, Work, commit, load

ESCALATE = "escalate"


def notice(timer: Timer, lawful_at: datetime) -> Entry | None:
    """Remind the holders; the case's entry says which rung it was."""
    work = load(SYSTEM, timer.clock.case_id)
    if work.case.status != Status.OPEN:
        return None
    refs = [seat.ref for seat in work.live() if seat.state == SeatState.OPEN and seat.kind not in FREE]
    work.owed.append(("rung", {"refs": refs, "opinion": f"“{timer.clock.name}”提醒（{timer.rung}）"}))
    return _entry(work, timer)


def effect(timer: Timer, lawful_at: datetime) -> Entry | None:
    """到期后果: the action the law takes (视为受理), at the lawful instant, or a supervision."""
    clock = timer.clock
    case_id = clock.case_id
    work = load(SYSTEM, case_id, lawful_at)
    if work.case.status == Status.CLOSED:
        return None
    word, _, action = clock.on_breach.partition(":")
    if word == ESCALATE:
        seat = attach_watch(work, f"“{clock.name}”超期，请说明原因并尽快办结", None)
        work.facts["watch"] = seat.ref
        return _entry(work, timer)
    if work.case.status == Status.SUSPENDED:
        lift(work)
    work.facts["basis"] = clock.basis
    work.facts["rung"] = [clock.code, timer.rung]
    perform(work, action, seat_id=None, opinion="", data={}, files=[])
    return commit(work, "act", action=action, opinion=f"“{clock.name}”届满，依法{_name(work, action)}")


def _name(work: Work, code: str) -> str:
    names = {action.code: action.name for stage in work.flow.stages for action in stage.actions}
    return names.get(code, code)


def _entry(work: Work, timer: Timer) -> Entry:
    rung: Facts = {"clock": timer.clock.code, "rung": timer.rung, "lawful_at": timer.lawful_at.isoformat()}
    work.facts.update(rung)
    work.events.append(f"rung:{timer.clock.code}:{timer.rung}")
    return commit(work, "rung")


def moved(clock: Clock, old: datetime | None, new: datetime | None, version: CalendarVersion) -> None:
    """A published calendar moved a due date: an entry says so, and the seats' cached limit follows."""
    work = load(SYSTEM, clock.case_id)
    plain = [moment.isoformat() if moment else "" for moment in (old, new)]
    work.facts.update({"clock": clock.code, "due": plain, "calendar": str(version)})
    commit(work, "rung")
    due = Book(clock.case_id).earliest()
    Seat.objects.filter(case_id=clock.case_id, state__in=LIVE).exclude(kind__in=FREE).update(due=due)
