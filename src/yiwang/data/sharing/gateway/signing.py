"""How a call is signed: HMAC-SM3 (GB/T 32905-2016, GB/T 15852.2-2024) over what is sent, when and once.

    text = "YIWANG-SM3-1\\n" + METHOD + "\\n" + path + "\\n" + query + "\\n" + sm3(body) + "\\n" + timestamp + "\\n" + nonce
    signature = hex(HMAC-SM3(secret, text))

`path` and `query` are the bytes on the wire, without "?"; `timestamp` is Unix seconds; `nonce` is never used twice.
"""

import hashlib
import hmac
import re

VERSION = "YIWANG-SM3-1"
KEY, TIMESTAMP, NONCE, SIGNATURE = "x-yiwang-key", "x-yiwang-timestamp", "x-yiwang-nonce", "x-yiwang-signature"
HEADERS = (KEY, TIMESTAMP, NONCE, SIGNATURE)
# Seconds that the clocks of caller and gateway may differ; a nonce is kept for twice as long.
SKEW = 300
NONCE_SHAPE = re.compile(r"[A-Za-z0-9_-]{16,64}")
KEY_SHAPE = re.compile(r"yw[ts]_[a-z0-9]{20}")
SIGNATURE_SHAPE = re.compile(r"[0-9a-f]{64}")
TIMESTAMP_SHAPE = re.compile(r"[0-9]{10}")
EMPTY_BODY = hashlib.new("sm3", b"").hexdigest()


def body_digest(body: bytes) -> str:
    return hashlib.new("sm3", body).hexdigest() if body else EMPTY_BODY


def text_to_sign(method: str, path: bytes, query: bytes, digest: str, timestamp: str, nonce: str) -> bytes:
    head = f"{VERSION}\n{method}\n".encode()
    return head + path + b"\n" + query + f"\n{digest}\n{timestamp}\n{nonce}".encode()


def sign(secret: bytes, text: bytes) -> str:
    return hmac.digest(secret, text, "sm3").hex()


def matches(secret: bytes, text: bytes, signature: str) -> bool:
    return hmac.compare_digest(sign(secret, text), signature)
