"""Reads: inbox boxes, what an actor may do with a case and why not, timeline, visibility, charges."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.flow import kinds
from yiwang.kernel.flow.charges import Interval, charges, charges_of
from yiwang.kernel.flow.choices import Choice, available
from yiwang.kernel.flow.models import Case, Entry, Outbox, Seat
from yiwang.kernel.flow.publishing import flow_of
from yiwang.kernel.flow.seating import pools_of
from yiwang.kernel.flow.terms import OPERATIONS, TRIES, LinkKind, SeatKind, SeatState
from yiwang.kernel.people.queries import StandIn, stand_ins

__all__ = [
    "Choice", "Interval", "Line", "Reach", "available", "boxed", "case_for", "charges", "charges_of", "followed", "inbox", "parked",
    "reach_of", "timeline", "visible", "visible_cases", "waiting",
]  # fmt: skip
BOXES = {"todo": "待办", "done": "已办", "started": "我发起", "watched": "督办", "copied": "抄送"}
WORKING = tuple(kind for kind in SeatKind if kind not in (SeatKind.COPY, SeatKind.WATCH))


@dataclass(frozen=True)
class Reach:
    """Whose seats a person may act on: own posts, pools with their organisation, 代理 in force."""

    person_id: int | None
    post_ids: tuple[int, ...]
    pools: tuple[tuple[str, int], ...]
    stand_ins: tuple[StandIn, ...]

    @property
    def empty(self) -> bool:
        """Nobody's seats: somebody who serves on no post and stands in for nobody."""
        return not (self.post_ids or self.pools or self.stand_ins)


def reach_of(actor: Actor, now: datetime) -> Reach:
    """代理 are in force when their dates cover the moment and the principal still serves on the post."""
    pools = tuple(pools_of(actor, now)) if actor.pools is None else actor.pools
    others = () if actor.person_id is None else stand_ins(actor.person_id, now)
    return Reach(actor.person_id, actor.post_ids, pools, others)


def parts_of(reach: Reach) -> list[Q]:
    """Seats within reach, in parts that share no seat: own and delegated posts one by one, pools by organisation.

    Each part has its own index of open seats. One OR over all of them would make the planner read every open seat.
    """
    posts: dict[int, Q] = {post: Q(pool="") | Q(person_id=reach.person_id) for post in reach.post_ids}
    for item in reach.stand_ins:
        allowed = Case.objects.filter(pk=OuterRef("case_id"), secrecy__lte=item.secrecy_limit)
        allowed = allowed.filter(flow__in=item.flows) if item.flows else allowed
        part = Q(Exists(allowed)) & (Q(person=None) | Q(person_id=item.principal_id))
        posts[item.post_id] = posts[item.post_id] | part if item.post_id in posts else part
    pools: dict[int, list[str]] = defaultdict(list)
    for pool, organisation in reach.pools:
        pools[organisation].append(pool)
    found = [Q(post_id=post) & part for post, part in posts.items()]
    return found + [Q(post=None, organisation_id=unit, pool__in=names) for unit, names in pools.items()]


def mine(actor: Actor, now: datetime) -> Q:
    """All parts in one condition, for reads that start from a case."""
    return Q(*parts_of(reach_of(actor, now)), _connector=Q.OR) | Q(pk__in=[])


def waiting(reach: Reach) -> list[QuerySet[Seat]]:
    """The box 待办 in parts that share no row; equal reaches give equal statements."""
    suspended = Case.objects.filter(pk=OuterRef("case_id"), status="suspended")
    seats = Seat.objects.filter(state=SeatState.OPEN, kind__in=WORKING)
    seats = seats.exclude(Exists(suspended), kind__in=("handle", "sign"))
    return [seats.filter(part) for part in parts_of(reach)]


def boxed(actor: Actor, box: str, now: datetime | None = None, reach: Reach | None = None) -> list[QuerySet[Any]]:
    """A box in parts that share no row: a page takes the first of each, a count is their sum. Cases for started.

    reach: the actor's, when the caller has read it for another box.
    """
    moment = now or timezone.now()
    if box == "started":
        return [Case.objects.filter(opener_person_id=actor.person_id)]
    if box == "done":
        own = Q(person_id=actor.person_id) | Q(on_behalf_of_id=actor.person_id)
        return [Seat.objects.filter(own, state=SeatState.DONE, kind__in=WORKING)]
    if box == "todo":
        return [*waiting(reach or reach_of(actor, moment))]
    if box == "watched":
        seats = Seat.objects.filter(state=SeatState.OPEN, kind=SeatKind.WATCH)
    elif box == "copied":
        seats = Seat.objects.filter(kind=SeatKind.COPY).exclude(state=SeatState.VOID)
    else:
        raise Refused(f"没有“{box}”这个箱。", code="absent")
    return [seats.filter(part) for part in parts_of(reach or reach_of(actor, moment))]


