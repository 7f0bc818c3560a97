"""Codes and access tokens of the provider, kept as digests; between machines, in the transaction of the exchange."""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from yiwang.kernel.access.actors import SYSTEM, Conflict
from yiwang.kernel.ledger.services import record
from yiwang.kernel.oidc.models import AccessToken, Code, RelyingParty
from yiwang.kernel.oidc.terms import CODE_LIFE, TOKEN_LIFE, digest
from yiwang.kernel.people.models import Account


def keep_code(code: str, **facts: Any) -> Code:
    now = timezone.now()
    try:
        with transaction.atomic():
            return Code.objects.create(digest=digest(code), expires_at=now + CODE_LIFE, **facts)
    except IntegrityError as error:
        raise Conflict("登录请求重复，没有执行。请从业务系统重新登录。", rule="nonce 只用一次") from error


def take_code(code: str, party: RelyingParty) -> Code | None:
    """The code, locked until the exchange is over. Used twice, all that came of it is taken back (RFC 6749 4.1.2)."""
    found = Code.objects.select_for_update(of=("self",)).filter(digest=digest(code), party=party).first()
    if found is None:
        return None
    if found.used_at is not None:
        found.tokens.filter(revoked_at=None).update(revoked_at=timezone.now())
        record(SYSTEM, "oidc.code_reused", ("people.relying_party", party.pk), after={"account": found.account_id})
        return None
    return found if found.expires_at > timezone.now() else None


def spend_code(found: Code) -> None:
    found.used_at = timezone.now()
    found.save(update_fields=["used_at"])


def keep_token(token: str, code: Code) -> None:
    AccessToken.objects.create(digest=digest(token), code=code, expires_at=timezone.now() + TOKEN_LIFE)
    record(SYSTEM, "oidc.signed_on", ("people.relying_party", code.party_id), after={"account": code.account_id})


def take_back_tokens(account: Account, party: RelyingParty | None) -> None:
    """At sign-out."""
    found = AccessToken.objects.filter(code__account=account, revoked_at=None)
    (found.filter(code__party=party) if party else found).update(revoked_at=timezone.now())


def usable(account: Account, at: datetime | None = None) -> bool:
    """Whether the account may sign in now."""
    expires = account.password_expires_at
    return account.is_active and account.person.active and (expires is None or expires > (at or timezone.now()))


def tidy() -> int:
    """Codes and tokens long past use are removed by the worker; the ledger keeps that there was a sign-on."""
    removed, _ = Code.objects.filter(expires_at__lt=timezone.now() - timedelta(days=1)).delete()
    return removed
