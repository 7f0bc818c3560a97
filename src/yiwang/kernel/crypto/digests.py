"""SM3 (GB/T 32905-2016) and HMAC-SM3."""

import hashlib
import hmac

from yiwang.kernel.crypto import keys
from yiwang.kernel.crypto.terms import CryptoProblem


def sm3(data: bytes) -> str:
    return hashlib.new("sm3", data).hexdigest()


def mac(data: bytes, purpose: str = "mac") -> str:
    """A keyed digest that only this site can make."""
    return hmac.digest(keys.current(purpose), data, "sm3").hex()


def macs(data: bytes, purpose: str = "mac") -> list[str]:
    """The digest under every key in use, the current first: to look for what was made before the last renewal."""
    return [hmac.digest(key, data, "sm3").hex() for key in keys.all_keys(purpose)]


def lasting_mac(data: bytes, purpose: str) -> str:
    """A digest that stays the same when the site's secret is renewed; `purpose` is declared lasting."""
    _declared(purpose)
    kept = keys.kept(purpose)
    if kept and not kept[0]:
        raise CryptoProblem("留存的派生密钥无法打开，未计算；请把旧密钥列入备用密钥，换密钥完成后再移除。")
    key = kept[0] if kept else keys.current(purpose)
    return hmac.digest(key, data, "sm3").hex()


def mac_matches(data: bytes, value: str, purpose: str) -> bool:
    """True if `value` was made with the current or an earlier key of a lasting purpose; constant time per key."""
    _declared(purpose)
    return any(
        hmac.compare_digest(hmac.digest(key, data, "sm3").hex().encode(), value.encode())
        for made in (keys.all_keys, keys.kept)
        for key in made(purpose)
        if key
    )


def _declared(purpose: str) -> None:
    if not keys.is_lasting(purpose):
        raise LookupError(f"{purpose} is not declared lasting: its digests would not survive a renewal of the secret")
