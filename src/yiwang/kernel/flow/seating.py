"""Who gets a seat: posts of organisations, resolved to people at the moment the seat opens."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.db.models import Q

from yiwang.kernel.access.actors import Actor, Invalid
from yiwang.kernel.access.models import RoleHolding
from yiwang.kernel.bulk.statements import ask
from yiwang.kernel.calendar.terms import CHINA
from yiwang.kernel.flow.definitions import Assign, Flow, Stage
from yiwang.kernel.flow.models import Case
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.people.queries import ANYBODY as ANY
from yiwang.kernel.people.queries import HEAD


def today(now: datetime) -> date:
    return now.astimezone(CHINA).date()


def in_force(on: date, prefix: str = "") -> Q:
    return Q(**{f"{prefix}valid_from__lte": on}) & (
        Q(**{f"{prefix}valid_until": None}) | Q(**{f"{prefix}valid_until__gte": on})
    )


@dataclass(frozen=True)
class Place:
    """A seat to be opened: a post with its person when there is exactly one, or a pool of an organisation."""

    organisation_id: int
    post_id: int | None = None
    person_id: int | None = None
    pool: str = ""
    weight: int = 1
    fault: str = ""

    def plain(self) -> list[Any]:
        return [self.organisation_id, self.post_id, self.pool, self.weight]


# The parts are added as they are asked for, so that the server plans each combination on its own.
STAFFED = """
select p.id, p.organisation_id, p.code, a.person_id
from orgs_post p join people_appointment a on a.post_id = p.id join people_person n on n.id = a.person_id
where p.active and n.active and a.valid_from <= %(on)s and (a.valid_until is null or a.valid_until >= %(on)s)"""
AMONG, OF, HEADS = " and p.id = any(%(posts)s)", " and p.organisation_id = any(%(units)s)", " and p.is_head"
WITH_ROLE = """ and exists(select 1 from access_roleholding h join access_role r on r.id = h.role_id and r.code = %(role)s
  where h.post_id = p.id and h.valid_from <= %(on)s and (h.valid_until is null or h.valid_until >= %(on)s))"""
IN_ORDER = " order by p.organisation_id, p.position, p.id, a.id"


def staffed(
    now: datetime, *, posts: Iterable[int] | None = None, units: Iterable[int] | None = None, role: str = "",
    head: bool = False, weights: dict[str, int] | None = None,
) -> list[Place]:  # fmt: skip
    """The posts that somebody holds today, in their order."""
    facts: dict[str, Any] = {"on": today(now), "role": role}
    statement = STAFFED
    for name, part, chosen in (("posts", AMONG, posts), ("units", OF, units)):
        if chosen is not None:
            statement, facts[name] = statement + part, list(chosen)
    statement += (HEADS if head else "") + (WITH_ROLE if role else "")
    people: dict[tuple[int, int, str], list[int]] = defaultdict(list)
    for post_id, organisation_id, code, person_id in ask(statement + IN_ORDER, facts):
        people[post_id, organisation_id, code].append(person_id)
    return [
        Place(organisation_id, post_id, held[0] if len(held) == 1 else None, weight=(weights or {}).get(code, 1))
        for (post_id, organisation_id, code), held in people.items()
    ]


def with_role(role: str, organisations: Iterable[int], now: datetime) -> Q:
    holdings = RoleHolding.objects.filter(in_force(today(now)), role__code=role)
    return Q(organisation_id__in=list(organisations), pk__in=holdings.values("post_id"))


def _ids(value: object) -> list[int]:
    items: list[Any] = list(value) if isinstance(value, (list, tuple)) else [] if value in (None, "") else [value]
    if not all(isinstance(item, (int, str)) and str(item).isdecimal() and len(str(item)) < 19 for item in items):
        raise Invalid("办理对象不正确：应为岗位或机构。请从列表中重新选择。", errors={"to": ["格式不正确"]})
    return list(dict.fromkeys(int(str(item)[:18]) for item in items))


def _organisations(case: Case, assign: Assign, chosen: Sequence[int]) -> list[int]:
    if assign.by == "chosen":
        return list(chosen)
    if assign.of == "operator":
        return [case.operator_id]
    if assign.of == "lead":
        return [case.organisation_id]
    if assign.of == "opener":
        return [case.opener_organisation_id] if case.opener_organisation_id else []
    if assign.of.startswith("code:"):
        return list(Organisation.objects.filter(code=assign.of[5:]).values_list("pk", flat=True))
    return _ids(case.data.get(assign.of))


def dispatcher(case: Case, flow: Flow, fault: str) -> Place:
    """无人可派: the case goes to the dispatchers with a visible fault, never onwards in silence."""
    return Place(case.operator_id, pool=flow.operator_role or HEAD, fault=fault[:200])


def _pooled(places: list[Place], pool: str) -> list[Place]:
    return [Place(organisation, pool=pool) for organisation in dict.fromkeys(place.organisation_id for place in places)]


def places(case: Case, flow: Flow, stage: Stage, now: datetime, to: tuple[str, object] = ("", None)) -> list[Place]:
    """The seats of a stage; `to` is ("post" | "organisation", ids) as the act named them. Empty = nobody."""
    assign, weights = stage.assign, stage.decide.weights
    if assign.by == "initiator":
        return staffed(now, posts=[case.opener_post_id]) if case.opener_post_id else []
    if assign.by == "handler":
        return again(case.memory.get("handlers", {}).get(assign.stage, []), now)
    if assign.by == "chosen" and to[0] == "post":
        return staffed(now, posts=_ids(to[1]), weights=weights)
    organisations = _organisations(case, assign, _ids(to[1]))
    if assign.by == "role" and not assign.role:
        return []
    if assign.role:
        found, pool = staffed(now, units=organisations, role=assign.role, weights=weights), assign.role
    elif assign.by == "head":
        found, pool = staffed(now, units=organisations, head=True, weights=weights), HEAD
    else:
        found, pool = staffed(now, units=organisations, weights=weights), ANY
    return _pooled(found, pool) if assign.pool or pool == ANY else found


def again(remembered: list[list[Any]], now: datetime) -> list[Place]:
    """The same posts as before, even if the people on them changed; pools stay pools."""
    posts = {post for _, post, pool, _ in remembered if post and not pool}
    filled = {place.post_id: place for place in staffed(now, posts=posts)} if posts else {}
    found = []
    for organisation, post, pool, weight in remembered:
        if pool:
            found.append(Place(organisation, pool=pool, weight=weight))
        elif post in filled:
            found.append(replace(filled[post], weight=weight))
    return found


POOLS = """
with held as (
  select p.id, p.organisation_id, p.is_head from orgs_post p join people_appointment a on a.post_id = p.id
  where p.id = any(%(posts)s) and a.person_id = %(person)s and a.valid_from <= %(on)s
    and (a.valid_until is null or a.valid_until >= %(on)s))
