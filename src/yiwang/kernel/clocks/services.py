"""The verbs of clocks. The caller runs them in the transaction of its act, holding the lock of the case.

Every verb appends facts, then derives due date and timers anew. A change of the facts is a new generation:
timers of an older one are cancelled, and none of them fires any more.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Conflict, Invalid
from yiwang.kernel.access.doors import row
from yiwang.kernel.bulk import copying
from yiwang.kernel.bulk.statements import Row, ask
from yiwang.kernel.calendar import queries as calendars
from yiwang.kernel.calendar.models import CalendarVersion
from yiwang.kernel.calendar.terms import CHINA
from yiwang.kernel.calendar.workdays import local
from yiwang.kernel.clocks import queries
from yiwang.kernel.clocks.above import DECLARED, Above
from yiwang.kernel.clocks.arithmetic import DAY_UNITS, ClockSpec, Course, check
from yiwang.kernel.clocks.models import Clock, ClockSegment, Limit, Recomputation, Timer
from yiwang.kernel.clocks.resources import TIMER as TIMERS
from yiwang.kernel.clocks.statements import Table, Writing
from yiwang.kernel.clocks.terms import ClockKind, ClockStatus, LimitNature, RungKind, SegmentKind, TimerState, Unit
from yiwang.kernel.ledger import services as ledger

Codes = Sequence[str] | None
CLOCK, SEGMENT, TIMER = (Table.of(model) for model in (Clock, ClockSegment, Timer))
CHANGING = ("status", "generation", "finished_at", "due_at", "provisional", "calendar_version_id")
FACTS = ("kind", "at", "entry_seq", "amount", "cause", "basis")
# In key order. Facts and timers are written under the lock of the case, so what is read here can't be overtaken.
HELD = f"""
select {CLOCK.selected("c")},
  (select json_agg(json_build_array({", ".join(f"s.{name}" for name in FACTS)}) order by s.id)::text
   from clocks_clocksegment s where s.clock_id = c.id),
  (select array_agg(t.rung) from clocks_timer t where t.clock_id = c.id and t.state = 'fired')
from clocks_clock c where c.case_id = %(case)s order by c.id for update of c
"""  # noqa: S608 - names of our own columns
# A published change can move a rung that lies after the due date ("+1d"), so look this far behind it.
AFTERMATH = timedelta(days=60)
LONGEST, LONGEST_BASIS = 9999, 300


@dataclass(eq=False)
class Kept:
    """A clock, its facts, its rungs that have fired; new facts and `timers` are still to be written."""

    clock: Clock
    facts: list[ClockSegment]
    fired: Collection[str] = ()
    timers: list[Timer] = field(default_factory=list)

    def add(self, kind: SegmentKind, at: datetime, entry_seq: int, **rest: Any) -> None:
        clock = self.clock
        latest = max([fact.at for fact in self.facts if fact.kind != SegmentKind.EXTEND], default=clock.started_at)
        if at < (clock.started_at if kind == SegmentKind.EXTEND else latest):
            raise Invalid(f"发生时间早于期限“{clock.name}”的上一次起停，计时会重叠。请核对发生时间。")
        fact = ClockSegment(clock=clock, kind=kind, at=at, entry_seq=entry_seq, recorded_at=timezone.now(), **rest)
        self.facts.append(fact)

    def derive(self, version: CalendarVersion | None = None) -> None:
        """Due date and timers from the facts, as a new generation under the calendar in force."""
        clock = self.clock
        if clock.status in queries.OPEN:
            clock.calendar_version = version or calendars.version(clock.calendar_code)
        course = queries.course_of(clock, self.facts)
        due = course.due()
        clock.due_at, clock.provisional = due.at, due.provisional
        clock.generation += 1
        self.timers = _timers(clock, course, self.fired) if clock.status == ClockStatus.RUNNING else []


def _kept(row: Row) -> Kept:
    said = [[kind, datetime.fromisoformat(at), *rest] for kind, at, *rest in json.loads(row[-2] or "[]")]
    facts = [ClockSegment.from_db("default", FACTS, each) for each in said]
    return Kept(Clock.from_db("default", CLOCK.columns, row[:-2]), facts, row[-1] or ())


def _write(changed: Sequence[Kept], writing: Writing | None = None) -> None:
    """As parts of the caller's statement, or by one. It sees clocks as they were before: none may be in it twice."""
    into, clocks = writing or Writing(), [each.clock for each in changed]
    new, old = [one for one in clocks if one._state.adding], [one for one in clocks if not one._state.adding]
    for clock in old:
        into.update(CLOCK.name, {name: getattr(clock, name) for name in CHANGING}, [clock.pk])
    if old:
        armed = "state = 'armed' and clock_id"
        into.update(TIMER.name, {"state": TimerState.CANCELLED}, [clock.pk for clock in old], by=armed)
    if new:
        into.insert(CLOCK.name, ("id", *CLOCK.own), [(clock.pk, *CLOCK.values(clock)) for clock in new])
    facts = [fact for each in changed for fact in each.facts if fact._state.adding]
    for table, rows in ((SEGMENT, facts), (TIMER, [timer for each in changed for timer in each.timers])):
        if rows:
            into.insert(table.name, table.own, map(table.values, rows))
    for made in (*clocks, *facts):
        made._state.adding = False
    if writing is None:
        into.run()


