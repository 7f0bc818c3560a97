"""Reads of people: who acts, who serves on a post, who stands in for whom."""

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Exists, FilteredRelation, OuterRef, Q, QuerySet
from django.utils import timezone

from yiwang.kernel.access.actors import ANONYMOUS, Actor, Permission
from yiwang.kernel.access.models import in_force
from yiwang.kernel.access.terms import ADMINISTRATORS, Duty, Scope
from yiwang.kernel.bulk.statements import Compiled
from yiwang.kernel.orgs.queries import in_use
from yiwang.kernel.people.models import Account, Appointment, Delegation, Person

_GRANTS = "held__role__grants__"
# Pools of an organisation that are no role: everybody who serves there, and its heads.
# Looked up for every grant of every request: the enumerations themselves take far longer.
_DUTIES, _SCOPES = {each.value: each for each in Duty}, {each.value: each for each in Scope}
ANYBODY, HEAD = "@any", "@head"


def serving(at: datetime | None = None) -> QuerySet[Appointment]:
    """Appointments in force on the day of `at`, of people in service, on posts and in organisations in use."""
    return _serving_on(timezone.localdate(at))


def _serving_on(day: date) -> QuerySet[Appointment]:
    return Appointment.objects.filter(
        in_force(day), in_use("post__organisation__", day), person__active=True, post__active=True
    )


def _lines(person: int, day: date) -> QuerySet[Appointment, tuple[Any, ...]]:
    """A line for each post of a person, role on it and grant of the role."""
    return (
        _serving_on(day)
        .filter(person=person)
        .annotate(held=FilteredRelation("post__roles", condition=in_force(day, "post__roles__")))
        .order_by("-primary", "id")
        .values_list(
            "post_id", "post__organisation_id", "post__organisation__path", "post__is_head",
            "post__name", "post__organisation__name", "duty", "held__role__code", f"{_GRANTS}resource",
            f"{_GRANTS}verb", f"{_GRANTS}scope", "primary", "id",
        )
        .annotate(
            paths=ArrayAgg(
                f"{_GRANTS}organisations__path", default=[], filter=Q(**{f"{_GRANTS}organisations__isnull": False})
            )
        )
    )  # fmt: skip


_lines_of = Compiled(_lines, person=int, day=date)


def actor_of(account: Account, address: str = "") -> Actor:
    """The account's person with all posts and permissions of today; one query."""
    return actor_of_person(account.person, account_id=account.pk, address=address) if account.is_active else ANONYMOUS


def actor_of_person(person: Person, *, account_id: int | None = None, address: str = "") -> Actor:
    """A person with all posts and permissions of today, with or without an account."""
    if not person.active:
        return ANONYMOUS
    lines = _lines_of(person=person.pk, day=timezone.localdate())
    posts: dict[int, tuple[int, str]] = {}
    duties: set[Duty] = set()
    roles: set[str] = set()
    pools: dict[tuple[str, int], None] = {}
    permissions: dict[tuple[str, str], list[Permission]] = defaultdict(list)
    post_name = ""
    for post_id, organisation_id, path, is_head, post, unit, duty, role, resource, verb, scope, *_, paths in lines:
        post_name = post_name or f"{unit} {post}"
        posts.setdefault(post_id, (organisation_id, path))
        duties.add(_DUTIES[duty])
        pools |= {(ANYBODY, organisation_id): None} | ({(HEAD, organisation_id): None} if is_head else {})
        if role:
            roles.add(role)
            pools[role, organisation_id] = None
        if resource:
            permissions[resource, verb].append(Permission(_SCOPES[scope], organisation_id, path, tuple(paths)))
    primary = next(iter(posts), None)
    organisation_id, path = posts[primary] if primary is not None else (None, "")
    return Actor(
        person_id=person.pk, account_id=account_id, name=person.name, post_ids=tuple(posts),
        primary_post_id=primary, organisation_id=organisation_id, organisation_path=path, duties=frozenset(duties),
        roles=frozenset(roles), permissions={key: tuple(found) for key, found in permissions.items()}, address=address,
        pools=tuple(pools), post_name=post_name,
    )  # fmt: skip


def is_administrator(actor: Actor) -> bool:
    return bool(actor.duties & ADMINISTRATORS)


def _standing(moment: datetime, day: date) -> QuerySet[Delegation]:
    ground = _serving_on(day).filter(person=OuterRef("principal"), post=OuterRef("post"))
    return Delegation.objects.filter(
        Q(revoked_at__isnull=True) | Q(revoked_at__gt=moment),
        Exists(ground),
        valid_from__lte=moment,
        valid_until__gt=moment,
        agent__active=True,
    )


def delegations_to(person_id: int, at: datetime | None = None) -> QuerySet[Delegation]:
    """For which posts, and for whom, a person stands in; a delegation lives no longer than its principal's service."""
    moment = at or timezone.now()
    found = _standing(moment, timezone.localdate(moment)).filter(agent=person_id)
    return found.select_related("principal", "post__organisation")


@dataclass(frozen=True)
class StandIn:
    """What a delegation lets its agent do, without names: for every page counts what waits."""

    post_id: int
    principal_id: int
    secrecy_limit: int
    flows: tuple[str, ...]


_stand_ins = Compiled(
    lambda person, moment, day: _standing(moment, day)
    .filter(agent=person)
    .order_by("pk")
    .values_list("post_id", "principal_id", "secrecy_limit", "flows"),
    person=int, moment=datetime, day=date,
)  # fmt: skip


def stand_ins(person_id: int, at: datetime) -> tuple[StandIn, ...]:
    """The delegations in force to a person."""
    rows = _stand_ins(person=person_id, moment=at, day=timezone.localdate(at))
    return tuple(StandIn(post, principal, limit, tuple(json.loads(flows))) for post, principal, limit, flows in rows)
