"""The platform as provider: what is given for a right code, and everything that is not."""

import base64
import hashlib
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import KeySet

from yiwang.kernel.access.actors import Conflict, Invalid, Refused
from yiwang.kernel.access.terms import Duty
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.oidc import codes, services
from yiwang.kernel.oidc.models import AccessToken, Code, RelyingParty
from yiwang.kernel.oidc.tests.conftest import AFTER, BACK
from yiwang.kernel.people.models import Account

VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


def asked(**more):
    given = {
        "response_type": "code", "client_id": "ledger", "redirect_uri": BACK, "scope": "openid profile organisation",
        "state": "s1", "nonce": "n1", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    }  # fmt: skip
    return {name: value for name, value in (given | more).items() if value is not None}


@pytest.fixture
def browser(scene):
    made = Client()
    made.force_login(scene.officer)
    return made


def authorize(browser, **more):
    answer = browser.get("/oidc/authorize/", asked(**more))
    assert answer.status_code == 302, answer.content.decode()[:1500]
    assert answer["Location"].startswith(BACK)
    return {name: values[0] for name, values in parse_qs(urlsplit(answer["Location"]).query).items()}


def exchange(scene, code, *, secret=None, client_id="ledger", **more):
    pair = base64.b64encode(f"{client_id}:{secret or scene.secrets[client_id]}".encode()).decode()
    sent = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
    sent = {name: value for name, value in (sent | more).items() if value is not None}
    return Client().post("/oidc/token/", sent, headers={"Authorization": f"Basic {pair}"})


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_授权码换来签名的身份凭证与最少的信息(scene, browser, algorithm):
    scene.party(algorithm=algorithm)
    given = authorize(browser)
    assert given["state"] == "s1"
    answer = exchange(scene, given["code"])
    assert answer.status_code == 200 and "no-store" in answer["Cache-Control"], answer.content
    told = answer.json()
    public = KeySet.import_key_set(Client().get("/oidc/jwks/").json())
    token = jwt.decode(told["id_token"], public, algorithms=[algorithm])
    assert (token.header["alg"], token.claims["aud"], token.claims["nonce"]) == (algorithm, ["ledger"], "n1")
    assert token.claims["iss"] == Client().get("/.well-known/openid-configuration").json()["issuer"]
    assert not {"name", "email", "phone_number", "preferred_username"} & set(token.claims)
    facts = Client().get("/oidc/userinfo/", headers={"Authorization": f"Bearer {told['access_token']}"}).json()
    assert facts["sub"] == token.claims["sub"] and facts["name"] == "李正" and facts["posts"][0]["post"] == "统计岗"
    assert set(facts) == {"sub", "name", "preferred_username", "posts"}
    assert "d" not in Client().get("/oidc/jwks/").json()["keys"][0]
    assert Entry.objects.filter(action="oidc.signed_on").count() == 1


def test_每个系统看到的主体不同_少要就少给(scene, browser):
    scene.party()
    scene.party("archive")
    one = exchange(scene, authorize(browser, scope="openid")["code"]).json()
    two = exchange(scene, authorize(browser, client_id="archive", nonce="n2")["code"], client_id="archive").json()
    facts = [Client().get("/oidc/userinfo/", headers={"Authorization": f"Bearer {each['access_token']}"}).json()
             for each in (one, two)]  # fmt: skip
    assert set(facts[0]) == {"sub"} and facts[0]["sub"] != facts[1]["sub"]


