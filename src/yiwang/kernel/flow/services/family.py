"""Cases together: children, merging, splitting, batches, handing over."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Q

from yiwang.kernel.access.actors import SYSTEM, Actor, Conflict, Invalid, Refused
from yiwang.kernel.flow import checks
from yiwang.kernel.flow.models import Case, Entry, Link, Seat
from yiwang.kernel.flow.seating import staffed
from yiwang.kernel.flow.services.cases import act, open_case, perform
from yiwang.kernel.flow.services.course import reason
from yiwang.kernel.flow.services.seats import move
from yiwang.kernel.flow.stages import close
from yiwang.kernel.flow.terms import LinkKind, SeatState, Status
from yiwang.kernel.flow.work import Work, answered, attempt, commit, load, load_parent, request_of

LIMIT = 500


def _both(actor: Actor, one: int, other: int) -> tuple[Work, Work]:
    """Two cases locked in the one order: their roots by id, then themselves by id."""
    roots = dict(Case.objects.filter(pk__in=[one, other]).values_list("pk", "root_id"))
    tops = sorted({roots.get(one) or one, roots.get(other) or other})
    works = {pk: load(actor, pk) for pk in tops}
    for pk in sorted({one, other} - works.keys()):
        works[pk] = load(actor, pk)
    return works[one], works[other]


def merge(actor: Actor, case_id: int, *, into: int, opinion: str = "", key: str = "") -> Entry:
    """并案: this case closes into another; its own number stays findable."""
    if case_id == into:
        raise Invalid("不能并入自身。请另选案件。", errors={"into": ["与本案件相同"]})

    def once() -> Entry:
        source, target = _both(actor, case_id, into)
        known = answered(actor, key, request_of("merge", case_id))
        if known is not None:
            return known
        checks.need_open(source)
        checks.need_open(target)
        for work in (source, target):
            checks.allowed(work, "merge")
        reason(opinion, "并案")
        kin = {source.case.pk, source.case.parent_id} & {target.case.pk, target.case.parent_id} - {None}
        if source.case.flow != target.case.flow or kin or checks.open_children(source.case):
            raise Refused("只能并入同一流程的案件，且不能在上下级案件之间并案，子案件须先办结。", rule="并案条件")
        Link.objects.create(source_id=case_id, target_id=into, kind=LinkKind.MERGED)
        source.facts["into"] = [into, target.case.number]
        target.facts["merged"] = [case_id, source.case.number]
        close(source, "merged")
        for work in (source, target):
            work.tally("ops", "merge")
            work.events.append("op:merge")
        entry = commit(source, "merge", opinion=opinion, key=key)
        commit(target, "merge", opinion=opinion)
        return entry

    return attempt(once)


def split(actor: Actor, case_id: int, *, parts: Sequence[dict[str, Any]], opinion: str = "", key: str = "") -> Entry:
    """拆单 into new cases at the same stage; each part has title, organisation and data of its own."""

    def once() -> Entry:
        work = load(actor, case_id)
        known = answered(actor, key, request_of("split", case_id))
        if known is not None:
            return known
        checks.need_open(work)
        operation = checks.allowed(work, "split")
        reason(opinion, "拆单")
        if len(parts) < 2:
            raise Invalid("拆单至少要拆成两件。", errors={"parts": ["至少两件"]})
        if checks.open_children(work.case):
            raise Conflict("尚有子案件未办结，不能拆单。")
        _sums(work.case, parts, operation.settings.get("sum", ()))
        made = [_part(actor, work.case, part) for part in parts]
        Link.objects.bulk_create(Link(source_id=case_id, target=case, kind=LinkKind.SPLIT) for case in made)
        work.facts["parts"] = [[case.pk, case.number] for case in made]
        close(work, "split")
        work.tally("ops", "split")
        work.events.append("op:split")
        return commit(work, "split", opinion=opinion, key=key)

    return attempt(once)


def _part(actor: Actor, source: Case, part: dict[str, Any]) -> Case:
    return open_case(
        actor, source.flow, str(part.get("title") or source.title), stage=source.stage, secrecy=source.secrecy,
        organisation_id=int(part.get("organisation") or source.organisation_id), happened_at=source.opened_at,
        data={**source.data, **part.get("data", {})}, operator_id=source.operator_id, is_demo=source.is_demo,
    )  # fmt: skip


def _sums(case: Case, parts: Sequence[dict[str, Any]], names: object) -> None:
    for name in names if isinstance(names, (list, tuple)) else ():
        whole = Decimal(str(case.data.get(name, 0)))
        total = sum((Decimal(str(part.get("data", {}).get(name, 0))) for part in parts), Decimal())
        if total != whole:
            raise Invalid(f"各件“{name}”合计 {total}，与原件 {whole} 不符。请改正后重新提交。",
                          errors={"parts": ["合计不符"]})  # fmt: skip


def release_child(actor: Actor, case_id: int, *, child: int, opinion: str = "", key: str = "") -> Entry:
    """The parent no longer waits for this child."""

    def once() -> Entry:
        work = load_parent(actor, case_id)
        known = answered(actor, key, request_of("release_child", case_id))
        if known is not None:
            return known
        checks.need_open(work)
        checks.allowed(work, "release_child")
        reason(opinion, "解除约束")
        if not Link.objects.filter(source_id=case_id, target_id=child, kind=LinkKind.CHILD, released=False).update(
            released=True
        ):
            raise Conflict("没有该子案件，或已解除约束。请刷新后查看。")
        _note_child(work, child, "released")
        work.tally("ops", "release_child")
        return commit(work, "release_child", opinion=opinion, key=key)

    return attempt(once)


def _note_child(work: Work, child: int, state: str) -> None:
    work.remember("children", {**work.case.memory.get("children", {}), str(child): state})
    work.facts["child"] = [child]
    action = work.stage.when_children_closed
    if action and work.case.status == Status.OPEN and not checks.open_children(work.case):
        perform(work, action, seat_id=None, opinion="", data={}, files=[])


def child_closed(parent_id: int, child_id: int, outcome: str) -> None:
    """A child's end reaches its parent: delivered at least once, applied once."""

    def once() -> Entry:
        work = load(SYSTEM, parent_id)
        last = Entry.objects.filter(case_id=parent_id).order_by("-seq")[0]
        child = Case.objects.get(pk=child_id)
        known = work.case.memory.get("children", {}).get(str(child_id))
        if known != "open" or child.status != Status.CLOSED or work.case.status == Status.CLOSED:
            return last
        work.facts["outcome"] = outcome
        _note_child(work, child_id, "closed")
        work.events.append("op:child_closed")
        return commit(work, "child_closed")

    attempt(once)