class Book:
    """What an act reads and changes of the clocks of its case."""

    def __init__(self, case_id: int) -> None:
        self._case_id = case_id
        self._kept = [_kept(row) for row in ask(HELD, {"case": case_id})]
        self._changed: list[Kept] = []

    def write(self, writing: Writing | None = None) -> None:
        _write(self._changed, writing)
        self._changed = []

    def earliest(self) -> datetime | None:
        """The earliest due instant of the running clocks that are not about supervision."""
        running = [each.clock for each in self._kept if each.clock.status == ClockStatus.RUNNING]
        due = [clock.due_at for clock in running if clock.due_at and clock.kind != ClockKind.SUPERVISION]
        return min(due).astimezone(UTC) if due else None

    def start(self, spec: ClockSpec, at: datetime, *, entry_seq: int) -> Clock:
        """Start a clock; if the case had one of that code, this is its next round."""
        rounds = [each.clock for each in self._kept if each.clock.code == spec.code]
        last = max(rounds, key=lambda clock: clock.round, default=None)
        if last is not None and last.status in queries.OPEN:
            raise Conflict(f"期限“{last.name}”正在计时，不能重复启动；要重新起算，先作废本轮。")
        number, version = last.round + 1 if last else 1, calendars.version(spec.calendar)
        made = _first(self._case_id, spec, at, entry_seq, version, pk=copying.keys(Clock, 1)[0], round=number)
        self._kept, self._changed = [*self._kept, made], [*self._changed, made]
        return made.clock

    def suspend(self, at: datetime, *, entry_seq: int, cause: str, basis: str = "", codes: Codes = None) -> list[Clock]:
        """Stop running clocks for a legal cause; the time until they resume counts for nobody."""
        if not cause.strip():
            raise Invalid("暂停计时须写明事由。", errors={"cause": ["请填写事由"]}, rule="行政许可法第四十五条")
        found = self._claim(codes, (ClockStatus.RUNNING,), "不在计时中，不能暂停")
        stop = ClockStatus.SUSPENDED, SegmentKind.STOP, at, entry_seq
        return [self._step(each, *stop, cause=cause, basis=basis) for each in found]

    def resume(self, at: datetime, *, entry_seq: int, codes: Codes = None) -> list[Clock]:
        found = self._claim(codes, (ClockStatus.SUSPENDED,), "没有暂停，不能恢复")
        return [self._step(each, ClockStatus.RUNNING, SegmentKind.RUN, at, entry_seq) for each in found]

    def finish(self, at: datetime, *, entry_seq: int, codes: Codes = None) -> list[Clock]:
        """End clocks. Whether they ended late follows from the facts, not from when a timer ran."""
        found = self._claim(codes, queries.OPEN, "已经结束，不能再次结束")
        for each in found:
            each.clock.finished_at = at
        end = ClockStatus.FINISHED, SegmentKind.END, at, entry_seq
        return [self._step(each, *end, cause="已办结") for each in found]

    def revive(self, at: datetime, *, entry_seq: int, codes: Codes = None, counted: bool = True) -> list[Clock]:
        """Undo the end. counted: the act that ended it is void, as if it had never ended (撤回); otherwise the time
        since the end isn't counted (重启)."""
        found = self._claim(codes, (ClockStatus.FINISHED,), "没有结束，不能重新打开")
        for each in found:
            each.clock.finished_at = None
        kind = SegmentKind.VOID if counted else SegmentKind.RUN
        return [self._step(each, None, kind, at, entry_seq) for each in found]

    def void(self, *, codes: Codes = None) -> list[Clock]:
        """The act that started the clocks is void, or their round is sent back: they never fire and never count."""
        found = self._claim(codes, (*queries.OPEN, ClockStatus.FINISHED), "已经作废")
        return [self._step(each, ClockStatus.SUPERSEDED) for each in found]

    def restore(self, code: str, *, before_seq: int) -> Clock:
        """The entry that put a new round in place of a running one is withdrawn: the earlier round goes on as if it
        had never been replaced, with every day since then counted."""
        rounds = [each for each in self._kept if each.clock.code == code and any(
            fact.kind == SegmentKind.RUN and fact.entry_seq < before_seq for fact in each.facts
        ) and each.clock.status == ClockStatus.SUPERSEDED]  # fmt: skip
        if not rounds:
            raise Conflict(f"该办件没有可恢复的期限“{code}”。")
        return self._step(max(rounds, key=lambda each: each.clock.round), None)

    def extend(self, code: str, at: datetime, amount: int, *, entry_seq: int, basis: str = "") -> Clock:
        """Grant an extension: before the limit ends, within the number of times and the amount the rule allows."""
        found = self._claim([code], queries.OPEN, "已经结束，不能延期")[0]
        clock, granted = found.clock, sum(fact.kind == SegmentKind.EXTEND for fact in found.facts)
        if granted >= clock.extensions:
            raise Invalid(f"期限“{clock.name}”最多延期 {clock.extensions} 次，不能再延期。", rule=clock.basis)
        if not 1 <= amount <= (clock.extension_budget or amount):
            limit = f"{clock.extension_budget} {clock.get_unit_display()}"
            raise Invalid(f"延期数须在 1 至 {limit} 之间，请重新填写。", rule=clock.basis)
        if clock.due_at is not None and at > clock.due_at:
            raise Invalid(f"期限“{clock.name}”已经届满，届满后不能延期。", rule="延期应当在期限届满前批准")
        granting = ClockStatus(clock.status), SegmentKind.EXTEND, at, entry_seq
        return self._step(found, *granting, amount=amount, basis=basis)

    def _claim(self, codes: Codes, allowed: Iterable[str], why_not: str) -> list[Kept]:
        """Named clocks must be in an allowed status, unnamed ones are chosen by it; in key order."""
        alive = [each for each in self._kept if each.clock.status != ClockStatus.SUPERSEDED]
        if codes is None:
            return [each for each in alive if each.clock.status in allowed]
        latest = {each.clock.code: each for each in alive}
        for code in codes:
            if code not in latest:
                raise Conflict(f"该办件没有期限“{code}”。")
            clock = latest[code].clock
            if clock.status not in allowed:
                raise Conflict(f"期限“{clock.name}”{why_not}（现为{clock.get_status_display()}）。")
        return [latest[code] for code in dict.fromkeys(codes)]

    def _step(self, kept: Kept, status: ClockStatus | None, *fact: Any, **rest: Any) -> Clock:
        """A fact more, the status (None: as the facts say) and what follows from both."""
        if kept in self._changed:
            self.write()
        if fact:
            kept.add(*fact, **rest)
        still = status is None and queries.course_of(kept.clock, kept.facts).stands_still
        kept.clock.status = status or (ClockStatus.SUSPENDED if still else ClockStatus.RUNNING)
        kept.derive()
        self._changed.append(kept)
        return kept.clock


