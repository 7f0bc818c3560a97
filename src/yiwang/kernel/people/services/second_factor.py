"""The second factor: an authenticator app, with one-time recovery codes for the day the phone is lost."""

import secrets
import time

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.access.doors import row
from yiwang.kernel.access.terms import ADMINISTRATORS
from yiwang.kernel.crypto import decrypt, encrypt, keys, mac, mac_matches
from yiwang.kernel.ledger.services import record
from yiwang.kernel.people import totp
from yiwang.kernel.people.limits import SECOND_FACTOR
from yiwang.kernel.people.models import Account, RecoveryCode, Session
from yiwang.kernel.people.queries import serving
from yiwang.kernel.people.services import throttle

RECOVERY_CODES, PURPOSE = 10, keys.lasting("recovery-code")
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


def _own(actor: Actor) -> Account:
    if actor.account_id is None:
        raise Refused("请先登录。")
    return Account.objects.get(pk=actor.account_id)


def start_second_factor(actor: Actor) -> str:
    """A fresh secret, to be confirmed by a first code; a confirmed one is not replaced silently."""
    account = _own(actor)
    if account.totp_confirmed_at:
        raise Conflict("动态口令已经启用。如更换手机，请先由管理员解除。")
    secret = totp.new_secret()
    Account.objects.filter(pk=account.pk, totp_confirmed_at__isnull=True).update(totp_secret=encrypt(secret))
    return secret


def pending_secret(actor: Actor) -> str:
    """The secret to show while it is not confirmed yet."""
    account = _own(actor)
    if account.totp_secret and not account.totp_confirmed_at:
        return decrypt(account.totp_secret)
    return start_second_factor(actor)


def confirm_second_factor(actor: Actor, code: str) -> list[str]:
    """Turn the second factor on; the recovery codes are shown this once."""
    account = _own(actor)
    _reserve(account)
    if account.totp_confirmed_at or not account.totp_secret:
        raise Conflict("动态口令已经启用，或尚未开始绑定。")
    if not _use_code(account, code.strip()):
        raise Invalid("口令不正确。请核对手机时间是否准确，再输入新的 6 位数字。", errors={"code": ["不正确。"]})
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    with transaction.atomic():
        waiting = Account.objects.filter(pk=account.pk, totp_confirmed_at=None, totp_secret=account.totp_secret)
        if not waiting.update(totp_confirmed_at=timezone.now()):
            raise Conflict("动态口令已在别处启用。")
        account.recovery_codes.all().delete()
        digests = [mac(_recovery_bytes(account, each), PURPOSE) for each in codes]
        RecoveryCode.objects.bulk_create(RecoveryCode(account=account, digest=digest) for digest in digests)
        record(actor, "people.account.second_factor_on", ("people.account", account.pk))
    throttle.clear(SECOND_FACTOR, str(account.pk))
    return codes


def _recovery_code() -> str:
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(2))


def _recovery_bytes(account: Account, code: str) -> bytes:
    return f"{account.pk}:{code.strip().casefold()}".encode()


def _reserve(account: Account) -> None:
    if until := throttle.reserve(SECOND_FACTOR, str(account.pk)):
        message = f"口令连续输错，已暂停验证至 {timezone.localtime(until):%H:%M}。请稍后再试，或请系统管理员解锁。"
        raise Refused(message, rule="登录失败锁定")


def _use_code(account: Account, code: str) -> bool:
    """One code works once: the step is claimed by a conditional update, so of two equal requests one loses."""
    step = totp.matching_step(decrypt(account.totp_secret), code, time.time(), account.totp_last_step)
    if step is None:
        return False
    return bool(Account.objects.filter(pk=account.pk, totp_last_step__lt=step).update(totp_last_step=step))


def _use_recovery_code(account: Account, code: str) -> bool:
    given = _recovery_bytes(account, code)
    unused = RecoveryCode.objects.filter(account=account, used_at__isnull=True)
    matching = [each.pk for each in unused if mac_matches(given, each.digest, PURPOSE)]
    return bool(unused.filter(pk__in=matching).update(used_at=timezone.now()))


def verify_second_factor(actor: Actor, account: Account, code: str) -> Account:
    """A code of the app or a recovery code, each good once."""
    _reserve(account)
    given = code.strip().replace(" ", "")
    by_app = len(given) == totp.DIGITS and given.isdecimal()
    with transaction.atomic():
        right = _use_code(account, given) if by_app else _use_recovery_code(account, given)
        if right and not by_app:
            record(actor, "people.account.recovery_code_used", ("people.account", account.pk))
    if not right:
        raise Invalid("口令不正确或已用过，请等待手机上出现新的口令再试。", errors={"code": ["不正确或已用过。"]})
    throttle.clear(SECOND_FACTOR, str(account.pk))
    return account


def clear_second_factor(actor: Actor, account_id: int, *, reason: str) -> Account:
    """For a lost phone. An administrator's is cleared by the security administrator: the system administrator
    who can reset the password must not be able to become the other."""
    if not reason.strip():
        raise Invalid("解除动态口令须写明理由。", errors={"reason": ["此项必填。"]})
    account = Account.objects.filter(pk=account_id).first()
    if account is None:
        raise Refused("没有找到该账号。", rule="数据范围", code="absent")
    administers = serving().filter(Q(duty__in=ADMINISTRATORS), person=account.person_id).exists()
    if administers:
        actor.require("access.administrator", "change")
    else:
        row(actor, "people.account", account_id, "change")
    if account_id == actor.account_id:
        raise Refused("不能解除本人的动态口令，操作未执行。请由另一名管理员办理。", rule="管理员不自办")
    with transaction.atomic():
        Account.objects.filter(pk=account_id).update(totp_secret="", totp_confirmed_at=None)
        RecoveryCode.objects.filter(account=account_id).delete()
        Session.objects.filter(account=account_id).delete()
        record(actor, "people.account.second_factor_cleared", ("people.account", account_id), reason=reason.strip())
    return account
