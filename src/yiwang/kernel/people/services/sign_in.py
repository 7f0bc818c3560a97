"""Signing in and out, and the sessions that come of it."""

from datetime import timedelta

from django.contrib import auth
from django.http import HttpRequest
from django.utils import timezone

from yiwang.kernel.access.actors import ANONYMOUS, Actor, Invalid, Refused
from yiwang.kernel.ledger.services import record
from yiwang.kernel.people.limits import ACCOUNT, ADDRESS
from yiwang.kernel.people.models import Account, Session
from yiwang.kernel.people.queries import actor_of
from yiwang.kernel.people.services import throttle

SEEN_EVERY = timedelta(seconds=60)
WRONG = "账号或密码不正确，请重新输入。"


def _visitor(address: str) -> Actor:
    return Actor(person_id=None, account_id=None, name=ANONYMOUS.name, address=address)


def authenticate(username: str, password: str, address: str) -> Account:
    """The account of a right user name and password.

    Unknown, wrong, disabled and locked look and last the same, existing account or not.
    """
    for limit, subject in ((ADDRESS, address), (ACCOUNT, username)):
        if until := throttle.reserve(limit, subject):
            raise Refused(
                f"登录失败次数过多，已暂停登录至 {timezone.localtime(until):%H:%M}。请稍后再试，或联系系统管理员解锁。",
                rule=f"连续失败 {limit.failures} 次锁定 {limit.minutes} 分钟",
            )
    account = Account.objects.select_related("person").filter(username__iexact=username.strip()).first()
    if account is None:
        # The same work as for a known account, so that the answer's time tells nothing.
        Account().set_password(password)
    right = account is not None and account.check_password(password)
    if account is None or not right or not _usable(account):
        record(_visitor(address), "people.sign_in.failed", ("people.account", account.pk if account else 0))
        raise Invalid(WRONG, errors={"password": [WRONG]})
    throttle.clear(ACCOUNT, username)
    throttle.give_back(ADDRESS, address)
    return account


def _usable(account: Account) -> bool:
    expired = account.password_expires_at is not None and account.password_expires_at < timezone.now()
    return account.is_active and account.person.active and not expired


def sign_in(request: HttpRequest, account: Account, address: str) -> None:
    """Begin a session under a new key."""
    auth.login(request, account, backend="django.contrib.auth.backends.ModelBackend")
    request.session["started_at"] = timezone.now().isoformat()
    request.session["address"] = address
    request.session["agent"] = request.headers.get("User-Agent", "")[:200]
    request.session.save()
    record(actor_of(account, address), "people.signed_in", ("people.account", account.pk))


def sign_out(actor: Actor, request: HttpRequest) -> None:
    if actor.account_id is not None:
        record(actor, "people.signed_out", ("people.account", actor.account_id))
    auth.logout(request)


def touch(session: Session) -> None:
    """Note that the session is in use, at most once a minute."""
    now = timezone.now()
    if now - session.seen_at >= SEEN_EVERY:
        Session.objects.filter(pk=session.pk).update(seen_at=now)


def end_session(actor: Actor, started_at: str, *, keep: str) -> int:
    """End one of one's own other sessions, named by its start: a session key never leaves the server."""
    mine = Session.objects.filter(account=actor.account_id).exclude(session_key=keep)
    ended = [each.pk for each in mine if each.started_at.isoformat() == started_at]
    return _end(actor, ended)


def end_sessions(actor: Actor, *, keep: str) -> int:
    """End all of one's own sessions but the present one."""
    mine = Session.objects.filter(account=actor.account_id).exclude(session_key=keep)
    return _end(actor, list(mine.values_list("pk", flat=True)))


def _end(actor: Actor, keys: list[str]) -> int:
    if actor.account_id is None or not keys:
        return 0
    ended, _ = Session.objects.filter(account=actor.account_id, pk__in=keys).delete()
    record(actor, "people.sessions.ended", ("people.account", actor.account_id), after={"sessions": ended})
    return ended