def start_many(wanted: Sequence[tuple[int, ClockSpec, datetime]], *, entry_seq: int) -> list[Clock]:
    """First clocks of new cases, as `Book.start` would make them, in one statement a table."""
    versions = {code: calendars.version(code) for code in {spec.calendar for _, spec, _ in wanted}}
    made = [_first(case_id, spec, at, entry_seq, versions[spec.calendar]) for case_id, spec, at in wanted]
    copying.insert(Clock, (each.clock for each in made))
    copying.insert(ClockSegment, (fact for each in made for fact in each.facts))
    copying.insert(Timer, (timer for each in made for timer in each.timers))
    return [each.clock for each in made]


def declare_limit(
    actor: Actor, guard: str, pk: int, *, number: int, basis: str, nature: str, valid_from: date,
    local: bool | None = None, extensions: int | None = None, extension_budget: int | None = None, unit: str = "",
) -> Limit:  # fmt: skip
    """A new limit from a day on in place of the row's; the row before it ends the day before. Clocks that run keep
    theirs. `guard` is the domain's resource: it tells whose limits these are and who may change them."""
    actor.require(guard, "declare")
    errors = {} if 1 <= number <= LONGEST else {"number": [f"须为 1 至 {LONGEST} 的整数"]}
    if not basis.strip() or len(basis.strip()) > LONGEST_BASIS:
        errors["basis"] = [f"必填，至多 {LONGEST_BASIS} 字：写明名称、文号和条款"]
    if nature not in LimitNature.values:
        errors["nature"] = ["请选择依据种类"]
    if unit and unit not in Unit.values:
        errors["unit"] = ["请选择单位"]
    with transaction.atomic():
        like: Limit = row(actor, guard, pk, "declare")
        unit = unit or like.unit
        of_code = Limit.objects.select_for_update().filter(code=like.code, variant=like.variant)
        kept = list(of_code.order_by("id"))
        level = like.local if local is None else local
        last = max(
            (each for each in kept if each.local == level), key=lambda each: each.valid_from or date.min, default=None
        )
        if last is not None and last.valid_from is not None and last.valid_from >= valid_from:
            errors["valid_from"] = [f"须晚于已登记一行的施行日期 {last.valid_from}"]
        # Of two levels in force the shorter counts; ten days and five working days can't be compared.
        beside = next((each for each in kept if each.local != level and each.unit != unit
                       and (each.valid_until is None or each.valid_until >= valid_from)), None)  # fmt: skip
        if beside is not None:
            errors["unit"] = [f"同时施行的“{beside}”是另一层级的，单位不同，比不出长短：请先废止它，或用同一单位"]
        if errors:
            raise Invalid("时限没有登记：内容不合规定。", errors=errors, rule="时限须有依据和施行日期，只增不改")
        if last is not None and (last.valid_until is None or last.valid_until >= valid_from):
            last.valid_until = valid_from - timedelta(days=1)
            last.save(update_fields=["valid_until"])
        made = Limit.objects.create(
            code=like.code, variant=like.variant, name=like.name, number=number, unit=unit, nature=nature,
            basis=basis.strip(), local=level, valid_from=valid_from,
            extensions=like.extensions if extensions is None else extensions,
            extension_budget=like.extension_budget if extension_budget is None else extension_budget,
        )  # fmt: skip
        ledger.record(actor, "clocks.limit.declare", (guard, made.pk), before=_limit_facts(last) if last else None,
                      after=_limit_facts(made), reason=made.basis)  # fmt: skip
    return made