ORDERS = {"todo": ("due", "id"), "watched": ("due", "id"), "done": ("-closed_at", "-id")}


def inbox(actor: Actor, box: str, now: datetime | None = None) -> QuerySet[Any]:
    """A box as one query set: seats, for started cases. Order: due first."""
    parts = boxed(actor, box, now)
    if len(parts) == 1:
        found = parts[0]
    else:
        ids = [part.values("pk") for part in parts]
        found = Seat.objects.filter(pk__in=ids[0].union(*ids[1:], all=True)) if ids else Seat.objects.none()
    joined = ("organisation",) if found.model is Case else ("case", "organisation", "post")
    return found.select_related(*joined).order_by(*ORDERS.get(box, ("-id",)))


def visible_cases(actor: Actor) -> QuerySet[Case]:
    """Cases the actor takes part in, opened, or sees by the data scope of the kind's resource."""
    if actor.system:
        return Case.objects.all()
    if actor.person_id is None:
        return Case.objects.none()
    seat = Seat.objects.filter(mine(actor, timezone.now()) | Q(person_id=actor.person_id), case_id=OuterRef("pk"))
    condition = Q(Exists(seat)) | Q(opener_person_id=actor.person_id)
    for kind in kinds.all_kinds():
        if actor.can(kind.resource, "view"):
            # EXISTS, not IN: the planner may look up the few cases at hand instead of listing all in scope.
            part = Q(Exists(doors.rows(actor, kind.resource).filter(case_id=OuterRef("pk"))), flow=kind.flow)
            condition |= part if actor.can(kind.resource, "view_sensitive") else part & Q(secrecy=0)
    return Case.objects.filter(condition)


def visible(actor: Actor, case: Case) -> bool:
    return visible_cases(actor).filter(pk=case.pk).exists()


def case_for(actor: Actor, case_id: int) -> Case:
    """One case through the read door; the refusal doesn't tell whether it exists."""
    found = visible_cases(actor).filter(pk=case_id).select_related("organisation", "operator").first()
    if found is None:
        raise Refused("没有找到该案件，或它不在您的数据范围内。", rule="数据范围", code="absent")
    return found


@dataclass(frozen=True)
class Line:
    """A line of the timeline; the recorded instant is shown apart when it differs from the lawful one."""

    seq: int
    kind: str
    label: str
    stage: str
    who: str
    organisation: str
    acting_for: str
    recorded_at: datetime
    happened_at: datetime
    opinion: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def late(self) -> bool:
        return abs((self.recorded_at - self.happened_at).total_seconds()) >= 60


def timeline(case: Case) -> list[Line]:
    flow = flow_of(case.version_id)
    stages = {stage.code: stage for stage in flow.stages}
    labels = {(stage.code, action.code): action.name for stage in flow.stages for action in stage.actions}
    rows = Entry.objects.filter(case_id=case.pk).select_related("organisation", "acting_for").order_by("seq")
    return [
        Line(
            entry.seq, entry.kind,
            labels.get((entry.stage, entry.action), "") or OPERATIONS.get(entry.kind, entry.kind),
            stages[entry.stage].name if entry.stage in stages else "", entry.actor_name,
            str(entry.organisation or ""), str(entry.acting_for or ""), entry.recorded_at, entry.happened_at,
            entry.opinion, entry.payload.get("facts", {}),
        )
        for entry in rows
    ]  # fmt: skip


def followed(case: Case) -> Case:
    """Where a merged case went, through any number of merges; itself when it wasn't merged."""
    while case.outcome == "merged":
        case = Case.objects.get(links_in__source=case, links_in__kind=LinkKind.MERGED)
    return case


def parked() -> QuerySet[Outbox]:
    """Messages that could not be delivered and wait for a person."""
    rows = Outbox.objects.filter(delivered_at=None, attempts__gte=TRIES)
    return rows.select_related("case").order_by("id")
