"""Signing in through another provider: over HTTP against our own and by the library's client, and what is refused."""

import base64
import hmac
import json
import re
import time

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from django.test import Client
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from yiwang.kernel.access.actors import Conflict, Refused
from yiwang.kernel.access.terms import Duty
from yiwang.kernel.oidc import client, services
from yiwang.kernel.oidc.models import IdentityLink, IdentityProvider
from yiwang.kernel.oidc.provider import subject
from yiwang.kernel.oidc.tests.conftest import build
from yiwang.kernel.people.models import Account, Person
from yiwang.kernel.people.testing import PASSWORD

ISSUER = "https://id.example.cn"
KEY = RSAKey.generate_key(2048, {"kid": "k1"})
PUBLIC = KeySet([KEY]).as_dict(private=False)
HIDDEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
REFRESH = re.compile(r'http-equiv="refresh" content="0;url=([^"]+)"')


def sign_in(browser, page):
    """Fill the sign-in page that a browser has been led to, and go where it leads."""
    sent = {"username": Account.objects.get(person__name="李正").username, "password": PASSWORD,
            "csrfmiddlewaretoken": HIDDEN.search(page.text)[1]}  # fmt: skip
    answer = browser.post(page.url, sent, headers={"Referer": page.url})
    onward = REFRESH.search(answer.text)[1].replace("&amp;", "&")
    return browser.get(requests.compat.urljoin(page.url, onward), allow_redirects=False)


@pytest.mark.django_db(transaction=True)
def test_自己的提供方与自己的客户端_标准库的客户端_都经真实HTTP(live_server, settings):
    settings.ALLOWED_HOSTS = ["*"]
    scene = build()
    home, other = live_server.url.replace("localhost", "127.0.0.1"), live_server.url.replace("127.0.0.1", "localhost")
    back = f"{other}/sign-in/with/city/back/"
    party = scene.party("yiwang", back)
    library = scene.party("library", "http://localhost/cb", "ES256")
    provider = scene.approved(
        IdentityProvider(), {"code": "city", "name": "市统一认证", "issuer": home, "client_id": "yiwang"}
    )
    services.keep_secret(scene.actor(Duty.SYSTEM), provider, scene.secrets["yiwang"])
    facts = {"provider": provider, "subject": subject(scene.officer, party), "account_id": scene.officer.pk}
    browser = requests.Session()
    led = browser.get(f"{other}/sign-in/with/city/?next=/account/", allow_redirects=True)
    assert led.url.startswith(f"{home}/sign-in/")
    coded = sign_in(browser, led)
    assert coded.headers["Location"].startswith(back)
    unlinked = browser.get(coded.headers["Location"], allow_redirects=False)
    assert unlinked.status_code == 403 and "还没有绑定" in unlinked.text
    scene.approved(IdentityLink(), facts)
    signed = browser.get(f"{other}/sign-in/with/city/?next=/account/", allow_redirects=True)
    assert signed.url == f"{other}/account/" and scene.officer.username in signed.text
    replayed = browser.get(coded.headers["Location"], allow_redirects=False)
    assert replayed.status_code == 403
    # The library's own client, against the same provider.
    told = requests.get(f"{home}/.well-known/openid-configuration", timeout=10).json()
    session = OAuth2Session("library", scene.secrets["library"], redirect_uri="http://localhost/cb",
                            scope="openid profile", code_challenge_method="S256")  # fmt: skip
    verifier = "w" * 50
    address, _ = session.create_authorization_url(told["authorization_endpoint"], code_verifier=verifier, nonce="once")
    answer = browser.get(address, allow_redirects=False).headers["Location"]
    token = session.fetch_token(told["token_endpoint"], code_verifier=verifier,
                                authorization_response=answer.replace("http://", "https://"))  # fmt: skip
    public = KeySet.import_key_set(requests.get(told["jwks_uri"], timeout=10).json())
    claims = jwt.decode(token["id_token"], public, algorithms=["ES256"]).claims
    assert (claims["nonce"], claims["sub"]) == ("once", subject(scene.officer, library))
    assert session.get(told["userinfo_endpoint"]).json()["name"] == "李正"


@pytest.fixture
def provider(scene):
    return scene.approved(
        IdentityProvider(), {"code": "city", "name": "市统一认证", "issuer": ISSUER, "client_id": "yiwang"}
    )


def claims(**more):
    now = int(time.time())
    return {"iss": ISSUER, "aud": "yiwang", "sub": "u1", "nonce": "n", "iat": now, "exp": now + 60} | more


def test_签名相符的身份凭证给出主体(provider):
    token = jwt.encode({"alg": "RS256", "kid": "k1"}, claims(), KEY)
    assert client.verified(token, PUBLIC, provider, "n") == "u1"
    several = jwt.encode({"alg": "RS256", "kid": "k1"}, claims(aud=["yiwang", "b"], azp="yiwang"), KEY)
    assert client.verified(several, PUBLIC, provider, "n") == "u1"


