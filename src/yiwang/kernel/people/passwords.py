"""Password rules (GB/T 22239-2019 8.1.4.1 身份鉴别：复杂度、定期更换)."""

import secrets
import string

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

from yiwang.kernel.people.models import Account

LENGTH, CLASSES, HISTORY = 10, 3, 5
LONGEST = 128
RULES = (
    f"至少 {LENGTH} 位；大写字母、小写字母、数字、符号中至少 {CLASSES} 类；不含账号、工号和姓名拼音；"
    f"不是常见密码；不与最近 {HISTORY} 次用过的相同；{settings.PASSWORD_MAX_AGE_DAYS} 天内须更换。"
)
_common = CommonPasswordValidator()
_ALPHABET = "".join(sorted(set(string.ascii_letters + string.digits) - set("0O1lI")))


def problems(password: str, account: Account) -> list[str]:
    """Every rule the password breaks, each in words; the history is checked last because it is slow."""
    found: list[str] = []
    if not LENGTH <= len(password) <= LONGEST:
        found.append(f"长度须为 {LENGTH} 至 {LONGEST} 位，现为 {len(password)} 位。")
    kinds = (str.isupper, str.islower, str.isdecimal, lambda character: not character.isalnum())
    classes = sum(any(kind(character) for character in password) for kind in kinds)
    if classes < CLASSES:
        found.append(f"须含大写字母、小写字母、数字、符号中至少 {CLASSES} 类，现有 {classes} 类。")
    folded = password.casefold()
    person = account.person
    named = {"账号": account.username, "工号": person.staff_number, "姓名拼音": person.pinyin.replace(" ", "")}
    found += [f"不能包含{what}。" for what, value in named.items() if len(value) >= 3 and value.casefold() in folded]
    try:
        _common.validate(password)
    except ValidationError:
        found.append("这是常见密码，容易被猜中。")
    if not found and account.pk and _used(password, account):
        found.append(f"不能与最近 {HISTORY} 次用过的密码相同。")
    return found


def _used(password: str, account: Account) -> bool:
    former = account.former_passwords.values_list("password", flat=True)[: HISTORY - 1]
    return any(check_password(password, encoded) for encoded in (account.password, *former) if encoded)


def one_time() -> str:
    """A random password that meets the rules and has no look-alike characters."""
    groups = ["".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(3)]
    return "-".join([*groups, f"{secrets.choice('ABCDEFGH')}{secrets.choice('abcdefgh')}{secrets.choice('23456789')}"])
