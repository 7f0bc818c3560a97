"""Accounts: made by the system administrator, who can't give them any permission."""

import re
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.access.doors import row
from yiwang.kernel.ledger.services import record
from yiwang.kernel.people.limits import ACCOUNT, SECOND_FACTOR
from yiwang.kernel.people.models import Account, FormerPassword, Person, Session
from yiwang.kernel.people.passwords import HISTORY, one_time, problems
from yiwang.kernel.people.services import throttle

USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{2,59}")


def create_account(
    actor: Actor, person_id: int, *, username: str, password: str, must_change: bool = True, hashed: str = ""
) -> Account:
    """An account for a person. The password is one-time unless `must_change` is off (demonstration cities only).

    `hashed`: the password's hash, made once for all accounts of a demonstration, whose one password is published. An
    ordinary account has a hash with a salt of its own, so `hashed` is refused in production and for one-time passwords.
    """
    actor.require("people.account", "add")
    if hashed and (settings.PRODUCTION or must_change):
        raise Refused("口令摘要只能用于演示账号，账号未创建。请由平台计算每个账号自己的摘要。", rule="一号一盐")
    username = username.strip()
    errors: dict[str, list[str]] = {}
    if not USERNAME.fullmatch(username):
        errors["username"] = ["3 至 60 位字母、数字或 . _ @ -，以字母或数字开头。"]
    elif Account.objects.filter(username__iexact=username).exists():
        errors["username"] = [f"账号“{username}”已存在。"]
    person = Person.objects.filter(pk=person_id).first()
    if person is None or not person.active:
        errors["person"] = ["不是在职人员。"]
    elif Account.objects.filter(person=person).exists():
        errors["person"] = [f"“{person}”已有账号，一人一号。"]
    if person is not None and (broken := problems(password, Account(username=username, person=person))):
        errors["password"] = broken
    if errors:
        raise Invalid("账号未创建，请改正标出的项目。", errors=errors, rule="一人一号、密码规则")
    with transaction.atomic():
        made = Account(username=username, person_id=person_id, must_change_password=must_change)
        if hashed:
            made.password = hashed
        else:
            made.set_password(password)
        made.password_changed_at = timezone.now()
        made.password_expires_at = _one_time_until() if must_change else None
        made.save()
        after = {"username": username, "person": person_id}
        record(actor, "people.account.created", ("people.account", made.pk), after=after)
    return made


def _one_time_until() -> datetime:
    return timezone.now() + timedelta(hours=settings.ONE_TIME_PASSWORD_HOURS)


def _target(actor: Actor, account_id: int) -> Account:
    """The account to administer, locked; never one's own."""
    actor.require("people.account", "change")
    row(actor, "people.account", account_id, "change")
    if not actor.system and account_id == actor.account_id:
        raise Refused("不能管理本人的账号，操作未执行。请由另一名系统管理员办理。", rule="管理员不自办")
    return Account.objects.select_for_update(of=("self",)).select_related("person").get(pk=account_id)


def _switch(actor: Actor, account_id: int, active: bool, reason: str) -> Account:
    if not reason.strip():
        raise Invalid("停用或启用账号须写明理由。", errors={"reason": ["此项必填。"]})
    with transaction.atomic():
        account = _target(actor, account_id)
        if account.is_active == active:
            raise Conflict(f"账号“{account}”已经是{'启用' if active else '停用'}状态。")
        account.is_active = active
        account.save(update_fields=["is_active"])
        if not active:
            Session.objects.filter(account=account).delete()
        action = "people.account.enabled" if active else "people.account.disabled"
        record(
            actor, action, ("people.account", account_id), before={"is_active": not active},
            after={"is_active": active}, reason=reason.strip(),
        )  # fmt: skip
    return account


def disable_account(actor: Actor, account_id: int, *, reason: str) -> Account:
    """Sign the account out everywhere and keep it out."""
    return _switch(actor, account_id, False, reason)


def enable_account(actor: Actor, account_id: int, *, reason: str) -> Account:
    return _switch(actor, account_id, True, reason)


def unlock_account(actor: Actor, account_id: int, *, reason: str = "") -> Account:
    """Forget the failures that locked the account."""
    with transaction.atomic():
        account = _target(actor, account_id)
        cleared = [
            throttle.clear(ACCOUNT, account.username),
            throttle.clear(SECOND_FACTOR, str(account.pk)),
        ]
        if not any(cleared):
            raise Conflict(f"账号“{account}”没有被锁定。")
        record(actor, "people.account.unlocked", ("people.account", account_id), reason=reason)
    return account


def reset_password(actor: Actor, account_id: int, *, reason: str) -> str:
    """A one-time password, shown once to the administrator; all sessions end."""
    if not reason.strip():
        raise Invalid("重置密码须写明理由。", errors={"reason": ["此项必填。"]})
    password = one_time()
    with transaction.atomic():
        account = _target(actor, account_id)
        _store(account, password)
        account.must_change_password, account.password_expires_at = True, _one_time_until()
        account.save()
        Session.objects.filter(account=account).delete()
        throttle.clear(ACCOUNT, account.username)
        record(actor, "people.account.password_reset", ("people.account", account_id), reason=reason.strip())
    return password


def change_password(actor: Actor, old: str, new: str, *, keep_session: str = "") -> Account:
    """The account's owner changes the password; every other session of his ends."""
    if actor.account_id is None:
        raise Refused("请先登录。")
    with transaction.atomic():
        account = Account.objects.select_for_update(of=("self",)).select_related("person").get(pk=actor.account_id)
        if not account.check_password(old):
            raise Invalid("原密码不正确，密码未修改。", errors={"old": ["不正确。"]})
        if broken := problems(new, account):
            raise Invalid("新密码不合规，密码未修改。", errors={"new": broken}, rule="密码规则")
        _store(account, new)
        account.must_change_password, account.password_expires_at = False, None
        account.save()
        Session.objects.filter(account=account).exclude(session_key=keep_session).delete()
        record(actor, "people.account.password_changed", ("people.account", account.pk))
    return account


def _store(account: Account, password: str) -> None:
    FormerPassword.objects.create(account=account, password=account.password)
    kept = account.former_passwords.values_list("pk", flat=True)[: HISTORY - 1]
    account.former_passwords.exclude(pk__in=list(kept)).delete()
    account.set_password(password)
    account.password_changed_at = timezone.now()