def end_limit(actor: Actor, guard: str, pk: int, *, last_day: date, reason: str) -> Limit:
    """Let a limit end without another in its place: from the day after no clock of its kind can start."""
    actor.require(guard, "declare")
    with transaction.atomic():
        row(actor, guard, pk, "declare")
        limit = Limit.objects.select_for_update().get(pk=pk)
        errors = {} if reason.strip() else {"reason": ["必填：写明废止的依据"]}
        if last_day < max(limit.valid_from or last_day, timezone.localdate()):
            errors["last_day"] = ["不能早于今天和施行日期"]
        if limit.valid_until is not None and limit.valid_until <= last_day:
            errors["last_day"] = [f"这一行已于 {limit.valid_until} 失效"]
        if errors:
            raise Invalid("时限没有废止：内容不合规定。", errors=errors)
        before, limit.valid_until = _limit_facts(limit), last_day
        limit.save(update_fields=["valid_until"])
        ledger.record(actor, "clocks.limit.end", (guard, pk), before=before, after=_limit_facts(limit), reason=reason)
    return limit


def _limit_facts(limit: Limit) -> dict[str, object]:
    return {"limit": str(limit), "code": limit.code, "variant": limit.variant, "basis": limit.basis,
            "from": limit.valid_from, "until": limit.valid_until}  # fmt: skip


@dataclass(frozen=True)
class Recomputed:
    checked: int
    touched: int
    moved: int


def recompute(calendar_code: str, *, batch: int = 100, above: Above = DECLARED) -> Recomputed:
    """Bring running clocks under the calendar in force, in batches that commit alone: it may be run again."""
    version = calendars.version(calendar_code)
    total = Recomputed(0, 0, 0)
    running = Clock.objects.filter(calendar_code=calendar_code, status=ClockStatus.RUNNING)
    pinned = running.exclude(calendar_version=version).order_by().values_list("calendar_version", flat=True).distinct()
    for pinned_id in pinned:
        span = calendars.load_version(version.pk).changed_span(calendars.load_version(pinned_id))
        if span is None:
            continue
        since, until = (datetime.combine(day, time(), CHINA) for day in span)
        crossing = running.filter(
            calendar_version=pinned_id, started_at__lt=until + timedelta(days=1), due_at__gt=since - AFTERMATH
        )
        cases = list(crossing.order_by("case_id").values_list("case_id", flat=True).distinct())
        for first in range(0, len(cases), batch):
            total = _recompute_batch(cases[first : first + batch], version, total, above)
    return total