@dataclass(frozen=True)
class Result:
    """What became of one case of a batch."""

    case_id: int
    done: bool
    message: str = ""


def each(case_ids: Iterable[int], step: Callable[[int], object]) -> list[Result]:
    """One transaction a case: one that is refused doesn't stop the others, and says why."""
    wanted = list(dict.fromkeys(case_ids))
    if len(wanted) > LIMIT:
        raise Invalid(f"一次最多办理 {LIMIT} 件，请分批提交。", errors={"cases": ["过多"]})
    results = []
    for case_id in wanted:
        try:
            step(case_id)
        except Refused as refusal:
            results.append(Result(case_id, False, refusal.message))
        else:
            results.append(Result(case_id, True))
    return results


def batch(
    actor: Actor, case_ids: Iterable[int], action: str, *, opinion: str = "", data: dict[str, Any] | None = None,
    key: str = "",
) -> list[Result]:  # fmt: skip
    """批量办理: the same action on many cases, where the flow allows it."""

    def step(case_id: int) -> None:
        act(actor, case_id, action, opinion=opinion, data=data, key=f"{key}:{case_id}" if key else "", batch=True)

    return each(case_ids, step)


def handover(
    actor: Actor, *, from_post: int, to_post: int, person_id: int | None = None, flows: Iterable[str] = (),
    opinion: str = "", key: str = "",
) -> list[Result]:  # fmt: skip
    """批量移交: everything open on a post (of one person) moves to another post, case by case."""
    reason(opinion, "移交")
    live = Seat.objects.filter(post_id=from_post, state__in=(SeatState.OPEN, SeatState.WAITING))
    if person_id is not None:
        live = live.filter(Q(person_id=person_id) | Q(person_id=None))
    if flows:
        live = live.filter(case__flow__in=list(flows))

    def step(case_id: int) -> None:
        attempt(lambda: _hand_over(actor, case_id, from_post, to_post, person_id, opinion, key))

    found = live.order_by("case_id").values_list("case_id", flat=True).distinct()
    waiting = list(found)
    return [item for start in range(0, len(waiting), LIMIT) for item in each(waiting[start : start + LIMIT], step)]


def _hand_over(
    actor: Actor, case_id: int, from_post: int, to_post: int, person_id: int | None, opinion: str, key: str
) -> Entry:
    work = load(actor, case_id)
    known = answered(actor, f"{key}:{case_id}" if key else "", request_of("handover", case_id))
    if known is not None:
        return known
    checks.allowed(work, "handover")
    filled = staffed(work.now, posts=[to_post])
    if not filled:
        raise Invalid("接收岗位无人在岗，不能移交。请另选岗位。", errors={"to_post": ["无人在岗"]})
    for seat in work.live():
        if seat.post_id == from_post and (person_id is None or seat.person_id in (None, person_id)):
            move(work, seat, filled[0])
    work.tally("ops", "handover")
    work.facts["posts"] = [from_post, to_post]
    return commit(work, "handover", opinion=opinion, key=f"{key}:{case_id}" if key else "")
