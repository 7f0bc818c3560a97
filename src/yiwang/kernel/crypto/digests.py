"""SM3 (GB/T 32905-2016) and HMAC-SM3."""

import hashlib
import hmac

from yiwang.kernel.crypto import keys


def sm3(data: bytes) -> str:
    return hashlib.new("sm3", data).hexdigest()


def mac(data: bytes, purpose: str = "mac") -> str:
    """A keyed digest that only this site can make."""
    return hmac.digest(keys.current(purpose), data, "sm3").hex()


def mac_matches(data: bytes, value: str, purpose: str = "mac") -> bool:
    """True if `value` was made with the current or a phased-out key; constant time per key."""
    return any(
        hmac.compare_digest(hmac.digest(key, data, "sm3").hex().encode(), value.encode())
        for key in keys.all_keys(purpose)
    )
