"""Keys: issued once in plain, kept sealed; a revocation is known to every gateway process before it commits."""

import secrets
import string
from dataclasses import dataclass
from datetime import date

from django.db import connection, transaction
from django.utils import timezone

from yiwang.data.sharing.gateway.store import CHANNEL, SECRET_CONTEXT
from yiwang.data.sharing.models import ApiKey, Grant, Usage
from yiwang.data.sharing.terms import GrantKind, GrantState, KeyState, Way
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.crypto import encrypt
from yiwang.kernel.ledger import services as ledger

LETTERS = string.ascii_lowercase + string.digits


@dataclass(frozen=True)
class IssuedKey:
    """`secret` is in nobody's hands but the receiver's from here on."""

    key: ApiKey
    secret: str


def announce() -> None:
    """Tell the gateways, when the caller's transaction commits, that what they remember is old."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def make_key(actor: Actor, grant: Grant, valid_until: date) -> IssuedKey:
    """A key of a grant; the caller has decided that it may be had."""
    mark = "s" if grant.kind == GrantKind.SANDBOX else "t"
    public = f"yw{mark}_" + "".join(secrets.choice(LETTERS) for _ in range(20))
    secret = secrets.token_urlsafe(32)
    Usage.objects.get_or_create(grant=grant, defaults={"day": timezone.localdate()})
    key = ApiKey.objects.create(
        grant=grant, public=public, sealed=encrypt(secret, SECRET_CONTEXT), valid_until=valid_until,
        organisation_id=grant.organisation_id, created_by_id=actor.person_id, is_demo=grant.is_demo,
    )  # fmt: skip
    ledger.record(
        actor, "sharing.issue_key", ("sharing.apikey", key.pk), after={"key": public, "grant": grant.pk},
        organisation_id=grant.organisation_id,
    )  # fmt: skip
    return IssuedKey(key, secret)


@transaction.atomic
def issue_key(actor: Actor, grant_id: int, *, valid_until: date | None = None) -> IssuedKey:
    """The API administrator issues a key of a granted interface."""
    doors.row(actor, "sharing.grant", grant_id, "issue")
    grant = Grant.objects.select_for_update().get(pk=grant_id)
    if grant.way != Way.API:
        raise Refused(
            f"这项授权按“{grant.get_way_display()}”提供，没有接口密钥。", rule="提供方式以授权为准", code="way"
        )
    if grant.state not in (GrantState.ACTIVE, GrantState.PENDING) or grant.valid_until < timezone.localdate():
        raise Refused("授权已撤销、暂停或到期，不能签发密钥。", rule="密钥依附于有效授权", code="ended")
    until = valid_until or grant.valid_until
    if not timezone.localdate() <= until <= grant.valid_until:
        raise Invalid(
            f"密钥有效期须在今天与授权到期日 {grant.valid_until} 之间。", errors={"valid_until": ["超出授权期限"]}
        )
    return make_key(actor, grant, until)


@transaction.atomic
def revoke_key(actor: Actor, key_id: int, *, reason: str) -> ApiKey:
    """From the commit on no call with this key is answered, also none that was already on its way."""
    doors.row(actor, "sharing.apikey", key_id, "revoke")
    if not reason.strip():
        raise Invalid("请写明作废原因。", errors={"reason": ["必填"]})
    key = ApiKey.objects.select_for_update().get(pk=key_id)
    if key.state == KeyState.REVOKED:
        raise Conflict("该密钥已经作废。")
    key.state, key.revoked_at, key.revoked_reason = KeyState.REVOKED, timezone.now(), reason.strip()[:300]
    key.version += 1
    key.save(update_fields=["state", "revoked_at", "revoked_reason", "version", "updated_at"])
    announce()
    ledger.record(
        actor, "sharing.revoke_key", ("sharing.apikey", key.pk), after={"key": key.public}, reason=reason.strip(),
        organisation_id=key.organisation_id,
    )  # fmt: skip
    return key
