"""Signing in through another provider: what to ask, and whether the answer is to be believed (OpenID Connect Core 3.1)."""

import base64
import hashlib
import json
import secrets
import time
from dataclasses import asdict, dataclass
from typing import Any
from urllib.error import URLError
from urllib.parse import quote, urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

from django.utils.crypto import constant_time_compare
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from yiwang.kernel.access.actors import Refused
from yiwang.kernel.crypto import decrypt
from yiwang.kernel.oidc.codes import usable
from yiwang.kernel.oidc.models import IdentityLink, IdentityProvider, State
from yiwang.kernel.oidc.provider import ALGORITHMS
from yiwang.kernel.oidc.terms import SECRET, sound_address
from yiwang.kernel.people.models import Account

SECONDS, LARGEST, LEEWAY, WAITING = 5, 256 * 1024, 60, 600
RULE = "OpenID Connect 授权码流程"


class _Stay(HTTPRedirectHandler):
    """An endpoint that sends us elsewhere is not the one the administrators approved."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_OPENER = build_opener(_Stay)


def _fetch(address: str, form: dict[str, str] | None = None, basic: tuple[str, str] | None = None) -> dict[str, Any]:
    if not sound_address(address):
        raise Refused("身份源给出的地址不是 https，登录没有进行。请联系系统管理员。", rule=RULE)
    request = Request(address, urlencode(form).encode() if form else None, {"Accept": "application/json"})  # noqa: S310
    if basic:
        pair = ":".join(quote(part, safe="") for part in basic)
        request.add_header("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
    try:
        with _OPENER.open(request, timeout=SECONDS) as answer:
            found = json.loads(answer.read(LARGEST))
    except (URLError, OSError, ValueError) as error:
        raise Refused("身份源没有给出有效的答复，登录没有完成。请稍后重试，或用本平台密码登录。", rule=RULE) from error
    if not isinstance(found, dict):
        raise Refused("身份源的答复无法识别，登录没有完成。请联系系统管理员。", rule=RULE)
    return found


def discover(provider: IdentityProvider) -> dict[str, Any]:
    """The provider's own description; it must call itself what the administrators approved."""
    issuer = provider.issuer.rstrip("/")
    found = _fetch(f"{issuer}/.well-known/openid-configuration")
    if str(found.get("issuer", "")).rstrip("/") != issuer:
        raise Refused("身份源自称的签发者与登记的不一致，登录没有进行。请联系系统管理员。", rule=RULE)
    return found


@dataclass(frozen=True)
class Pending:
    """What is kept in the visitor's session between asking and the answer; `account`: bind to it, 0 = sign in."""

    provider: int
    state: str
    nonce: str
    verifier: str
    back: str
    wanted: str
    account: int
    since: float

    def stored(self) -> dict[str, Any]:
        return asdict(self)


def begin(provider: IdentityProvider, back: str, wanted: str, account: int = 0) -> tuple[str, Pending]:
    """Where to send the visitor, and what to remember."""
    told = discover(provider)
    pending = Pending(
        provider.pk, secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), back, wanted,
        account, time.time(),
    )  # fmt: skip
    challenge = base64.urlsafe_b64encode(hashlib.sha256(pending.verifier.encode()).digest()).decode().rstrip("=")
    asked = {
        "response_type": "code", "client_id": provider.client_id, "redirect_uri": back, "scope": "openid",
        "state": pending.state, "nonce": pending.nonce, "code_challenge": challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    address = str(told.get("authorization_endpoint", ""))
    if not sound_address(address):
        raise Refused("身份源给出的登录地址不是 https，登录没有进行。请联系系统管理员。", rule=RULE)
    return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}", pending


def finish(provider: IdentityProvider, pending: Pending, given: dict[str, str]) -> str:
    """The subject that the provider vouches for; a refusal for anything that does not fit what was asked."""
    fresh = time.time() - pending.since <= WAITING
    if pending.provider != provider.pk or not fresh or not constant_time_compare(given.get("state", ""), pending.state):
        raise Refused("登录请求已过期或不是本浏览器发起的，没有登录。请重新登录。", rule="state 只用一次")
    if "iss" in given and given["iss"].rstrip("/") != provider.issuer.rstrip("/"):
        raise Refused("答复来自另一个身份源，没有登录。", rule="RFC 9207")
    if given.get("error") or not given.get("code"):
        raise Refused("身份源没有同意登录，没有登录。请重试，或用本平台密码登录。", rule=RULE)
    told = discover(provider)
    answer = _fetch(
        str(told.get("token_endpoint", "")),
        {"grant_type": "authorization_code", "code": given["code"], "redirect_uri": pending.back,
         "code_verifier": pending.verifier},
        (provider.client_id, decrypt(provider.secret, SECRET) if provider.secret else ""),
    )  # fmt: skip
    keys = _fetch(str(told.get("jwks_uri", "")))
    return verified(str(answer.get("id_token", "")), keys, provider, pending.nonce)


def verified(token: str, keys: dict[str, Any], provider: IdentityProvider, nonce: str) -> str:
    """The subject of an id_token that is signed by the provider, meant for us, in time, and asked for just now."""
    wrong = Refused("身份源签发的身份凭证没有通过核对，没有登录。请联系系统管理员。", rule="id_token 校验")
    try:
        public: Any = {"keys": [key for key in keys.get("keys", []) if key.get("kty") in ("RSA", "EC")]}
        claims = jwt.decode(token, KeySet.import_key_set(public), algorithms=ALGORITHMS).claims
    except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise wrong from error
    now, audience = time.time(), claims.get("aud")
    meant = audience if isinstance(audience, list) else [audience]
    expires, issued = claims.get("exp"), claims.get("iat")
    if not isinstance(expires, int | float) or not isinstance(issued, int | float):
        raise wrong
    sound = (
        str(claims.get("iss", "")).rstrip("/") == provider.issuer.rstrip("/")
        and provider.client_id in meant
        and (len(meant) == 1 or claims.get("azp") == provider.client_id)
        and expires > now - LEEWAY
        and issued < now + LEEWAY
        and constant_time_compare(str(claims.get("nonce", "")), nonce)
        and isinstance(claims.get("sub"), str)
        and 0 < len(claims["sub"]) <= 255
    )
    if not sound:
        raise wrong
    return str(claims["sub"])


def account_of(provider: IdentityProvider, subject: str) -> Account:
    """The account an approved link names; nothing else makes one: no name, no e-mail, no telephone."""
    link = (
        IdentityLink.objects.select_related("account__person")
        .filter(provider=provider, subject=subject, state=State.APPROVED)
        .first()
    )
    if link is None:
        raise Refused(
            "该身份还没有绑定本平台账号，没有登录。请先用密码登录，在“个人设置”中提出绑定，经安全管理员批准后再用。",
            rule="只按经批准的绑定登录",
        )
    if not usable(link.account):
        raise Refused("绑定的账号不能登录。请联系系统管理员。", rule="账号须启用、人员须在职")
    return link.account


def offered() -> list[IdentityProvider]:
    """For the sign-in page."""
    return list(IdentityProvider.objects.filter(state=State.APPROVED).order_by("name"))
