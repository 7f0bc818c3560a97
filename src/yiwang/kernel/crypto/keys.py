"""Keys derived per purpose from the site's secret, so that one leaked use does not open another.

`SECRET_KEY` makes new values; `SECRET_KEY_FALLBACKS` (Django's own setting) still reads the old ones, which is
how a key is rotated: put the old key there, restart, and re-encrypt at leisure. Digests that nobody can make again
(chains, proofs, one-way codes) are of *lasting* purposes: what is derived for them is kept, sealed, when the secret
itself is given up; it opens nothing.
"""

import hashlib
import hmac
import importlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

Kept = Mapping[str, Sequence[bytes]]
_given: list[str] = []
_lasting: set[str] = set()
_keepers: list[Callable[[], Kept]] = []


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


def lasting(purpose: str) -> str:
    """Declare a purpose whose digests outlive the secret they were made under; returns it."""
    _lasting.add(purpose)
    return purpose


def is_lasting(purpose: str) -> bool:
    return purpose in _lasting


def lasting_purposes() -> list[str]:
    return sorted(_lasting)


def keep_with(keeper: Callable[[], Kept]) -> None:
    """Where the derived keys of lasting purposes are kept, oldest first."""
    _keepers[:] = [keeper]


def kept(purpose: str) -> list[bytes]:
    """The keys kept for a purpose, oldest first."""
    return [key for keeper in _keepers for key in keeper().get(purpose, ())]
