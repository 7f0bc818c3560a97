"""Sign-on: the provider's endpoints, signing in through another provider, and the registers of partners and links."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters

from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.oidc import client, codes, provider, services
from yiwang.kernel.oidc.models import IdentityLink, IdentityProvider, Proposal, RelyingParty, State
from yiwang.kernel.oidc.resources import PAIRS
from yiwang.kernel.pages.forms import attempt
from yiwang.kernel.pages.sign_in import enter, safe_next
from yiwang.kernel.people import services as people
from yiwang.kernel.people.middleware import SIGN_IN, unfinished
from yiwang.kernel.people.models import Account
from yiwang.kernel.registers.declarations import RecordAction, Register, Section
from yiwang.kernel.registers.registry import name_words, register
from yiwang.kernel.ui.render import actor_of, page
from yiwang.kernel.ui.routes import PUBLIC, SIGNED_IN, needs, route

ASKED = "oidc_asked"
REASON = Field("reason", "理由", required=True)
name_words((
    ("oidc.proposed", "提出单点登录接入"), ("oidc.decided", "批准或退回单点登录接入"), ("oidc.ended", "停用单点登录接入"),
    ("oidc.secret_issued", "签发接入密钥"), ("oidc.secret_kept", "登记身份源密钥"), ("oidc.key_made", "生成签名密钥"),
    ("oidc.code_reused", "授权码被重复使用"), ("oidc.signed_on", "单点登录到接入系统"),
))  # fmt: skip


# The provider


def configuration(request: HttpRequest) -> HttpResponse:
    return JsonResponse(provider.discovery(request))


def keys(request: HttpRequest) -> HttpResponse:
    return JsonResponse(provider.public_keys().as_dict(private=False))


@never_cache
def authorize(request: HttpRequest) -> HttpResponse:
    """A code for the relying party, after sign-in; what can't be sent back to it is told the visitor."""
    account = request.user if isinstance(request.user, Account) else None
    if account is not None and (step := unfinished(actor_of(request), account)):
        return HttpResponseRedirect(step)
    asked = provider.Asked(request)
    try:
        grant = provider.SERVER.get_consent_grant(asked, account)
    except OAuth2Error as error:
        if error.redirect_uri:
            answer: HttpResponse = provider.SERVER.handle_error_response(asked, error)
            return answer
        raise Refused(
            "业务系统的登录请求不符合登记的内容，没有登录。请联系该系统的管理员核对接入代码和回调地址。",
            rule="回调地址须逐字登记",
        ) from error
    if account is None:
        return HttpResponseRedirect(f"{SIGN_IN}?{urlencode({'next': request.get_full_path()})}")
    done: HttpResponse = provider.SERVER.create_authorization_response(asked, grant_user=account, grant=grant)
    return done


@csrf_exempt
@never_cache
@sensitive_post_parameters()
def token(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return JsonResponse({"error": "invalid_request"}, status=405)
    return provider.exchange(request)


@csrf_exempt
@never_cache
def userinfo(request: HttpRequest) -> HttpResponse:
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    found = provider.bearer(secret.strip()) if kind.lower() == "bearer" else None
    if found is None:
        return JsonResponse(
            {"error": "invalid_token"}, status=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}
        )
    return JsonResponse(provider.claims(found))


@never_cache
def sign_out(request: HttpRequest) -> HttpResponse:
    """RP-initiated sign-out: the visitor confirms; back only to an address registered word for word."""
    given = request.POST if request.method == "POST" else request.GET
    party = provider.party_of_hint(given.get("id_token_hint", ""))
    wanted, state = given.get("post_logout_redirect_uri", ""), given.get("state", "")
    back = wanted if provider.may_return(party, wanted) else ""
    target = f"{back}{'&' if '?' in back else '?'}{urlencode({'state': state})}" if back and state else back
    actor = actor_of(request)
    if actor.account_id is not None and request.method != "POST":
        context = {"party": party, "given": {name: given.get(name, "") for name in
                                             ("id_token_hint", "post_logout_redirect_uri", "state")}}  # fmt: skip
        return page(request, "pages/oidc_sign_out.html", context, title="退出登录")
    if isinstance(request.user, Account):
        codes.take_back_tokens(request.user, None)
        people.sign_out(actor, request)
    # A page, not a redirect: the browser would hold an answer to a form to this site (form-action).
    return page(request, "pages/oidc_onward.html", {"target": target or SIGN_IN}, title="已退出")


