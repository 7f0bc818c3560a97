"""One's own account: password, second factor, sessions, delegations."""

from typing import Any

import segno
from django.conf import settings
from django.contrib.auth import update_session_auth_hash
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from yiwang.kernel.access.actors import Actor, Invalid
from yiwang.kernel.access.terms import ADMINISTRATORS
from yiwang.kernel.messages import queries as messages
from yiwang.kernel.messages.models import CHANNELS
from yiwang.kernel.messages.services import prefer as send_by
from yiwang.kernel.pages.forms import CodeForm, DelegationForm, PasswordForm, attempt
from yiwang.kernel.pages.menu import domains
from yiwang.kernel.people import services, totp
from yiwang.kernel.people.models import Account, Delegation, Person, Session
from yiwang.kernel.people.passwords import RULES
from yiwang.kernel.people.queries import delegations_to, serving
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import SIGNED_IN, route


def _account(request: HttpRequest) -> Account:
    """The signed-in account; default deny let nobody else in."""
    if not isinstance(request.user, Account):
        raise TypeError("only reachable signed in")
    return request.user


def overview(request: HttpRequest) -> HttpResponse:
    account = _account(request)
    sessions = Session.objects.filter(account=account).order_by("-seen_at")
    context = {
        "account": account, "sessions": sessions, "current": request.session.session_key,
        "required": settings.SECOND_FACTOR_REQUIRED, "idle": settings.SESSION_IDLE_MINUTES,
        "channels": [(code, CHANNELS.get(code, code), on) for code, on in messages.channels(actor_of(request)).items()],
    }  # fmt: skip
    return page(request, "pages/account.html", context, title="个人设置")


def prefer(request: HttpRequest) -> HttpResponse:
    """Whether messages also go out by a channel; those inside the platform always come."""
    if request.method == "POST":
        send_by(actor_of(request), request.POST.get("channel", ""), request.POST.get("on") == "1")
    return HttpResponseRedirect("/account/?done=messages")


@sensitive_post_parameters("old", "new", "again")
@never_cache
def change_password(request: HttpRequest) -> HttpResponse:
    form = PasswordForm(request.POST or None)
    key = request.session.session_key or ""
    if request.method == "POST":
        actor = actor_of(request)
        change = services.change_password
        changed = attempt(form, lambda data: change(actor, data["old"], data["new"], keep_session=key))
        if changed is not None:
            update_session_auth_hash(request, changed)
            return HttpResponseRedirect("/account/?done=password")
    forced = _account(request).must_change_password
    context = {"form": form, "rules": RULES, "forced": forced, "days": settings.PASSWORD_MAX_AGE_DAYS}
    return page(request, "pages/password.html", context, title="修改密码", status=422 if form.errors else 200)


@never_cache
def second_factor(request: HttpRequest) -> HttpResponse:
    account = _account(request)
    if account.totp_confirmed_at:
        return page(request, "pages/second_factor.html", {"bound": account.totp_confirmed_at}, title="动态口令")
    form = CodeForm(request.POST or None)
    if request.method == "POST":
        codes = attempt(form, lambda data: services.confirm_second_factor(actor_of(request), data["code"]))
        if codes is not None:
            return page(request, "pages/recovery_codes.html", {"codes": codes}, title="恢复码")
    secret = services.pending_secret(actor_of(request))
    picture = segno.make(totp.address(secret, account.username, f"一网·{settings.CITY_NAME}"), error="m")
    context = {
        "form": form, "secret": " ".join(secret[n : n + 4] for n in range(0, len(secret), 4)),
        "picture": picture.svg_data_uri(scale=5, border=2, dark="#000", light="#fff"),
        "required": settings.SECOND_FACTOR_REQUIRED,
    }  # fmt: skip
    return page(request, "pages/second_factor.html", context, title="绑定动态口令", status=422 if form.errors else 200)


def end_sessions(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        keep, only = request.session.session_key or "", request.POST.get("started_at", "")
        if only:
            services.end_session(actor_of(request), only, keep=keep)
        else:
            services.end_sessions(actor_of(request), keep=keep)
    return HttpResponseRedirect("/account/?done=sessions")


def delegations(request: HttpRequest) -> HttpResponse:
    """Whom the actor lets stand in, and for whom the actor stands in."""
    actor, now = actor_of(request), timezone.now()
    mine = serving().filter(person=actor.person_id).exclude(duty__in=ADMINISTRATORS)
    mine = mine.select_related("post__organisation")
    form = DelegationForm(
        request.POST or None, posts=[(str(item.post_id), str(item.post)) for item in mine], flows=_flows(),
        initial={"valid_from": timezone.localtime(now).strftime("%Y-%m-%dT%H:%M")},
    )  # fmt: skip
    if request.method == "POST" and attempt(form, lambda data: _delegate(actor, data)) is not None:
        return HttpResponseRedirect("/account/delegations/?done=delegated")
    context = {
        "form": form, "now": now, "may": bool(form.fields["post"].choices),  # type: ignore[attr-defined]
        "given": Delegation.objects.filter(principal=actor.person_id).select_related("agent", "post__organisation").order_by("-valid_from"),
        "held": delegations_to(actor.person_id or 0),
    }  # fmt: skip
    return page(request, "pages/delegations.html", context, title="我的代理", status=422 if form.errors else 200)


def _flows() -> list[tuple[str, str]]:
    return sorted({(flow.code, flow.name) for domain in domains() for flow in domain.flows})


def _delegate(actor: Actor, data: dict[str, Any]) -> Delegation:
    called = data["agent"].strip()
    found = list(Person.objects.filter(Q(staff_number=called) | Q(name=called), active=True)[:2])
    if len(found) != 1:
        word = "有多个同名人员，请填工号" if found else "没有找到该在职人员"
        raise Invalid(f"“{called}”{word}。", errors={"agent": [f"{word}。"]})
    return services.delegate(
        actor, int(data["post"]), found[0].pk, valid_from=data["valid_from"], valid_until=data["valid_until"],
        reason=data["reason"], flows=data.get("flows", ()), secrecy_limit=int(data["secrecy_limit"]),
    )  # fmt: skip


def revoke(request: HttpRequest, delegation_id: int) -> HttpResponse:
    if request.method == "POST":
        services.revoke(actor_of(request), delegation_id, reason="本人收回")
    return HttpResponseRedirect("/account/delegations/")


urls: list[URLPattern] = [
    route("account/delegations/", delegations, "delegations", SIGNED_IN),
    route("account/delegations/<int:delegation_id>/revoke/", revoke, "revoke_delegation", SIGNED_IN),
    route("account/", overview, "account", SIGNED_IN),
    route("account/messages/", prefer, "message_channels", SIGNED_IN),
    route("account/password/", change_password, "change_password", SIGNED_IN),
    route("account/second-factor/", second_factor, "second_factor", SIGNED_IN),
    route("account/sessions/end/", end_sessions, "end_sessions", SIGNED_IN),
]
