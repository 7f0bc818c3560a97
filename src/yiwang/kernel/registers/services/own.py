"""What a person keeps for himself: saved views and API tokens."""

import secrets
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.ledger.services import record as write_ledger
from yiwang.kernel.registers.declarations import Register
from yiwang.kernel.registers.guards import digest_of
from yiwang.kernel.registers.models import ApiToken, SavedView
from yiwang.kernel.registers.queries import Wish
from yiwang.kernel.registers.registry import readable

TOKEN_DAYS = 365


def save_view(actor: Actor, register: Register, name: str, asked: Wish, *, share: bool = False) -> SavedView:
    """Keep filters, columns and order under a name; saving under the same name replaces it."""
    actor.require(register.guard.code, "view")
    if not name.strip() or len(name) > 40:
        raise Invalid("请给视图起一个 40 字以内的名称。", errors={"name": ["名称须为 1 至 40 字。"]})
    if actor.person_id is None:
        raise Refused("只有本人账号可以保存视图。", rule="视图属于个人")
    found, _ = SavedView.objects.update_or_create(
        person_id=actor.person_id, register=register.code, name=name.strip(),
        defaults={"query": asked.stored(), "shared_with_id": actor.organisation_id if share else None},
    )  # fmt: skip
    return found


def remove_view(actor: Actor, register: Register, pk: int) -> None:
    if actor.person_id is None:
        raise Refused("只有本人账号可以删除视图。", rule="视图属于个人")
    removed, _ = SavedView.objects.filter(pk=pk, register=register.code, person_id=actor.person_id).delete()
    if not removed:
        raise Refused("没有找到该视图，或它不是您保存的。", rule="视图只能由本人删除", code="absent")


def issue_token(
    actor: Actor, account_id: int, name: str, *, days: int = 90, access: str = ApiToken.Access.FULL,
    registers: Sequence[str] = (),
) -> tuple[ApiToken, str]:  # fmt: skip
    """A token for machines, shown once; the table keeps its digest. `registers`: codes it is limited to."""
    if actor.account_id != account_id and not actor.system:
        raise Refused("只能为本人账号签发接口令牌。", rule="令牌属于账号")
    if not 1 <= days <= TOKEN_DAYS:
        raise Invalid(f"令牌有效期须在 1 至 {TOKEN_DAYS} 天之间。", errors={"days": ["有效期超出范围。"]})
    if access not in ApiToken.Access.values:
        raise Invalid("没有这种令牌权限，没有签发。", errors={"access": ["请从列出的几种中选择。"]})
    if foreign := set(registers) - {each.code for each in readable(actor) if each.api}:
        raise Invalid(
            f"账号不能用台账 {min(foreign)} 的接口，没有签发。", errors={"registers": ["只能选账号可用的台账。"]},
            rule="令牌不宽于账号",
        )  # fmt: skip
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        made = ApiToken.objects.create(
            account_id=account_id, name=name, digest=digest_of(secret),
            expires_at=timezone.now() + timedelta(days=days), access=access, registers=sorted(set(registers)),
        )  # fmt: skip
        after = {"name": name, "days": days, "access": made.get_access_display(), "registers": made.registers}
        write_ledger(actor, "issue_token", ("registers.token", made.pk), after=after)
    return made, secret


def revoke_token(actor: Actor, pk: int, reason: str = "") -> None:
    """By whose it is, or by who may take back anybody's; it ends with the transaction."""
    with transaction.atomic():
        found = ApiToken.objects.select_for_update().filter(pk=pk).first()
        if found is None or (found.account_id != actor.account_id and not actor.can("access.token", "revoke")):
            raise Refused("没有找到该令牌，或它不属于您的账号。", rule="令牌属于账号", code="absent")
        found.revoked_at = found.revoked_at or timezone.now()
        found.save(update_fields=["revoked_at"])
        write_ledger(actor, "revoke_token", ("registers.token", pk), after={"name": found.name}, reason=reason)


def touch_token(token: ApiToken) -> None:
    """Keep when it was last used, to the minute: a write for every call would cost more than it tells."""
    now = timezone.now()
    if token.used_at is None or now - token.used_at >= timedelta(minutes=1):
        ApiToken.objects.filter(pk=token.pk).update(used_at=now)