# Signing in through another provider


def _provider(code: str) -> IdentityProvider:
    return get_object_or_404(IdentityProvider, code=code, state=State.APPROVED)


@never_cache
def begin(request: HttpRequest, code: str) -> HttpResponse:
    found, actor = _provider(code), actor_of(request)
    back = request.build_absolute_uri(f"/sign-in/with/{found.code}/back/")
    address, pending = client.begin(found, back, safe_next(request.GET.get("next", "/")), actor.account_id or 0)
    request.session[ASKED] = pending.stored()
    return HttpResponseRedirect(address)


@never_cache
def back(request: HttpRequest, code: str) -> HttpResponse:
    """The answer is taken once; then the visitor is signed in, or a link is proposed for who was signed in before."""
    found, kept = _provider(code), request.session.pop(ASKED, None)
    if kept is None:
        raise Refused("登录请求已过期或不是本浏览器发起的，没有登录。请重新登录。", rule="state 只用一次")
    pending = client.Pending(**kept)
    subject = client.finish(found, pending, {name: str(value) for name, value in request.GET.items()})
    actor = actor_of(request)
    if pending.account:
        if pending.account != actor.account_id:
            raise Refused("发起绑定的账号已经退出，没有提出绑定。请重新登录后再试。", rule="绑定由本人提出")
        services.propose(actor, IdentityLink(), {"provider": found, "subject": subject, "account_id": actor.account_id})
        return page(request, "pages/oidc_proposed.html", {"provider": found}, title="已提出绑定")
    account = client.account_of(found, subject)
    return enter(request, account, pending.wanted)


def identities(request: HttpRequest) -> HttpResponse:
    """One's own links, and the providers to propose one with."""
    links = IdentityLink.objects.filter(account=actor_of(request).account_id).select_related("provider").order_by("-pk")
    return page(
        request, "pages/oidc_identities.html", {"links": links, "providers": client.offered()}, title="外部身份绑定"
    )


# Registers: the system administrator proposes, the security administrator decides


class SecretForm(forms.Form):
    secret = forms.CharField(label="客户端密钥", max_length=300, widget=forms.PasswordInput({"autocomplete": "off"}))


def _ids(values: dict[str, Any]) -> dict[str, Any]:
    """Foreign keys by id, as the services take them."""
    return {
        f"{name}_id" if name in ("provider", "account") else name: getattr(value, "pk", value)
        for name, value in values.items()
    }


def _proposing(model: type[Any], columns: tuple[str, ...], fields: tuple[str, ...], **more: Any) -> Register:
    def finish(actor: Actor, kept: Any, data: dict[str, Any]) -> None:
        services.end(actor, kept, reason=data["reason"], room="people")

    return register(
        Register(
            code=PAIRS[model][0].code, model=model, name=str(model._meta.verbose_name), resource=PAIRS[model][0],
            api=False, export=False, columns=(*columns, "state", "decided_by", "decided_at"), filters=("state",),
            sections=(Section("接入", fields), Section("批准", ("state", "proposed_by", "proposed_at", "decided_by",
                                                              "decided_at"), form=False)),
            create=lambda actor, data: services.propose(actor, model(), _ids(data)),
            change=lambda actor, kept, data: services.propose(actor, kept, _ids(data)),
            actions=(RecordAction("end", "停用", finish, (REASON,), lambda actor, kept: kept.state != State.ENDED,
                                  why="已经停用。", confirm="停用后立即不能用它登录。"),),
            empty=f"还没有{model._meta.verbose_name}。", **more,
        )
    )  # fmt: skip


