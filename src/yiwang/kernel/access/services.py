"""Roles, grants and holdings. Only the security administrator writes them, and never to his own advantage."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.access.doors import resources, row
from yiwang.kernel.access.models import Grant, Role, RoleHolding
from yiwang.kernel.access.roles import RoleSpec
from yiwang.kernel.access.terms import Duty, Scope, grantable
from yiwang.kernel.ledger.services import record

SEPARATION = "三员分立（GB/T 22239-2019 第三级）"


def declare(actor: Actor, spec: RoleSpec, declared_by: str) -> Role:
    """Bring a module's role into the database. Grants once declared and then withdrawn by hand stay withdrawn."""
    if not actor.system:
        raise Refused("声明的角色只在安装和升级时登记。")
    with transaction.atomic():
        role, made = Role.objects.select_for_update().get_or_create(
            code=spec.code, defaults={"name": spec.name, "duty": spec.duty, "declared_by": declared_by}
        )
        if role.duty != spec.duty or role.declared_by != declared_by:
            raise Conflict(f"角色代码“{spec.code}”已被占用，请在声明中换一个代码。", rule="角色代码唯一")
        known = {tuple(pair) for pair in role.declared}
        fresh = [grant for grant in spec.grants if (grant[0], grant[1]) not in known]
        for resource, verb, scope in fresh:
            Grant.objects.get_or_create(
                role=role, resource=resource, verb=verb, defaults={"scope": scope, "duty": role.duty}
            )
        if fresh or made or role.name != spec.name:
            role.name = spec.name
            role.declared = [*role.declared, *([resource, verb] for resource, verb, _ in fresh)]
            role.save(update_fields=["name", "declared"])
            after = {"name": role.name, "grants": [list(grant) for grant in fresh]}
            record(actor, "access.role.declared", ("access.role", role.pk), after=after)
    return role


def define_role(actor: Actor, *, code: str, name: str, duty: str = Duty.BUSINESS) -> Role:
    actor.require("access.role", "add")
    code, name = code.strip(), name.strip()
    if not code or not name:
        raise Invalid("角色代码和名称都要填写。", errors={"code" if not code else "name": ["此项必填。"]})
    if Role.objects.filter(code=code).exists():
        raise Invalid(f"角色代码“{code}”已存在，请换一个。", errors={"code": ["已存在。"]})
    with transaction.atomic():
        role = Role.objects.create(code=code, name=name, duty=Duty(duty))
        record(actor, "access.role.defined", ("access.role", role.pk), after={"code": code, "name": name, "duty": duty})
    return role


def _require_not_own(actor: Actor, role: Role) -> None:
    """Nobody widens a role that one of his own posts holds."""
    if actor.person_id and role.holdings.filter(post__appointments__person_id=actor.person_id).exists():
        raise Refused("不能修改本人岗位所持角色的授权，操作未执行。请由另一名安全管理员办理。", rule=SEPARATION)


def grant(
    actor: Actor,
    role_id: int,
    resource: str,
    verb: str,
    scope: str,
    *,
    organisation_ids: Iterable[int] = (),
    reason: str = "",
) -> Grant:
    """Give a role a permission, or change the scope of one it has."""
    actor.require("access.grant", "add")
    chosen = sorted(set(organisation_ids))
    declared = resources().get(resource)
    if declared is None or verb not in dict(declared.verbs):
        raise Invalid("没有这项权限，请从权限清单中选择。", errors={"resource": ["不在权限清单中。"]})
    if (Scope(scope) == Scope.CUSTOM) != bool(chosen):
        raise Invalid(
            "数据范围为“自定义”时须选择机构，其他范围不选机构。", errors={"organisations": ["与数据范围不符。"]}
        )
    with transaction.atomic():
        role: Role = row(actor, "access.role", role_id)
        _require_not_own(actor, role)
        candidate = Grant(role=role, duty=role.duty, resource=resource, verb=verb, scope=scope)
        if not grantable(role.duty, resource, verb):
            raise Refused(
                f"“{role.name}”属于{role.get_duty_display()}类，不能授予“{declared.name}”权限。", rule=SEPARATION
            )
        existing = Grant.objects.select_for_update().filter(role=role, resource=resource, verb=verb).first()
        before = existing.facts if existing else None
        kept = existing or candidate
        kept.scope = Scope(scope)
        kept.save()
        kept.organisations.set(chosen)
        record(actor, "access.grant.given", ("access.role", role.pk), before=before, after=kept.facts, reason=reason)
    return kept


