"""Reading clocks: their state at an instant, explained; timers that need a person."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet

from yiwang.kernel.access.actors import Refused
from yiwang.kernel.calendar import queries as calendars
from yiwang.kernel.clocks.arithmetic import DAY_UNITS, ClockSpec, Course, DayLine, Segment
from yiwang.kernel.clocks.models import Clock, ClockSegment, Limit, Timer
from yiwang.kernel.clocks.terms import ClockStatus, Colour, TimerState, Unit

OPEN = (ClockStatus.RUNNING, ClockStatus.SUSPENDED)


@dataclass(frozen=True)
class ClockState:
    """A clock at an instant. Amounts are counted time: for day units, one counted day is one day."""

    clock_id: int
    code: str
    name: str
    kind: str
    unit: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    due_at: datetime | None
    provisional: bool
    budget: timedelta
    elapsed: timedelta
    remaining: timedelta
    colour: Colour
    basis: str
    course: Course

    @property
    def late(self) -> bool:
        """Past its due date, when it ended or now (民法典 203: the limit ends with its last instant)."""
        return self.colour == Colour.RED

    @property
    def days(self) -> tuple[DayLine, ...]:
        return tuple(self.course.lines(self.due_at))

    @property
    def budget_text(self) -> str:
        return words(self.unit, self.budget)

    @property
    def elapsed_text(self) -> str:
        return words(self.unit, self.elapsed)

    @property
    def remaining_text(self) -> str:
        """A whole phrase: 剩余 3 个工作日, or 已超期 2 个工作日."""
        return f"{'已超期' if self.remaining < timedelta() else '剩余'} {words(self.unit, abs(self.remaining))}"


def words(unit: str, amount: timedelta) -> str:
    """An amount of counted time as officers say it."""
    if unit in DAY_UNITS:
        return f"{amount.days} 个工作日" if unit == Unit.WORKING_DAY else f"{amount.days} 日"
    hours, minutes = divmod(amount // timedelta(minutes=1), 60)
    label = "工作小时" if unit == Unit.WORKING_HOUR else "小时"
    if not hours:
        return f"{minutes} 分钟"
    return f"{hours} {label} {minutes} 分钟" if minutes else f"{hours} {label}"


def spec_of(clock: Clock) -> ClockSpec:
    return ClockSpec(
        unit=clock.unit, budget=clock.budget, starts_next_day=clock.starts_next_day,
        roll_to_working_day=clock.roll_to_working_day, close_of_business=clock.close_of_business, code=clock.code,
        name=clock.name, kind=clock.kind, calendar=clock.calendar_code, rungs=tuple(clock.rungs),
        on_breach=clock.on_breach, extensions=clock.extensions, extension_budget=clock.extension_budget,
        basis=clock.basis,
    )  # fmt: skip


def facts_of(rows: Iterable[ClockSegment]) -> list[Segment]:
    return [Segment(row.kind, row.at, row.amount, row.cause, row.basis) for row in rows]


def course_of(
    clock: Clock, facts: Iterable[ClockSegment] | None = None, *, calendar_version_id: int | None = None
) -> Course:
    """The course of a clock under the calendar version it is pinned to (or another one)."""
    calendar = calendars.load_version(calendar_version_id or clock.calendar_version_id)
    rows = clock.segments.all() if facts is None else facts
    return Course(spec_of(clock), clock.started_at, facts_of(rows), calendar)


def current(case_id: int, code: str) -> Clock | None:
    """The latest round of a clock of the case that has not been made void."""
    rows = Clock.objects.filter(case_id=case_id, code=code).exclude(status=ClockStatus.SUPERSEDED)
    return rows.order_by("-round").first()


def of_case(case_id: int) -> QuerySet[Clock]:
    return Clock.objects.filter(case_id=case_id)


def open_clocks(case_id: int) -> QuerySet[Clock]:
    return of_case(case_id).filter(status__in=OPEN)


def state(clock: Clock, now: datetime) -> ClockState:
    course = course_of(clock)
    total, elapsed, due_at = course.total, course.elapsed(now), course.due_at()
    return ClockState(
        clock_id=clock.pk, code=clock.code, name=clock.name, kind=clock.kind, unit=clock.unit, status=clock.status,
        started_at=clock.started_at, finished_at=clock.finished_at, due_at=due_at, provisional=course.due().provisional,
        budget=total, elapsed=elapsed, remaining=total - elapsed,
        colour=_colour(clock, due_at, total - elapsed, total, now), basis=clock.basis, course=course,
    )  # fmt: skip


def _colour(clock: Clock, due_at: datetime | None, left: timedelta, total: timedelta, now: datetime) -> Colour:
    moment = min(now, clock.finished_at or now)
    if due_at is not None and moment > due_at:
        return Colour.RED
    if clock.status == ClockStatus.SUSPENDED:
        return Colour.GREY
    return Colour.YELLOW if left * 5 <= total and clock.finished_at is None else Colour.GREEN


def states(case_id: int, now: datetime) -> list[ClockState]:
    """Every clock of the case that counts, as it stands."""
    rows = of_case(case_id).exclude(status=ClockStatus.SUPERSEDED).prefetch_related("segments").order_by("id")
    return [state(clock, now) for clock in rows]


class Limits:
    """Dated limits, the rows of a code read once: an act asks for one, a batch of cases for one many times."""

    def __init__(self) -> None:
        self._known: dict[str, list[Limit]] = {}

    def of(self, code: str, variant: str, day: date) -> Limit:
        """The limit in force on a day; of a superior rule and a local one the shorter. Raises Refused in a gap."""
        if code not in self._known:
            self._known[code] = list(Limit.objects.filter(code=code))
        known = self._known[code]
        alike = [each for each in known if each.variant == variant]
        dated = [each for each in alike if (each.valid_from or day) <= day <= (each.valid_until or day)]
        if not dated:
            named = next(iter([*alike, *known]), None)
            raise Refused(
                f"{day} 没有施行中的“{named.name if named else code}”，不能起算。请先在办理时限台账登记当日施行的时限及依据。",
                rule="时限以登记的依据为准", code="no_limit",
            )  # fmt: skip
        return min(dated, key=lambda each: (each.number, not each.local))


def limit(code: str, variant: str, day: date) -> Limit:
    """One limit, for who asks once; see Limits."""
    return Limits().of(code, variant, day)


def limits_in_force(codes: Iterable[str], day: date) -> dict[str, list[Limit]]:
    """By code, every row that counts on a day."""
    dated = Q(valid_from=None) | Q(valid_from__lte=day), Q(valid_until=None) | Q(valid_until__gte=day)
    found: dict[str, list[Limit]] = {}
    for each in Limit.objects.filter(*dated, code__in=codes):
        found.setdefault(each.code, []).append(each)
    return found


def parked() -> QuerySet[Timer]:
    """Timers that failed too often and wait for a person."""
    return Timer.objects.filter(state=TimerState.PARKED).select_related("clock").order_by("fire_at")
