"""What a person keeps for himself: saved views and API tokens."""

import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.ledger.services import record as write_ledger
from yiwang.kernel.registers.declarations import Register
from yiwang.kernel.registers.guards import digest_of
from yiwang.kernel.registers.models import ApiToken, SavedView
from yiwang.kernel.registers.queries import Wish

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


def issue_token(actor: Actor, account_id: int, name: str, *, days: int = 90) -> tuple[ApiToken, str]:
    """A token for machines, shown once; the table keeps its digest."""
    if actor.account_id != account_id and not actor.system:
        raise Refused("只能为本人账号签发接口令牌。", rule="令牌属于账号")
    if not 1 <= days <= TOKEN_DAYS:
        raise Invalid(f"令牌有效期须在 1 至 {TOKEN_DAYS} 天之间。", errors={"days": ["有效期超出范围。"]})
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        made = ApiToken.objects.create(
            account_id=account_id, name=name, digest=digest_of(secret),
            expires_at=timezone.now() + timedelta(days=days),
        )  # fmt: skip
        write_ledger(actor, "issue_token", ("registers.token", made.pk), after={"name": name, "days": days})
    return made, secret


def revoke_token(actor: Actor, pk: int) -> None:
    with transaction.atomic():
        found = ApiToken.objects.select_for_update().filter(pk=pk).first()
        if found is None or found.account_id != actor.account_id:
            raise Refused("没有找到该令牌，或它不属于您的账号。", rule="令牌属于账号", code="absent")
        found.revoked_at = found.revoked_at or timezone.now()
        found.save(update_fields=["revoked_at"])
        write_ledger(actor, "revoke_token", ("registers.token", pk), after={"name": found.name})