def withdraw_grant(actor: Actor, grant_id: int, *, reason: str) -> None:
    actor.require("access.grant", "change")
    with transaction.atomic():
        given: Grant = row(actor, "access.grant", grant_id, "change")
        _require_not_own(actor, given.role)
        before = given.facts
        record(actor, "access.grant.withdrawn", ("access.role", given.role_id), before=before, reason=reason)
        given.delete()


def set_grants(
    actor: Actor,
    role_id: int,
    wanted: Mapping[tuple[str, str], str],
    *,
    organisation_ids: Iterable[int] = (),
    reason: str,
) -> int:
    """Bring a role's permissions to what is wanted, all or nothing: a scope for each (resource, verb), "" for none.

    What `wanted` does not name stays. Returns how many permissions changed.
    """
    actor.require("access.grant", "add")
    chosen, changed = set(organisation_ids), 0
    with transaction.atomic():
        role: Role = row(actor, "access.role", role_id)
        held = {(each.resource, each.verb): each for each in role.grants.prefetch_related("organisations")}
        for (resource, verb), scope in wanted.items():
            given, custom = held.get((resource, verb)), chosen if scope == Scope.CUSTOM else set()
            if given is not None and not scope:
                withdraw_grant(actor, given.pk, reason=reason)
            elif not scope or (given and given.scope == scope and {o.pk for o in given.organisations.all()} == custom):
                continue
            else:
                grant(actor, role.pk, resource, verb, scope, organisation_ids=custom, reason=reason)
            changed += 1
    return changed


def hold_role(
    actor: Actor,
    role_id: int,
    post_id: int,
    *,
    valid_from: date | None = None,
    valid_until: date | None = None,
    reason: str,
) -> RoleHolding:
    """Let a post hold a role between two dates."""
    actor.require("access.holding", "add")
    start = valid_from or timezone.localdate()
    if valid_until and valid_until < start:
        raise Invalid("失效日期不能早于生效日期。", errors={"valid_until": ["早于生效日期。"]})
    if not reason.strip():
        raise Invalid("授予角色须写明理由。", errors={"reason": ["此项必填。"]})
    role: Role = row(actor, "access.role", role_id)
    holding = RoleHolding(
        role=role, post_id=post_id, duty=role.duty, valid_from=start, valid_until=valid_until, reason=reason.strip(),
        granted_by_id=actor.person_id,
    )  # fmt: skip
    if holding.post.duty != role.duty:
        raise Refused(
            f"“{holding.post}”是{holding.post.get_duty_display()}类岗位，不能持有{role.get_duty_display()}类角色。",
            rule=SEPARATION,
        )
    try:
        with transaction.atomic():
            holding.save()
            if actor.person_id and _concerns(holding, actor.person_id):
                raise Refused("不能给本人担任的岗位授予角色，操作未执行。请由另一名安全管理员办理。", rule=SEPARATION)
            record(
                actor, "access.role.held", ("orgs.post", post_id), after=_holding_facts(holding), reason=holding.reason,
                organisation_id=holding.post.organisation_id,
            )  # fmt: skip
    except IntegrityError as error:
        raise Conflict(
            f"“{holding.post}”在该期间已持有“{role.name}”，无需重复授予。", rule="同一岗位同一角色期间不重叠"
        ) from error
    return holding


def _concerns(holding: RoleHolding, person_id: int) -> bool:
    return RoleHolding.objects.filter(pk=holding.pk, post__appointments__person_id=person_id).exists()


def _holding_facts(holding: RoleHolding) -> dict[str, object]:
    return {"role": holding.role.code, "valid_from": holding.valid_from, "valid_until": holding.valid_until}


def withdraw_role(actor: Actor, holding_id: int, *, on: date | None = None, reason: str) -> RoleHolding:
    """End a holding: `on` is the last day it counts, by default yesterday, so that it stops at once."""
    actor.require("access.holding", "change")
    if not reason.strip():
        raise Invalid("收回角色须写明理由。", errors={"reason": ["此项必填。"]})
    with transaction.atomic():
        row(actor, "access.holding", holding_id, "change")
        holding = RoleHolding.objects.select_for_update().select_related("role", "post").get(pk=holding_id)
        before = _holding_facts(holding)
        last = on or timezone.localdate() - timedelta(days=1)
        if holding.valid_until and holding.valid_until <= last:
            raise Conflict("该角色授予已经失效，无需收回。")
        target = ("orgs.post", holding.post_id)
        if last < holding.valid_from:
            after: dict[str, object] = {"withdrawn": True}
            holding.delete()
        else:
            holding.valid_until = last
            holding.save(update_fields=["valid_until"])
            after = _holding_facts(holding)
        record(actor, "access.role.withdrawn", target, before=before, after=after, reason=reason.strip())
    return holding
