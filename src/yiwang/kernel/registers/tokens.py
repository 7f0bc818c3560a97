"""API tokens: `Authorization: Bearer …` makes a request act as the token's account, on addresses under /api/ only.

What the token may do is what its account may do at that moment, cut down to the token's own scope.
"""

from collections.abc import Callable
from dataclasses import replace

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.registers.guards import digest_of
from yiwang.kernel.registers.models import ApiToken
from yiwang.kernel.registers.registry import all_registers
from yiwang.kernel.registers.services.own import touch_token

PREFIX = "Bearer "
VERBS = {ApiToken.Access.MASKED: {"view", "export"}, ApiToken.Access.READ: {"view", "export", "unmask"}}


def token_in_force(secret: str) -> ApiToken | None:
    """The token with its account, unless it is over, taken back, or its account may not sign in."""
    token = (
        ApiToken.objects.filter(digest=digest_of(secret), revoked_at=None, expires_at__gt=timezone.now())
        .select_related("account__person")
        .first()
    )
    if token is None or not (token.account.is_active and token.account.person.active):
        return None
    touch_token(token)
    return token


def narrowed(actor: Actor, token: ApiToken) -> Actor:
    """The actor without what the token is not given. Who may only read holds no post, so no case can be acted upon."""
    verbs = VERBS.get(ApiToken.Access(token.access))
    named = set(token.registers)
    codes = {register.guard.code for register in all_registers() if register.code in named}
    kept = {
        (resource, verb): scopes
        for (resource, verb), scopes in actor.permissions.items()
        if (verbs is None or verb in verbs) and (not named or resource in codes)
    }
    if verbs is None:
        return replace(actor, permissions=kept)
    return replace(actor, permissions=kept, post_ids=(), pools=(), roles=frozenset())


def actor_of_token(secret: str, address: str = "") -> Actor | None:
    token = token_in_force(secret)
    return narrowed(actor_of(token.account, address), token) if token is not None else None


class TokenMiddleware:
    """Between ActorMiddleware and DefaultDeny: a token stands instead of a session, never beside one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("Authorization", "")
        if request.path.startswith("/api/") and given.startswith(PREFIX):
            token = token_in_force(given.removeprefix(PREFIX).strip())
            if token is not None:
                known = getattr(request, "actor", None)
                request.user = token.account
                request.actor = narrowed(  # type: ignore[attr-defined]
                    actor_of(token.account, known.address if known else ""), token
                )
                request.by_token = True  # type: ignore[attr-defined]
        return self.get_response(request)
