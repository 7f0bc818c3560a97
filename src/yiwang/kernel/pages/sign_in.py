"""Signing in: password, then the authenticator app's code for who has bound one."""

import time

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from yiwang.kernel.access.actors import ANONYMOUS
from yiwang.kernel.oidc.client import offered
from yiwang.kernel.pages.forms import CodeForm, SignInForm, attempt
from yiwang.kernel.people import services
from yiwang.kernel.people.middleware import address_of, network_of
from yiwang.kernel.people.models import Account
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import PUBLIC, SIGNED_IN, route

PENDING, PENDING_SECONDS = "second_factor_for", 300


def safe_next(wanted: str) -> str:
    """Only a path of this site; anything else leads home."""
    local = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if local else "/"


@sensitive_post_parameters("password")
@never_cache
def sign_in(request: HttpRequest) -> HttpResponse:
    wanted = safe_next(request.GET.get("next", "/"))
    if actor_of(request).account_id is not None:
        return HttpResponseRedirect(wanted)
    form = SignInForm(request.POST or None)
    if request.method == "POST":
        network = network_of(address_of(request))
        account = attempt(form, lambda data: services.authenticate(data["username"], data["password"], network))
        if account is not None:
            return enter(request, account, wanted)
    status = 422 if form.errors else 200
    context = {
        "form": form, "asked": "next" in request.GET, "idle": settings.SESSION_IDLE_MINUTES, "wanted": wanted,
        "providers": offered(),
    }  # fmt: skip
    return page(request, "pages/sign_in.html", context, title="登录", status=status)


def enter(request: HttpRequest, account: Account, wanted: str) -> HttpResponse:
    """Begin the session, or first ask for the code of who has bound one."""
    if account.totp_confirmed_at:
        request.session[PENDING] = [account.pk, int(time.time()), wanted]
        return HttpResponseRedirect("/sign-in/code/")
    services.sign_in(request, account, address_of(request))
    return onward(request, wanted)


def onward(request: HttpRequest, wanted: str) -> HttpResponse:
    """To the page asked for. What leads out to another system is gone to by a page of ours: browsers hold every
    redirect after a form to the form's own site."""
    if wanted.startswith("/oidc/authorize/"):
        return page(request, "pages/oidc_onward.html", {"target": wanted}, title="登录")
    return HttpResponseRedirect(wanted)


@never_cache
def sign_in_code(request: HttpRequest) -> HttpResponse:
    account_id, since, wanted = request.session.get(PENDING, (0, 0, "/"))
    account = Account.objects.select_related("person").filter(pk=account_id, is_active=True).first()
    if account is None or time.time() - since > PENDING_SECONDS:
        request.session.pop(PENDING, None)
        return HttpResponseRedirect("/sign-in/")
    form = CodeForm(request.POST or None)
    verified = request.method == "POST" and attempt(
        form, lambda data: services.verify_second_factor(ANONYMOUS, account, data["code"])
    )
    if verified:
        del request.session[PENDING]
        services.sign_in(request, account, address_of(request))
        return onward(request, safe_next(wanted))
    return page(
        request, "pages/sign_in_code.html", {"form": form}, title="动态口令", status=422 if form.errors else 200
    )


def sign_out(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        services.sign_out(actor_of(request), request)
    return HttpResponseRedirect("/sign-in/" if request.method == "POST" else "/account/")


urls: list[URLPattern] = [
    route("sign-in/", sign_in, "sign_in", PUBLIC),
    route("sign-in/code/", sign_in_code, "sign_in_code", PUBLIC),
    route("sign-out/", sign_out, "sign_out", SIGNED_IN),
]
