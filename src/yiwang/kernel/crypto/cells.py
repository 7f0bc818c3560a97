"""Sealed cells: SM4-GCM with a nonce made from the content (as in SIV, RFC 5297), and keyed digests to find them by.

The same text in the same context gives the same token under one key, so that a copy can be compared with its source;
whoever has no key learns only that. The context names the row: equal values of two rows look different.
"""

import base64
import binascii
import hmac

from cryptography.exceptions import InvalidTag

from yiwang.kernel.crypto import keys
from yiwang.kernel.crypto.ciphers import NONCE, TAG, seal, unseal
from yiwang.kernel.crypto.terms import CryptoProblem

PURPOSES = ("cells", "cells.nonce", "cells.place")


class Cells:
    """Seals and opens under one of the platform's keys, named by its identifier; "" is the current one."""

    def __init__(self, name: str = "") -> None:
        known = {keys.identifier(key): place for place, key in reversed(list(enumerate(keys.all_keys(PURPOSES[0]))))}
        self.name = name or keys.identifier(keys.current(PURPOSES[0]))
        if self.name not in known:
            raise CryptoProblem("密文所用密钥已不在配置中，未解密；请把旧密钥列入备用密钥后重试。")
        self._key, self._nonce, self._place = (keys.all_keys(purpose)[known[self.name]] for purpose in PURPOSES)

    def seal(self, text: str, context: str) -> str:
        plain, about = text.encode(), context.encode()
        made = hmac.digest(self._nonce, len(about).to_bytes(4, "big") + about + plain, "sm3")[:NONCE]
        return base64.b64encode(seal(self._key, plain, about, made)).decode()

    def open(self, token: str, context: str) -> str:
        """Raises CryptoProblem for a token that was changed or belongs to another row."""
        try:
            body = base64.b64decode(token, validate=True)
            if len(body) < NONCE + TAG:
                raise CryptoProblem("密文不完整，未解密。")
            return unseal(self._key, body, context.encode()).decode()
        except (binascii.Error, ValueError, InvalidTag) as error:
            raise CryptoProblem("密文校验不通过：内容被改动，或不属于此处，未解密。") from error

    def place(self, text: str, context: str) -> str:
        """A digest to look a value up by, which nobody can try values against without the key."""
        return hmac.digest(self._place, f"{context}\0{text}".encode(), "sm3").hex()[:40]


def current() -> str:
    """The identifier of the key that new cells are sealed with."""
    return keys.identifier(keys.current(PURPOSES[0]))