@pytest.mark.parametrize(
    "wrong",
    [{"iss": "https://evil.example.cn"}, {"aud": "other"}, {"aud": ["yiwang", "b"]}, {"nonce": "old"}, {"nonce": None},
     {"exp": 1}, {"exp": "soon"}, {"iat": 9_999_999_999}, {"sub": ""}, {"sub": None}, {"sub": "x" * 256}, {"iat": None}],
    ids=str,
)  # fmt: skip
def test_内容不符的身份凭证一律不认(provider, wrong):
    token = jwt.encode({"alg": "RS256", "kid": "k1"}, claims(**wrong), KEY)
    with pytest.raises(Refused):
        client.verified(token, PUBLIC, provider, "n")


def encoded(part):
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def test_无签名_对称签名_别人的钥匙_残缺的都不认(provider):
    none = jwt.encode({"alg": "none"}, claims(), KEY, algorithms=["none"])
    head, body = (encoded({"alg": "HS256", "kid": "k1"}), encoded(claims()))
    forged = hmac.digest(KEY.as_pem(private=False), f"{head}.{body}".encode(), "sha256")
    shared = f"{head}.{body}.{base64.urlsafe_b64encode(forged).decode().rstrip('=')}"
    stolen = jwt.encode({"alg": "RS256", "kid": "k1"}, claims(), RSAKey.generate_key(2048))
    for token in (none, shared, stolen, "", "a.b.c", "x"):
        with pytest.raises(Refused):
            client.verified(token, PUBLIC, provider, "n")
    for keys in ({}, {"keys": []}, {"keys": [{"kty": "oct", "k": "eA"}]}):
        with pytest.raises(Refused):
            client.verified(jwt.encode({"alg": "RS256"}, claims(), KEY), keys, provider, "n")


def test_状态不符_过期_没发起过的答复不认(provider):
    pending = client.Pending(provider.pk, "s", "n", "v", "b", "/", 0, time.time())
    for given in ({}, {"state": "x", "code": "c"}, {"state": "s", "error": "access_denied"},
                  {"state": "s", "code": "c", "iss": "https://evil.example.cn"}):  # fmt: skip
        with pytest.raises(Refused):
            client.finish(provider, pending, given)
    old = client.Pending(**(pending.stored() | {"since": time.time() - 601}))
    with pytest.raises(Refused):
        client.finish(provider, old, {"state": "s", "code": "c"})
    assert Client().get("/sign-in/with/city/back/", {"state": "s", "code": "c"}).status_code == 403
    assert Client().get("/sign-in/with/nowhere/").status_code == 404


def test_只认批准的绑定_同名同邮箱不算(scene, provider):
    Person.objects.filter(pk=scene.officer.person_id).update(email="u1@example.cn")
    for named in ("u1", "李正", scene.officer.username, "u1@example.cn"):
        with pytest.raises(Refused):
            client.account_of(provider, named)
    facts = {"provider": provider, "subject": "u1", "account_id": scene.officer.pk}
    link = services.propose(scene.actor(Duty.SYSTEM), IdentityLink(), facts)
    with pytest.raises(Refused):
        client.account_of(provider, "u1")
    with pytest.raises(Conflict):
        services.propose(
            scene.actor(Duty.SYSTEM), IdentityLink(), facts | {"account_id": scene.accounts[Duty.AUDIT].pk}
        )
    services.decide(scene.actor(Duty.SECURITY), link, agree=True, reason="已核对")
    assert client.account_of(provider, "u1") == scene.officer
    with pytest.raises(Refused):
        client.account_of(provider, "U1")
    Account.objects.filter(pk=scene.officer.pk).update(is_active=False)
    with pytest.raises(Refused):
        client.account_of(provider, "u1")
    Account.objects.filter(pk=scene.officer.pk).update(is_active=True)
    services.end(scene.actor(Duty.SECURITY), link, reason="调离", room="access")
    with pytest.raises(Refused):
        client.account_of(provider, "u1")


def test_安全管理员不能批准自己账号的绑定_本人只能为自己提(scene, provider):
    mine = scene.accounts[Duty.SECURITY]
    facts = {"provider": provider, "subject": "me", "account_id": mine.pk}
    link = services.propose(scene.actor(Duty.SYSTEM), IdentityLink(), facts)
    browser = Client()
    browser.force_login(mine)
    assert mine.person.name in browser.get(f"/r/access.identity_link/{link.pk}/").content.decode()
    with pytest.raises(Refused):
        services.decide(scene.actor(Duty.SECURITY), link, agree=True, reason="x")
    with pytest.raises(Refused):
        services.propose(scene.actor(Duty.AUDIT), IdentityLink(), facts | {"subject": "b"})


def test_登记页上两员分工(scene, provider):
    browsers = {duty: Client() for duty in scene.accounts}
    for duty, browser in browsers.items():
        browser.force_login(scene.accounts[duty])
    reach = {duty: [browser.get(f"/r/{room}.identity_provider/").status_code for room in ("people", "access")]
             for duty, browser in browsers.items()}  # fmt: skip
    assert reach == {Duty.SYSTEM: [200, 403], Duty.SECURITY: [403, 200], Duty.AUDIT: [403, 403]}
    page = browsers[Duty.SYSTEM].get(f"/administration/identity-providers/{provider.pk}/secret/")
    assert page.status_code == 200
    assert browsers[Duty.SECURITY].get(f"/administration/identity-providers/{provider.pk}/secret/").status_code == 403
    assert "用市统一认证登录" in Client().get("/sign-in/").content.decode()
