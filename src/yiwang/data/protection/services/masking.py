"""脱敏：一个值的各种样子。纯函数；同一值同一方式结果相同，扰动也是。"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation

from yiwang.data.protection.terms import Method
from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.crypto import keys, lasting_mac
from yiwang.kernel.crypto.masks import STARS, in_form
from yiwang.standards.sensitive import SensitiveKind

HIDDEN = STARS
SPREAD = 100
# Kept when the platform's key is renewed: a recipient's rows still join, and no second draw averages the noise out.
PSEUDONYM, PERTURB = keys.lasting("pseudonym"), keys.lasting("perturb")


def masked(kind: str, value: str) -> str:
    """The masked form of a kind; kinds without a shape of their own show nothing."""
    return in_form(kind, value)


def generalised(kind: str, value: str) -> str:
    """A coarser value: the year of a day, the division of an address or an identity number, the band of an amount."""
    return in_form(f"{kind}_coarse", value)


def perturbed(kind: str, value: str, key: str) -> str:
    """A neighbouring value, the same each time for one recipient (`key`), so that repeated reading averages nothing out.

    Days move by up to 15 days, amounts by up to 5 %; other kinds have no neighbours and are replaced.
    """
    noise = int(lasting_mac(f"{key}\0{kind}\0{value}".encode(), PERTURB)[:8], 16)
    if kind == SensitiveKind.BIRTHDAY:
        try:
            day = date.fromisoformat(value[:10])
            return date.fromordinal(day.toordinal() + noise % 31 - 15).isoformat()
        except (ValueError, OverflowError):
            return HIDDEN
    if kind == SensitiveKind.FINANCE:
        try:
            amount = Decimal(value.replace(",", ""))
        except InvalidOperation:
            return HIDDEN
        if not amount.is_finite():
            return HIDDEN
        return str((amount * (1000 + noise % (SPREAD + 1) - SPREAD // 2) / 1000).quantize(Decimal("0.01")))
    return HIDDEN


def pseudonym(kind: str, value: str, key: str) -> str:
    """A name that is the same for the same value and recipient, so that rows can be joined; two recipients cannot.

    Keyed, so that nobody without the platform's key can try all values (SM3 alone would fall to the 10^17 identity
    numbers); who holds the key can trace it (可追溯).
    """
    return f"{kind}-{lasting_mac(f'{key}{chr(0)}{kind}{chr(0)}{value}'.encode(), PSEUDONYM)[:24]}"


def replaced(kind: str, value: str, key: str) -> str:
    return HIDDEN


_BY_METHOD: dict[str, Callable[[str, str, str], str]] = {
    Method.PLAIN: lambda kind, value, key: value,
    Method.MASK: lambda kind, value, key: masked(kind, value),
    Method.GENERALISE: lambda kind, value, key: generalised(kind, value),
    Method.PERTURB: perturbed,
    Method.PSEUDONYM: pseudonym,
    Method.REPLACE: replaced,
}


def apply(kind: str, method: str, value: object, key: str = "") -> str | None:
    """A value as it leaves: None stays None, an empty text stays empty. `key` names the recipient.

    Raises Invalid for a method that does not exist: nothing leaves by a typing error.
    """
    if value is None:
        return None
    text = str(value).strip()
    if method not in _BY_METHOD:
        raise Invalid(f"没有名为“{method}”的脱敏方式。", errors={"method": [f"只能是：{'、'.join(Method.values)}"]})
    return _BY_METHOD[method](kind, text, key) if text else text
