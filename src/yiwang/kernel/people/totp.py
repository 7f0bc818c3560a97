"""Time-based one-time passwords (RFC 6238 over RFC 4226), HMAC-SHA-1 as every authenticator app expects."""

import base64
import hmac
import secrets
import struct
from urllib.parse import quote, urlencode

PERIOD, DIGITS, DRIFT = 30, 6, 1


def new_secret() -> str:
    return base64.b32encode(secrets.token_bytes(20)).decode()


def code(secret: str, step: int) -> str:
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def matching_step(secret: str, given: str, now: float, last_step: int) -> int | None:
    """The step the code belongs to, one step of clock drift either way; a step used before never matches again."""
    current = int(now // PERIOD)
    window = range(current - DRIFT, current + DRIFT + 1)
    matches = [step for step in window if hmac.compare_digest(code(secret, step).encode(), given.encode())]
    return next((step for step in matches if step > last_step), None)


def address(secret: str, username: str, issuer: str) -> str:
    """The otpauth address an authenticator app scans."""
    parameters = urlencode({"secret": secret, "issuer": issuer, "digits": DIGITS, "period": PERIOD}, quote_via=quote)
    return f"otpauth://totp/{quote(f'{issuer}:{username}')}?{parameters}"
