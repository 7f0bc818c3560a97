"""One's own account: password, second factor, sessions, delegations."""

import segno
from django.conf import settings
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from yiwang.kernel.pages.forms import CodeForm, PasswordForm, attempt
from yiwang.kernel.people import services, totp
from yiwang.kernel.people.models import Account, Session
from yiwang.kernel.people.passwords import RULES
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
    }  # fmt: skip
    return page(request, "pages/account.html", context, title="个人设置")


@sensitive_post_parameters("old", "new", "again")
@never_cache
def change_password(request: HttpRequest) -> HttpResponse:
    form = PasswordForm(request.POST or None)
    key = request.session.session_key or ""
    if request.method == "POST":
        actor = actor_of(request)
        changed = attempt(
            form, lambda data: services.change_password(actor, data["old"], data["new"], keep_session=key)
        )
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


urls: list[URLPattern] = [
    route("account/", overview, "account", SIGNED_IN),
    route("account/password/", change_password, "change_password", SIGNED_IN),
    route("account/second-factor/", second_factor, "second_factor", SIGNED_IN),
    route("account/sessions/end/", end_sessions, "end_sessions", SIGNED_IN),
]
