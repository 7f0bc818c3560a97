"""Keys derived per purpose from the site's secret, so that one leaked use does not open another.

`SECRET_KEY` makes new values; `SECRET_KEY_FALLBACKS` (Django's own setting) still reads the old ones, which is
how a key is rotated: put the old key there, restart, and re-encrypt at leisure.
"""

import hashlib
import hmac
import importlib
from collections.abc import Sequence
from functools import lru_cache

_given: list[str] = []


def use(secrets: Sequence[str]) -> None:
    """The site's secrets, newest first, in a process that runs without Django (the sharing gateway)."""
    _given[:] = secrets


def _secrets() -> Sequence[str]:
    if _given:
        return _given
    # Looked up at the call: a process without Django never loads it, and a test's overridden settings count.
    settings = importlib.import_module("django.conf").settings
    return (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


@lru_cache(maxsize=64)
def _derive(secret: str, purpose: str) -> bytes:
    """HKDF (RFC 5869) with SM3: extract with a fixed salt, expand one block for the purpose."""
    extracted = hmac.digest(b"yiwang/hkdf-sm3", secret.encode(), "sm3")
    return hmac.digest(extracted, purpose.encode() + b"\x01", "sm3")


def current(purpose: str) -> bytes:
    return _derive(_secrets()[0], purpose)


def all_keys(purpose: str) -> list[bytes]:
    """The current key first, then the keys being phased out."""
    return [_derive(secret, purpose) for secret in _secrets()]


def identifier(key: bytes) -> str:
    """A public name of a key, so that a token says which key reads it."""
    return hashlib.new("sm3", b"key-id" + key).hexdigest()[:8]
