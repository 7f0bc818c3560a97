"""Who acts in this request, and whether they may open this URL at all."""

from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from yiwang.kernel.access.actors import ANONYMOUS, Actor
from yiwang.kernel.people.models import Account, Session
from yiwang.kernel.people.queries import actor_of, is_administrator
from yiwang.kernel.people.services.sign_in import touch
from yiwang.kernel.people.sessions import SessionStore

GetResponse = Callable[[HttpRequest], HttpResponseBase]
SIGN_IN, PASSWORD, SECOND_FACTOR = "/sign-in/", "/account/password/", "/account/second-factor/"
# Names of the URLs that stay open to who must first renew the password or bind the second factor.
ALWAYS_OPEN = frozenset({"change_password", "second_factor", "sign_out"})


def address_of(request: HttpRequest) -> str:
    """The visitor's address; proxies are believed only as many as the site says stand in front."""
    chain = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    hops = settings.TRUSTED_PROXIES
    given = chain[-hops] if 0 < hops <= len(chain) else request.META.get("REMOTE_ADDR", "")
    try:
        return str(ip_address(given))
    except ValueError:
        return ""


def network_of(address: str) -> str:
    """What failures are counted by: one IPv6 visitor owns a whole /64."""
    if address and isinstance(found := ip_address(address), IPv6Address):
        return ":".join(found.exploded.split(":")[:4]) + "::/64"
    return address


class ActorMiddleware:
    """Sets `request.actor`, and ends sessions that were idle or open too long."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        account = self._account(request)
        request.user = account or AnonymousUser()
        request.actor = actor_of(account, address_of(request)) if account else ANONYMOUS  # type: ignore[attr-defined]
        return self.get_response(request)

    def _account(self, request: HttpRequest) -> Account | None:
        session = request.session
        if not isinstance(session, SessionStore) or (account := session.account()) is None or session.loaded is None:
            return None
        digest = session.get(HASH_SESSION_KEY, "")
        genuine = constant_time_compare(digest, account.get_session_auth_hash())
        if not genuine or not account.is_active or not account.person.active or self._over(session.loaded):
            session.flush()
            return None
        touch(session.loaded)
        return account

    @staticmethod
    def _over(session: Session) -> bool:
        now = timezone.now()
        idle = now - session.seen_at > timedelta(minutes=settings.SESSION_IDLE_MINUTES)
        return idle or now - session.started_at > timedelta(hours=settings.SESSION_LONGEST_HOURS)


def unfinished(actor: Actor, account: Account) -> str:
    """Where the signed-in must go before anything else; empty when nothing is outstanding."""
    age = timedelta(days=settings.PASSWORD_MAX_AGE_DAYS)
    changed = account.password_changed_at
    if account.must_change_password or (changed is not None and timezone.now() - changed > age):
        return PASSWORD
    if settings.SECOND_FACTOR_REQUIRED and is_administrator(actor) and not account.totp_confirmed_at:
        return SECOND_FACTOR
    return ""


class DefaultDeny:
    """No URL opens that does not say who may open it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        requirement = getattr(view, "requirement", None)
        if requirement is None:
            raise Http404
        if requirement.public:
            return None
        actor: Actor = request.actor  # type: ignore[attr-defined]
        if actor.account_id is None or not isinstance(request.user, Account):
            return self._to(request, f"{SIGN_IN}?{urlencode({'next': self._wanted(request)})}", 401)
        name = request.resolver_match.url_name if request.resolver_match else None
        if name not in ALWAYS_OPEN and (step := unfinished(actor, request.user)):
            return self._to(request, step, 403)
        if requirement.resource and not actor.can(requirement.resource, requirement.verb):
            raise PermissionDenied("您没有打开该页面的权限。如工作需要，请向本单位安全管理员申请角色。")
        return None

    @staticmethod
    def _wanted(request: HttpRequest) -> str:
        return request.get_full_path() if request.method == "GET" else "/"

    @staticmethod
    def _to(request: HttpRequest, url: str, status: int) -> HttpResponse:
        """A redirect for a page; for htmx a whole-page one; for the API a plain answer."""
        if request.headers.get("HX-Request"):
            return HttpResponse(status=204, headers={"HX-Redirect": url})
        if request.path.startswith("/api/"):
            return JsonResponse({"message": "请先登录。" if status == 401 else "请先完成账号安全设置。"}, status=status)
        return HttpResponseRedirect(url)
