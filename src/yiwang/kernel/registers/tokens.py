"""API tokens: `Authorization: Bearer …` makes a request act as the token's account, on addresses under /api/ only."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.people.models import Account
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.registers.guards import digest_of
from yiwang.kernel.registers.models import ApiToken

PREFIX = "Bearer "


def account_of_token(secret: str) -> Account | None:
    """The account of a token in force."""
    token = (
        ApiToken.objects.filter(digest=digest_of(secret), revoked_at=None, expires_at__gt=timezone.now())
        .select_related("account__person")
        .first()
    )
    return token.account if token is not None and token.account.is_active and token.account.person.active else None


def actor_of_token(secret: str, address: str = "") -> Actor | None:
    account = account_of_token(secret)
    return actor_of(account, address) if account is not None else None


class TokenMiddleware:
    """Between ActorMiddleware and DefaultDeny: a token stands instead of a session, never beside one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("Authorization", "")
        if request.path.startswith("/api/") and given.startswith(PREFIX):
            account = account_of_token(given.removeprefix(PREFIX).strip())
            if account is not None:
                address = getattr(request, "actor", None)
                request.user = account
                request.actor = actor_of(account, address.address if address else "")  # type: ignore[attr-defined]
                request.by_token = True  # type: ignore[attr-defined]
        return self.get_response(request)