def _deciding(model: type[Any], columns: tuple[str, ...], fields: tuple[str, ...]) -> Register:
    def word(agree: bool) -> Callable[[Actor, Any, dict[str, Any]], None]:
        def run(actor: Actor, kept: Any, data: dict[str, Any]) -> None:
            services.decide(actor, kept, agree=agree, reason=data["reason"])

        return run

    def finish(actor: Actor, kept: Any, data: dict[str, Any]) -> None:
        services.end(actor, kept, reason=data["reason"], room="access")

    def waiting(actor: Actor, kept: Proposal) -> bool:
        return kept.state == State.PROPOSED

    return register(
        Register(
            code=PAIRS[model][1].code, model=model, name=PAIRS[model][1].name, resource=PAIRS[model][1], writes=(),
            api=False, export=False, columns=(*columns, "state", "proposed_by", "decided_by", "decided_at"),
            filters=("state",),
            sections=(Section("接入", fields), Section("批准", ("state", "proposed_by", "proposed_at", "decided_by",
                                                              "decided_at"))),
            actions=(
                RecordAction("approve", "批准", word(True), (REASON,), waiting, why="已经处理过。", verb="decide"),
                RecordAction("refuse", "退回", word(False), (REASON,), waiting, why="已经处理过。", verb="decide"),
                RecordAction("end", "停用", finish, (REASON,), lambda actor, kept: kept.state != State.ENDED,
                             why="已经停用。", confirm="停用后立即不能用它登录。"),
            ),
            empty="没有待批准的接入。",
        )
    )  # fmt: skip


def _secret_panel(actor: Actor, kept: RelyingParty | IdentityProvider) -> tuple[str, str, dict[str, Any]]:
    has = kept.secret_digest if isinstance(kept, RelyingParty) else kept.secret
    return "密钥", "pages/panel_oidc_secret.html", {
        "kept": kept, "has": bool(has), "ours": isinstance(kept, RelyingParty),
        "may": actor.can(PAIRS[type(kept)][0].code, "change"),
    }  # fmt: skip


SHOWN: dict[type[Any], tuple[tuple[str, ...], tuple[str, ...]]] = {
    RelyingParty: (("code", "name"), ("code", "name", "redirect_uris", "sign_out_uris", "algorithm")),
    IdentityProvider: (("code", "name", "issuer"), ("code", "name", "issuer", "client_id")),
    IdentityLink: (
        ("provider", "account", "account__person", "subject"),
        ("provider", "account", "account__person", "subject"),
    ),
}
for _model, (_columns, _fields) in SHOWN.items():
    _proposing(_model, _columns, _fields, **({} if _model is IdentityLink else {"panels": (_secret_panel,)}))
    _deciding(_model, _columns, _fields)


@never_cache
def party_secret(request: HttpRequest, pk: int) -> HttpResponse:
    """A new secret for a relying party, said in this answer and nowhere else."""
    party = get_object_or_404(RelyingParty, pk=pk)
    secret = services.new_secret(actor_of(request), party) if request.method == "POST" else ""
    return page(request, "pages/oidc_secret.html", {"party": party, "secret": secret}, title="接入密钥")


@never_cache
@sensitive_post_parameters("secret")
def provider_secret(request: HttpRequest, pk: int) -> HttpResponse:
    found, form = get_object_or_404(IdentityProvider, pk=pk), SecretForm(request.POST or None)
    url = f"/r/{PAIRS[IdentityProvider][0].code}/{pk}/"
    if request.method == "POST" and form.is_valid():
        attempt(form, lambda data: services.keep_secret(actor_of(request), found, data["secret"]))
        if not form.errors:
            return HttpResponseRedirect(url)
    context = {"form": form, "heading": f"{found}的客户端密钥", "button": "保存", "back": url}
    return page(request, "pages/one_form.html", context, title="客户端密钥", status=422 if form.errors else 200)


urls: list[URLPattern] = [
    route(".well-known/openid-configuration", configuration, "oidc_configuration", PUBLIC),
    route("oidc/jwks/", keys, "oidc_jwks", PUBLIC),
    route("oidc/authorize/", authorize, "oidc_authorize", PUBLIC),
    route("oidc/token/", token, "oidc_token", PUBLIC),
    route("oidc/userinfo/", userinfo, "oidc_userinfo", PUBLIC),
    route("oidc/sign-out/", sign_out, "oidc_sign_out", PUBLIC),
    route("sign-in/with/<slug:code>/", begin, "oidc_begin", PUBLIC),
    route("sign-in/with/<slug:code>/back/", back, "oidc_back", PUBLIC),
    route("account/identities/", identities, "oidc_identities", SIGNED_IN),
    route("administration/relying-parties/<int:pk>/secret/", party_secret, "oidc_party_secret",
          needs("people.relying_party", "change")),
    route("administration/identity-providers/<int:pk>/secret/", provider_secret, "oidc_provider_secret",
          needs("people.identity_provider", "change")),
]  # fmt: skip
