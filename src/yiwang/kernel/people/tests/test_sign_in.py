"""Signing in: lockout, second factor, forced steps, sessions; also when many requests come at once."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from yiwang.kernel.access.actors import ANONYMOUS, Conflict, Invalid, Refused
from yiwang.kernel.access.terms import Duty
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.people import totp
from yiwang.kernel.people.limits import ACCOUNT, locked_until
from yiwang.kernel.people.models import Account, Session, Throttle
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.people.services import (
    authenticate,
    clear_second_factor,
    confirm_second_factor,
    disable_account,
    enable_account,
    pending_secret,
    reset_password,
    start_second_factor,
    tidy,
    unlock_account,
    verify_second_factor,
)
from yiwang.kernel.people.testing import PASSWORD, Town

pytestmark = pytest.mark.django_db
HERE = "10.0.0.1"
WRONG = "Wrong-Password-1"


def officer(name="张三"):
    town = Town()
    return town.account(name, town.post("民政局", "科员"))


def signed_in(account) -> Client:
    client = Client()
    answer = client.post("/sign-in/", {"username": account.username, "password": PASSWORD})
    assert answer.status_code == 302, answer.content.decode()
    return client


def enrol(account) -> tuple[str, list[str]]:
    """Bind an authenticator app one step back in time, so that a code of now is still fresh."""
    secret = start_second_factor(actor_of(account))
    codes = confirm_second_factor(actor_of(account), totp.code(secret, int(time.time()) // 30 - 1))
    account.refresh_from_db()
    return secret, codes


def test_错五次锁定十五分钟_到时自动解除():
    account = officer()
    for _ in range(5):
        with pytest.raises(Invalid, match="账号或密码不正确"):
            authenticate(account.username, WRONG, HERE)
    with pytest.raises(Refused, match="暂停登录至"):
        authenticate(account.username, PASSWORD, HERE)
    with time_machine.travel(timezone.now() + timedelta(minutes=14), tick=False), pytest.raises(Refused, match="暂停"):
        authenticate(account.username, PASSWORD, HERE)
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False):
        assert authenticate(account.username, PASSWORD, HERE) == account


def test_四次错后一次对_重新计数():
    account = officer()
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(Invalid):
                authenticate(account.username, WRONG, HERE)
        assert authenticate(account.username.upper(), PASSWORD, HERE) == account


def test_不存在的账号与存在的账号答复相同_也一样锁定():
    account = officer()
    answers = []
    for username in (account.username, "nobody-here"):
        found = []
        for _ in range(7):
            with pytest.raises(Refused) as refused:
                authenticate(username, WRONG, HERE)
            found.append((type(refused.value), refused.value.message, refused.value.rule))
        answers.append(found)
    assert answers[0] == answers[1]
    assert "nobody-here" not in "".join(Entry.objects.values_list("content", flat=True))


def test_不存在的账号也要算一次散列(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    account = officer()
    spent = {}
    for username in (account.username, "nobody-here"):
        started = time.process_time()
        with pytest.raises(Invalid):
            authenticate(username, WRONG, HERE)
        spent[username] = time.process_time() - started
    low, high = sorted(spent.values())
    assert high < 2 * low


def test_同一地址失败过多_换账号也不行_别的地址可以(settings):
    account = officer()
    for number in range(settings.SIGN_IN_ADDRESS_FAILURES):
        with pytest.raises(Invalid):
            authenticate(f"guess{number}", WRONG, HERE)
    with pytest.raises(Refused, match="暂停登录至"):
        authenticate(account.username, PASSWORD, HERE)
    assert authenticate(account.username, PASSWORD, "10.0.0.2") == account


def test_同一地址多人正常登录不受限(settings):
    account = officer()
    for _ in range(settings.SIGN_IN_ADDRESS_FAILURES + 5):
        assert authenticate(account.username, PASSWORD, HERE) == account


@pytest.mark.django_db(transaction=True)
def test_并发猜密码_至多核对五次(settings):
    account = officer()

    def guess(_):
        try:
            authenticate(account.username, WRONG, HERE)
        except Invalid:
            return "checked"
        except Refused:
            return "refused"
        finally:
            connection.close()
        return "in"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(guess, range(24)))
    assert answers.count("checked") == settings.SIGN_IN_FAILURES
    assert answers.count("refused") == 24 - settings.SIGN_IN_FAILURES
    assert locked_until(ACCOUNT, account.username) is not None


@pytest.mark.django_db(transaction=True)
def test_并发重放同一动态口令_只成一次():
    account = officer()
    secret, _ = enrol(account)
    given = totp.code(secret, int(time.time()) // 30)

    def replay(_):
        try:
            verify_second_factor(ANONYMOUS, Account.objects.get(pk=account.pk), given)
        except Refused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(replay, range(4))) == 1


@pytest.mark.django_db(transaction=True)
def test_并发使用同一恢复码_只成一次():
    account = officer()
    _, codes = enrol(account)

    def use(_):
        try:
            verify_second_factor(ANONYMOUS, Account.objects.get(pk=account.pk), codes[0])
        except Refused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(use, range(4))) == 1
    assert account.recovery_codes.filter(used_at__isnull=False).count() == 1


def test_两步登录全程():
    account = officer()
    secret, codes = enrol(account)
    client = Client()
    answer = client.post("/sign-in/?next=/account/", {"username": account.username, "password": PASSWORD})
    assert answer.headers["Location"] == "/sign-in/code/"
    assert client.get("/account/").status_code == 302
    assert client.post("/sign-in/code/", {"code": "000000"}).status_code == 422
    answer = client.post("/sign-in/code/", {"code": totp.code(secret, int(time.time()) // 30)})
    assert answer.headers["Location"] == "/account/"
    assert client.get("/account/").status_code == 200
    other = Client()
    other.post("/sign-in/", {"username": account.username, "password": PASSWORD})
    assert other.post("/sign-in/code/", {"code": codes[3]}).status_code == 302
    assert other.get("/account/").status_code == 200
    assert Entry.objects.filter(action="people.account.recovery_code_used").count() == 1


def test_没过密码关就没有口令页_过了也只等五分钟():
    account = officer()
    secret, _ = enrol(account)
    assert Client().post("/sign-in/code/", {"code": "123456"}).headers["Location"] == "/sign-in/"
    client = Client()
    client.post("/sign-in/", {"username": account.username, "password": PASSWORD})
    with time_machine.travel(timezone.now() + timedelta(minutes=6), tick=False):
        later = totp.code(secret, int(time.time()) // 30)
        assert client.post("/sign-in/code/", {"code": later}).headers["Location"] == "/sign-in/"


def test_口令输错五次锁定():
    account = officer()
    enrol(account)
    for _ in range(5):
        with pytest.raises(Invalid):
            verify_second_factor(ANONYMOUS, account, "000000")
    with pytest.raises(Refused, match="暂停验证"):
        verify_second_factor(ANONYMOUS, account, "000000")


def test_密钥密文存放_恢复码只存摘要():
    account = officer()
    secret, codes = enrol(account)
    assert secret not in account.totp_secret
    assert len(codes) == 10
    stored = "".join(account.recovery_codes.values_list("digest", flat=True))
    assert not any(code in stored for code in codes)
    with pytest.raises(Conflict):
        start_second_factor(actor_of(account))


def test_未启用前密钥不变_输错可重来():
    account = officer()
    secret = pending_secret(actor_of(account))
    assert pending_secret(actor_of(account)) == secret
    with pytest.raises(Invalid):
        confirm_second_factor(actor_of(account), "000000")
    assert confirm_second_factor(actor_of(account), totp.code(secret, int(time.time()) // 30))


def test_管理员在生产环境须先绑定动态口令(settings):
    settings.SECOND_FACTOR_REQUIRED = True
    client = signed_in(Town().administrators()[Duty.SYSTEM])
    assert client.get("/account/").headers["Location"] == "/account/second-factor/"
    page = client.get("/account/second-factor/")
    assert page.status_code == 200
    assert "data:image/svg+xml" in page.content.decode()
    assert signed_in(officer()).get("/account/").status_code == 200


def test_首次登录须改密码_改后其他登录失效():
    town = Town()
    administrator = actor_of(town.administrators()[Duty.SYSTEM])
    account = town.account("张三", town.post("民政局", "科员"))
    one_time = reset_password(administrator, account.pk, reason="本人遗忘")
    client, other = Client(), Client()
    for each in (client, other):
        each.post("/sign-in/", {"username": account.username, "password": one_time})
        assert each.get("/account/").headers["Location"] == "/account/password/"
    page = client.post("/account/password/", {"old": one_time, "new": "short", "again": "short"})
    assert page.status_code == 422
    assert "长度" in page.content.decode()
    answer = client.post("/account/password/", {"old": one_time, "new": "Fresh-Start-77", "again": "Fresh-Start-77"})
    assert answer.status_code == 302
    assert client.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302
    assert Session.objects.filter(account=account).count() == 1


def test_一次性密码过期作废(settings):
    town = Town()
    administrator = actor_of(town.administrators()[Duty.SYSTEM])
    account = town.account("张三")
    one_time = reset_password(administrator, account.pk, reason="本人遗忘")
    later = timezone.now() + timedelta(hours=settings.ONE_TIME_PASSWORD_HOURS, minutes=1)
    with time_machine.travel(later, tick=False), pytest.raises(Invalid):
        authenticate(account.username, one_time, HERE)


def test_密码到期须改(settings):
    account = officer()
    Account.objects.update(
        password_changed_at=timezone.now() - timedelta(days=settings.PASSWORD_MAX_AGE_DAYS, minutes=1)
    )
    assert signed_in(account).get("/account/").headers["Location"] == "/account/password/"


def test_久不操作或登录过久都要重新登录(settings):
    account = officer()
    idle, long = signed_in(account), signed_in(account)
    with time_machine.travel(timezone.now() + timedelta(minutes=settings.SESSION_IDLE_MINUTES + 1), tick=False):
        assert idle.get("/account/").status_code == 302
    moment = timezone.now()
    for _ in range(settings.SESSION_LONGEST_HOURS * 3 - 1):
        moment += timedelta(minutes=20)
        with time_machine.travel(moment, tick=False):
            status = long.get("/account/").status_code
    assert status == 200
    with time_machine.travel(moment + timedelta(minutes=20), tick=False):
        assert long.get("/account/").status_code == 302


def test_可退出其他登录_看不到会话密钥():
    account = officer()
    mine, other, third = signed_in(account), signed_in(account), signed_in(account)
    stranger = signed_in(officer("李四"))
    page = mine.get("/account/").content.decode()
    for client in (mine, other, third):
        assert client.cookies["sessionid"].value not in page
    other_session = Session.objects.get(pk=other.cookies["sessionid"].value)
    stranger.post("/account/sessions/end/", {"started_at": other_session.started_at.isoformat()})
    assert other.get("/account/").status_code == 200
    mine.post("/account/sessions/end/", {"started_at": other_session.started_at.isoformat()})
    assert (other.get("/account/").status_code, third.get("/account/").status_code) == (302, 200)
    mine.post("/account/sessions/end/")
    assert (mine.get("/account/").status_code, third.get("/account/").status_code) == (200, 302)
    assert stranger.get("/account/").status_code == 200


def test_登录换新会话密钥():
    account = officer()
    client = Client()
    client.get("/sign-in/")
    session = client.session
    session["seed"] = 1
    session.save()
    before = client.cookies.get("sessionid")
    client.post("/sign-in/", {"username": account.username, "password": PASSWORD})
    assert before is None or client.cookies["sessionid"].value != before.value


def test_停用即退出_启用后可再登录_都须理由():
    town = Town()
    administrator = actor_of(town.administrators()[Duty.SYSTEM])
    account = town.account("张三", town.post("民政局", "科员"))
    client = signed_in(account)
    with pytest.raises(Invalid):
        disable_account(administrator, account.pk, reason="")
    disable_account(administrator, account.pk, reason="离职")
    assert client.get("/account/").status_code == 302
    with pytest.raises(Invalid):
        authenticate(account.username, PASSWORD, HERE)
    with pytest.raises(Conflict):
        disable_account(administrator, account.pk, reason="再停")
    enable_account(administrator, account.pk, reason="返聘")
    assert authenticate(account.username, PASSWORD, HERE) == account


def test_解锁与重置只由系统管理员_且不对自己():
    town = Town()
    three = {duty: actor_of(account) for duty, account in town.administrators().items()}
    account = town.account("张三", town.post("民政局", "科员"))
    with pytest.raises(Conflict, match="没有被锁定"):
        unlock_account(three[Duty.SYSTEM], account.pk)
    for _ in range(5):
        with pytest.raises(Invalid):
            authenticate(account.username, WRONG, HERE)
    for actor in (three[Duty.SECURITY], three[Duty.AUDIT], actor_of(account), ANONYMOUS):
        with pytest.raises(Refused):
            unlock_account(actor, account.pk)
        with pytest.raises(Refused):
            reset_password(actor, account.pk, reason="x")
        with pytest.raises(Refused):
            disable_account(actor, account.pk, reason="x")
    unlock_account(three[Duty.SYSTEM], account.pk)
    assert authenticate(account.username, PASSWORD, HERE) == account
    for verb in (disable_account, reset_password):
        with pytest.raises(Refused, match="本人"):
            verb(three[Duty.SYSTEM], three[Duty.SYSTEM].account_id, reason="x")


def test_管理员的动态口令只由安全管理员解除_系统管理员不能接管():
    town = Town()
    accounts = town.administrators()
    three = {duty: actor_of(account) for duty, account in accounts.items()}
    ordinary = town.account("张三", town.post("民政局", "科员"))
    for account in (accounts[Duty.AUDIT], accounts[Duty.SECURITY], ordinary):
        enrol(account)
    for duty in (Duty.AUDIT, Duty.SECURITY):
        with pytest.raises(Refused):
            clear_second_factor(three[Duty.SYSTEM], accounts[duty].pk, reason="丢手机")
    with pytest.raises(Refused, match="本人"):
        clear_second_factor(three[Duty.SECURITY], accounts[Duty.SECURITY].pk, reason="丢手机")
    with pytest.raises(Refused):
        clear_second_factor(three[Duty.SECURITY], ordinary.pk, reason="丢手机")
    clear_second_factor(three[Duty.SECURITY], accounts[Duty.AUDIT].pk, reason="丢手机")
    clear_second_factor(three[Duty.SYSTEM], ordinary.pk, reason="丢手机")
    assert not ordinary.recovery_codes.exists()
    with pytest.raises(Invalid):
        clear_second_factor(three[Duty.SYSTEM], ordinary.pk, reason="")


def test_失败登录入审计_清理过期记录():
    account = officer()
    with pytest.raises(Invalid):
        authenticate(account.username, WRONG, HERE)
    entry = Entry.objects.get(action="people.sign_in.failed")
    assert (entry.target_id, entry.signatory["address"]) == (str(account.pk), HERE)
    signed_in(account)
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=False):
        assert tidy() >= 2
    assert not Session.objects.exists()
    assert not Throttle.objects.exists()


def test_登录页禁止缓存_须带防伪令牌():
    client = Client(enforce_csrf_checks=True)
    assert "no-store" in client.get("/sign-in/").headers["Cache-Control"]
    assert client.post("/sign-in/", {"username": "a", "password": "b"}).status_code == 403
    assert client.post("/sign-out/").status_code == 403


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [(0, "9.9.9.9", "127.0.0.1"), (1, "9.9.9.9, 8.8.8.8", "8.8.8.8"), (2, "7.7.7.7, 9.9.9.9, 8.8.8.8", "9.9.9.9"),
     (1, "", "127.0.0.1"), (1, "<script>", "")],
)  # fmt: skip
def test_来源地址只信约定的代理层数(settings, proxies, forwarded, expected):
    settings.TRUSTED_PROXIES = proxies
    account = officer()
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    Client().post("/sign-in/", {"username": account.username, "password": PASSWORD}, headers=headers)
    assert Session.objects.get(account=account).address == expected