def test_授权码只用一次_再用即收回已发的令牌(scene, browser):
    scene.party()
    code = authorize(browser)["code"]
    told = exchange(scene, code).json()
    again = exchange(scene, code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    held = Client().get("/oidc/userinfo/", headers={"Authorization": f"Bearer {told['access_token']}"})
    assert held.status_code == 401 and AccessToken.objects.get().revoked_at is not None
    assert Entry.objects.filter(action="oidc.code_reused").exists()


@pytest.mark.parametrize(
    "wrong",
    [{"code_verifier": "x" * 64}, {"code_verifier": None}, {"redirect_uri": BACK + "/"}, {"redirect_uri": None},
     {"code": "nonsense"}, {"grant_type": "password"}, {"secret": "wrong"}, {"client_id": "archive"}],
    ids=lambda wrong: "-".join(f"{name}" for name in wrong),
)  # fmt: skip
def test_换取时不符的都换不到(scene, browser, wrong):
    scene.party()
    scene.party("archive")
    code = authorize(browser)["code"]
    answer = exchange(scene, **({"code": code} | wrong))
    assert answer.status_code in (400, 401) and "access_token" not in answer.json()
    assert not AccessToken.objects.exists()


def test_授权码一分钟失效_停用的账号换不到(scene, browser):
    scene.party()
    code = authorize(browser)["code"]
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        assert exchange(scene, code).json()["error"] == "invalid_grant"
    told = exchange(scene, authorize(browser, nonce="n2")["code"]).json()
    code = authorize(browser, nonce="n3")["code"]
    Account.objects.filter(pk=scene.officer.pk).update(is_active=False)
    assert exchange(scene, code).json()["error"] == "invalid_grant"
    token = {"Authorization": f"Bearer {told['access_token']}"}
    assert Client().get("/oidc/userinfo/", headers=token).status_code == 401


@pytest.mark.parametrize(
    "wrong", [{"redirect_uri": BACK + "?x=1"}, {"redirect_uri": "https://evil.example.cn/"}, {"redirect_uri": None},
              {"client_id": "nobody"}, {"client_id": None}, {"redirect_uri": BACK.upper()}],
)  # fmt: skip
def test_回调地址或系统不对_绝不跳转(scene, browser, wrong):
    scene.party()
    answer = browser.get("/oidc/authorize/", asked(**wrong))
    assert answer.status_code == 403 and "Location" not in answer and "逐字" in answer.content.decode()
    assert not Code.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "error"),
    [({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
     ({"code_challenge_method": "plain"}, "invalid_request"), ({"code_challenge_method": None}, "invalid_request"),
     ({"nonce": None}, "invalid_request"), ({"scope": "profile"}, "invalid_scope"),
     ({"scope": "openid phone"}, "invalid_scope"), ({"response_type": "token"}, None)],
)  # fmt: skip
def test_请求不合规_只把错误带回登记的地址(scene, browser, wrong, error):
    scene.party()
    answer = browser.get("/oidc/authorize/", asked(**wrong))
    if error is not None:
        assert answer["Location"].startswith(BACK) and parse_qs(urlsplit(answer["Location"]).query)["error"] == [error]
    assert not Code.objects.exists()


def test_随机数只用一次(scene, browser):
    scene.party()
    authorize(browser)
    assert "error" in authorize(browser)
    assert Code.objects.count() == 1


def test_没登录先登录_不许打扰时告知未登录(scene):
    scene.party()
    visitor = Client()
    answer = visitor.get("/oidc/authorize/", asked())
    assert answer.status_code == 302 and answer["Location"].startswith("/sign-in/?next=")
    silent = visitor.get("/oidc/authorize/", asked(prompt="none"))
    assert silent["Location"].startswith(BACK) and "login_required" in silent["Location"]


def test_未批准和已停用的系统登不了(scene, browser):
    facts = {"code": "ledger", "name": "账务系统", "redirect_uris": BACK, "sign_out_uris": "", "algorithm": "RS256"}
    made = services.propose(scene.actor(Duty.SYSTEM), RelyingParty(), facts)
    assert browser.get("/oidc/authorize/", asked()).status_code == 403
    services.decide(scene.actor(Duty.SECURITY), made, agree=True, reason="已核对")
    scene.secrets["ledger"] = services.new_secret(scene.actor(Duty.SYSTEM), made)
    code = authorize(browser)["code"]
    services.end(scene.actor(Duty.SECURITY), made, reason="下线", room="access")
    assert exchange(scene, code).status_code in (400, 401)
    assert browser.get("/oidc/authorize/", asked(nonce="n2")).status_code == 403


def test_改了回调地址须重新批准_自己不能批自己提的(scene):
    party = scene.party()
    changed = services.propose(scene.actor(Duty.SYSTEM), party, {"redirect_uris": "https://other.example.cn/"})
    assert changed.state == "proposed"
    for duty in (Duty.SYSTEM, Duty.AUDIT):
        with pytest.raises(Refused):
            services.decide(scene.actor(duty), changed, agree=True, reason="x")
    with pytest.raises(Refused):
        services.propose(scene.actor(Duty.SECURITY), RelyingParty(), {"code": "x"})
    RelyingParty.objects.update(proposed_by=scene.actor(Duty.SECURITY).person_id)
    with pytest.raises(Refused):
        services.decide(scene.actor(Duty.SECURITY), changed, agree=True, reason="x")
    RelyingParty.objects.update(proposed_by=scene.actor(Duty.SYSTEM).person_id)
    services.decide(scene.actor(Duty.SECURITY), changed, agree=False, reason="地址不明")
    with pytest.raises(Conflict):
        services.decide(scene.actor(Duty.SECURITY), changed, agree=True, reason="x")


@pytest.mark.parametrize(
    "address", ["http://a.cn/", "https://", "javascript:alert(1)", "https://a.cn/#x", "https://*.a.cn/", ""]
)
def test_回调地址须为完整的https(scene, address):
    with pytest.raises(Invalid):
        services.propose(scene.actor(Duty.SYSTEM), RelyingParty(),
                         {"code": "x", "name": "x", "redirect_uris": address, "sign_out_uris": ""})  # fmt: skip


def test_退出须本人确认_只回登记的地址(scene, browser):
    scene.party()
    told = exchange(scene, authorize(browser)["code"]).json()
    sent = {"id_token_hint": told["id_token"], "post_logout_redirect_uri": AFTER, "state": "z"}
    assert "账务系统" in browser.get("/oidc/sign-out/", sent).content.decode()
    assert browser.get("/account/").status_code == 200
    answer = browser.post("/oidc/sign-out/", sent).content.decode()
    assert f"{AFTER}?state=z" in answer and browser.get("/account/").status_code == 302
    token = {"Authorization": f"Bearer {told['access_token']}"}
    assert Client().get("/oidc/userinfo/", headers=token).status_code == 401
    for wrong in ({"post_logout_redirect_uri": "https://evil.example.cn/"}, {"id_token_hint": "x"}):
        assert "example.cn" not in Client().get("/oidc/sign-out/", sent | wrong).content.decode()


def test_过期的授权码被清理(scene, browser):
    scene.party()
    authorize(browser)
    assert codes.tidy() == 0
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        assert codes.tidy() > 0 and not Code.objects.exists()
