"""Proposing, deciding and ending partners and links, their secrets, and the provider's keys."""

import secrets
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from joserfc.jwk import ECKey, RSAKey

from yiwang.kernel.access.actors import SYSTEM, Actor, Conflict, Invalid, Refused
from yiwang.kernel.crypto import encrypt
from yiwang.kernel.ledger.services import record
from yiwang.kernel.oidc.models import OPEN, IdentityLink, IdentityProvider, RelyingParty, SigningKey, State
from yiwang.kernel.oidc.resources import NAMES
from yiwang.kernel.oidc.terms import PRIVATE, SECRET, digest, lines, sound_address

RULE = "单点登录的接入须由系统管理员提出、安全管理员批准"
Proposed = RelyingParty | IdentityProvider | IdentityLink


def _require_sound(kind: str, found: list[str]) -> None:
    for address in found:
        if not sound_address(address):
            raise Invalid(
                f"地址“{address}”不能用。", errors={kind: ["须为 https 开头的完整地址，不带 # 和 *。"]}, rule=RULE
            )


def _kept(kept: Proposed) -> dict[str, Any]:
    return {
        field.name: field.value_from_object(kept) for field in kept._meta.concrete_fields
        if field.name not in ("secret", "secret_digest", "proposed_at", "decided_at")
    }  # fmt: skip


def _checked(kept: Proposed) -> None:
    if isinstance(kept, RelyingParty):
        if not lines(kept.redirect_uris):
            raise Invalid("请填写回调地址。", errors={"redirect_uris": ["此项必填。"]})
        _require_sound("redirect_uris", lines(kept.redirect_uris))
        _require_sound("sign_out_uris", lines(kept.sign_out_uris))
    elif isinstance(kept, IdentityProvider):
        _require_sound("issuer", [kept.issuer])


def propose(actor: Actor, kept: Proposed, values: Mapping[str, Any]) -> Any:
    """A new or a changed partner or link; whatever was approved must be approved again."""
    resource = f"people.{NAMES[type(kept)]}"
    own = isinstance(kept, IdentityLink) and values.get("account_id") == actor.account_id
    if not own:
        actor.require(resource, "add" if kept.pk is None else "change")
    if actor.person_id is None:
        raise Refused("只有本人账号可以提出。", rule=RULE)
    with transaction.atomic():
        before = _kept(kept) if kept.pk else None
        for name, value in values.items():
            setattr(kept, name, value)
        _checked(kept)
        kept.state, kept.proposed_by_id, kept.decided_by, kept.decided_at = State.PROPOSED, actor.person_id, None, None
        try:
            with transaction.atomic():
                kept.save()
        except IntegrityError as error:
            raise Conflict(
                "同样的代码或绑定已经存在，没有保存。请先核对列表。", rule="一个主体只绑定一个账号"
            ) from error
        record(actor, "oidc.proposed", (resource, kept.pk), before=before, after=_kept(kept))
    return kept


def decide(actor: Actor, kept: Proposed, *, agree: bool, reason: str) -> Any:
    """The security administrator's word, never on one's own proposal, never on one's own account."""
    resource = f"access.{NAMES[type(kept)]}"
    actor.require(resource, "decide")
    with transaction.atomic():
        kept = type(kept)._default_manager.select_for_update().get(pk=kept.pk)
        own = isinstance(kept, IdentityLink) and kept.account_id == actor.account_id
        if own or kept.proposed_by_id == actor.person_id:
            raise Refused("不能批准本人提出的接入或本人账号的绑定。请由另一名安全管理员办理。", rule=RULE)
        if kept.state != State.PROPOSED:
            raise Conflict("这项接入已经处理过。")
        kept.state = State.APPROVED if agree else State.REFUSED
        kept.decided_by_id, kept.decided_at = actor.person_id, timezone.now()
        kept.save()
        if agree and isinstance(kept, RelyingParty):
            _ensure_key(kept.algorithm)
        record(actor, "oidc.decided", (resource, kept.pk), after=_kept(kept), reason=reason)
    return kept


def end(actor: Actor, kept: Proposed, *, reason: str, room: str) -> Any:
    """Stop it at once; what a relying party holds stops with it. `room`: people or access, on whose authority."""
    resource = f"{room}.{NAMES[type(kept)]}"
    actor.require(resource, "end")
    with transaction.atomic():
        kept = type(kept)._default_manager.select_for_update().get(pk=kept.pk)
        if kept.state not in OPEN:
            raise Conflict("已经停用，无需再停。")
        kept.state = State.ENDED
        kept.save()
        record(actor, "oidc.ended", (resource, kept.pk), after=_kept(kept), reason=reason)
    return kept


def new_secret(actor: Actor, party: RelyingParty) -> str:
    """A secret for the relying party, said once; the one before ends at once."""
    actor.require("people.relying_party", "change")
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        RelyingParty.objects.filter(pk=party.pk).update(secret_digest=digest(secret))
        record(actor, "oidc.secret_issued", ("people.relying_party", party.pk))
    return secret


def keep_secret(actor: Actor, provider: IdentityProvider, secret: str) -> None:
    """The secret another provider gave us; sealed."""
    actor.require("people.identity_provider", "change")
    if not secret.strip() or len(secret) > 300:
        raise Invalid("请填写客户端密钥。", errors={"secret": ["1 至 300 个字符。"]})
    with transaction.atomic():
        IdentityProvider.objects.filter(pk=provider.pk).update(secret=encrypt(secret.strip(), SECRET))
        record(actor, "oidc.secret_kept", ("people.identity_provider", provider.pk))


def _ensure_key(algorithm: str) -> None:
    if SigningKey.objects.filter(algorithm=algorithm).exists():
        return
    made = RSAKey.generate_key(2048) if algorithm == "RS256" else ECKey.generate_key("P-256")
    text = made.as_pem(private=True).decode()
    name = f"{algorithm.lower()}-{made.thumbprint()[:16]}"
    SigningKey.objects.create(name=name, algorithm=algorithm, private=encrypt(text, PRIVATE))
    record(SYSTEM, "oidc.key_made", ("oidc.key", name))