select '@any', organisation_id, id from held
union all select '@head', organisation_id, id from held where is_head
union all select r.code, held.organisation_id, held.id from held
  join access_roleholding h on h.post_id = held.id and h.valid_from <= %(on)s
    and (h.valid_until is null or h.valid_until >= %(on)s)
  join access_role r on r.id = h.role_id
order by 3
"""


def pools_of(actor: Actor, now: datetime) -> dict[tuple[str, int], int]:
    """The pools an actor may take from and the post that answers to each: posts held and roles in force today."""
    if not actor.post_ids or actor.person_id is None:
        return {}
    rows = ask(POOLS, {"posts": list(actor.post_ids), "person": actor.person_id, "on": today(now)})
    return {(pool, organisation): post for pool, organisation, post in reversed(rows)}


def operator_of(flow: Flow, lead_id: int, opener_id: int | None, now: datetime) -> int:
    """The organisation that runs the flow: the opener's or lead's own, else the nearest above, else the only one."""
    if not flow.operator_role:
        return opener_id or lead_id
    holders = dict(
        RoleHolding.objects.filter(in_force(today(now)), role__code=flow.operator_role).values_list(
            "post__organisation_id", "post__organisation__path"
        )
    )
    near = [item for item in (opener_id, lead_id) if item in holders]
    if near or not holders:
        return near[0] if near else opener_id or lead_id
    path = Organisation.objects.values_list("path", flat=True).get(pk=opener_id or lead_id)
    above = sorted((item for item in holders if path.startswith(holders[item])), key=lambda item: len(holders[item]))
    return above[-1] if above else min(holders)
