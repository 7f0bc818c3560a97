"""Delegation: a person lets another act on his post for a while; both names go into the record of every act."""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.access.terms import ADMINISTRATORS
from yiwang.kernel.ledger.services import record
from yiwang.kernel.people.models import Delegation, Person
from yiwang.kernel.people.queries import serving


def delegate(
    actor: Actor,
    post_id: int,
    agent_id: int,
    *,
    valid_from: datetime,
    valid_until: datetime,
    reason: str,
    flows: Iterable[str] = (),
    secrecy_limit: int = 0,
) -> Delegation:
    """The actor lets `agent_id` act on the actor's own post."""
    if actor.person_id is None or post_id not in actor.post_ids:
        raise Refused("只能委托本人现任的岗位，操作未执行。", rule="代理须出于本人岗位")
    _require_sound(actor, agent_id, valid_from, valid_until, reason)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('people.delegations'))")
        ground = serving().filter(person=actor.person_id, post=post_id).select_related("post").first()
        if ground is None or ground.post.duty in ADMINISTRATORS:
            raise Refused("管理员岗位不得委托代理，操作未执行。", rule="三员分立（GB/T 22239-2019 第三级）")
        agent = Person.objects.filter(pk=agent_id, active=True).first()
        if agent is None or not serving().filter(person=agent_id).exclude(duty__in=ADMINISTRATORS).exists():
            raise Invalid("代理人须是在职且有业务岗位的人员。", errors={"agent": ["不能担任代理人。"]})
        _require_no_cycle(actor.person_id, agent_id, valid_from, valid_until)
        made = Delegation.objects.create(
            principal_id=actor.person_id, post_id=post_id, agent=agent, valid_from=valid_from, valid_until=valid_until,
            flows=sorted(set(flows)), secrecy_limit=secrecy_limit, reason=reason.strip(),
        )  # fmt: skip
        after = {
            "post": post_id, "agent": agent_id, "valid_from": valid_from, "valid_until": valid_until,
            "flows": made.flows, "secrecy_limit": secrecy_limit,
        }  # fmt: skip
        record(
            actor, "people.delegated", ("people.person", actor.person_id), after=after, reason=made.reason,
            organisation_id=ground.post.organisation_id,
        )  # fmt: skip
    return made


def _require_sound(actor: Actor, agent_id: int, start: datetime, end: datetime, reason: str) -> None:
    errors: dict[str, list[str]] = {}
    if agent_id == actor.person_id:
        errors["agent"] = ["不能委托给本人。"]
    if end <= start:
        errors["valid_until"] = ["结束时间须晚于开始时间。"]
    elif end <= timezone.now():
        errors["valid_until"] = ["结束时间已经过去。"]
    if not reason.strip():
        errors["reason"] = ["此项必填。"]
    if errors:
        raise Invalid("代理未设定，请改正标出的项目。", errors=errors)


def _require_no_cycle(principal_id: int, agent_id: int, start: datetime, end: datetime) -> None:
    """Nobody stands in for somebody who, over others, stands in for him in the same days: work would run in a ring."""
    pairs = Delegation.objects.filter(
        Q(revoked_at__isnull=True) | Q(revoked_at__gt=timezone.now()), valid_from__lt=end, valid_until__gt=start
    ).values_list("principal_id", "agent_id")
    agents: dict[int, set[int]] = {}
    for principal, agent in pairs:
        agents.setdefault(principal, set()).add(agent)
    reached, frontier = {agent_id}, [agent_id]
    while frontier:
        for agent in agents.get(frontier.pop(), ()):
            if agent not in reached:
                reached.add(agent)
                frontier.append(agent)
    if principal_id in reached:
        raise Refused("代理人在同一期间已直接或间接委托给您，互相代理会使事项无人办理，操作未执行。", rule="代理不成环")


def revoke(actor: Actor, delegation_id: int, *, reason: str = "") -> Delegation:
    """The principal takes the delegation back, at once."""
    with transaction.atomic():
        kept = (
            Delegation.objects.select_for_update(of=("self",)).select_related("post").filter(pk=delegation_id).first()
        )
        if kept is None or not (actor.system or kept.principal_id == actor.person_id):
            raise Refused("没有找到您设定的这项代理。", rule="代理由委托人收回", code="absent")
        now = timezone.now()
        if kept.revoked_at or kept.valid_until <= now:
            raise Conflict("该代理已经收回或到期。")
        kept.revoked_at = now
        kept.save(update_fields=["revoked_at"])
        record(
            actor, "people.delegation.revoked", ("people.person", kept.principal_id), before={"agent": kept.agent_id},
            after={"revoked_at": now}, reason=reason, organisation_id=kept.post.organisation_id,
        )  # fmt: skip
    return kept