def recompute_pending(*, above: Above = DECLARED) -> int:
    """Follow every published version that has not been followed yet; returns how many."""
    followed = Recomputation.objects.values("version")
    waiting = CalendarVersion.objects.exclude(pk__in=followed).order_by("pk")
    for version in waiting:
        result = recompute(version.code, above=above)
        Recomputation.objects.get_or_create(
            version=version, defaults={"checked": result.checked, "touched": result.touched, "moved": result.moved}
        )
    return len(waiting)


def _recompute_batch(cases: Sequence[int], version: CalendarVersion, total: Recomputed, above: Above) -> Recomputed:
    checked, touched, moved = total.checked, total.touched, total.moved
    with transaction.atomic():
        if above.owner:
            locked = above.owner._default_manager.select_for_update().filter(pk__in=cases)
            list(locked.order_by("pk").values_list("pk"))
        rows = Clock.objects.select_for_update().filter(case_id__in=cases, calendar_code=version.code)
        for clock in rows.filter(status=ClockStatus.RUNNING).order_by("case_id", "id"):
            before = clock.due_at
            changed = refresh(clock, version, above)
            checked, touched, moved = checked + 1, touched + changed, moved + (clock.due_at != before)
    return Recomputed(checked, touched, moved)


def refresh(clock: Clock, version: CalendarVersion, above: Above) -> bool:
    """Derive a running clock anew if the calendar in force moves its due date, a rung or its certainty."""
    if clock.calendar_version_id == version.pk:
        return False
    course = queries.course_of(clock, calendar_version_id=version.pk)
    due = course.due()
    armed = clock.timers.filter(state=TimerState.ARMED).values_list("rung", "lawful_at")
    rungs_stay = all(course.rung_at(rung) == lawful for rung, lawful in armed)
    if rungs_stay and (due.at, due.provisional) == (clock.due_at, clock.provisional):
        return False
    before, fired = clock.due_at, clock.timers.filter(state=TimerState.FIRED).values_list("rung", flat=True)
    kept = Kept(clock, list(clock.segments.order_by("id")), set(fired))
    kept.derive()
    _write([kept])
    if clock.due_at != before:
        for follower in above.moved:
            follower(clock, before, clock.due_at, version)
    return True


def retry(actor: Actor, timer_id: int) -> Timer:
    """Arm a parked timer again, once its cause has been removed."""
    actor.require(TIMERS.code, "retry")
    with transaction.atomic():
        timer = Timer.objects.select_for_update().filter(pk=timer_id, state=TimerState.PARKED).first()
        if timer is None:
            raise Conflict("该定时没有被搁置，无需重试。")
        timer.state, timer.attempts, timer.retry_at = TimerState.ARMED, 0, None
        timer.save()
        ledger.record(actor, "clocks.timer.retry", ("clocks.timer", timer.pk), before={"error": timer.error})
    return timer


def _first(
    case_id: int, spec: ClockSpec, at: datetime, entry_seq: int, version: CalendarVersion, **given: int
) -> Kept:  # fmt: skip
    check(spec)
    local(at)
    clock = Clock(
        case_id=case_id, code=spec.code, name=spec.name or spec.code, kind=spec.kind, unit=spec.unit,
        budget=spec.budget, starts_next_day=spec.starts_next_day, roll_to_working_day=spec.roll_to_working_day,
        close_of_business=spec.close_of_business, calendar_code=spec.calendar, rungs=list(spec.rungs),
        on_breach=spec.on_breach, extensions=spec.extensions, extension_budget=spec.extension_budget, basis=spec.basis,
        started_at=at, generation=0, **given,
    )  # fmt: skip
    made = Kept(clock, [])
    made.add(SegmentKind.RUN, at, entry_seq)
    made.derive(version)
    return made


def _timers(clock: Clock, course: Course, fired: Collection[str]) -> list[Timer]:
    """One timer per rung. A rung that has fired and still lies in the past is not repeated."""
    now = timezone.now()
    timers = []
    for rung in clock.rungs:
        lawful = course.rung_at(rung)
        if lawful is None or lawful < clock.started_at or (rung in fired and lawful <= now):
            continue
        kind = RungKind.EFFECT if rung == "due" and clock.on_breach else RungKind.NOTICE
        at_night = kind == RungKind.NOTICE and clock.unit in DAY_UNITS
        fire_at = course.calendar.opening(lawful) if at_night else lawful
        timers.append(
            Timer(clock=clock, generation=clock.generation, rung=rung, kind=kind, lawful_at=lawful, fire_at=fire_at)
        )
    return timers
