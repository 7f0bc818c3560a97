"""SM2 signatures (GB/T 32918.2, GM/T 0009) behind one interface.

The production signer is an adapter to the city's seal service or cryptographic machine; `LocalSigner` holds a soft
key and says so: what it signs is for trials and tests and has no legal force (电子签名法 13).
"""

from typing import Protocol

from yiwang.kernel.crypto import curve, libcrypto
from yiwang.kernel.crypto.terms import CryptoProblem

DEFAULT_SIGNER = b"1234567812345678"  # GM/T 0009-2012 §10
_ALGORITHM = bytes.fromhex("301306072a8648ce3d020106082a811ccf5501822d")
_PUBLIC_HEAD = bytes.fromhex("3059") + _ALGORITHM + bytes.fromhex("034200")
_PRIVATE_HEAD = bytes.fromhex("308187020100") + _ALGORITHM + bytes.fromhex("046d306b0201010420")
_PRIVATE_MIDDLE = bytes.fromhex("a144034200")


class Signer(Protocol):
    """`test_key` true means: show on every page and document that the seal is a trial one."""

    label: str
    test_key: bool

    def public_key(self) -> str: ...

    def sign(self, data: bytes) -> bytes: ...


def _point(public: str) -> tuple[int, int]:
    """The 65-byte uncompressed point (04‖x‖y) in hexadecimal, or without its 04."""
    try:
        raw = bytes.fromhex(public)
    except ValueError as error:
        raise CryptoProblem("SM2 公钥不是十六进制，请核对。") from error
    if len(raw) == 65 and raw[0] == 4:
        raw = raw[1:]
    if len(raw) != 64:
        raise CryptoProblem("SM2 公钥长度不对（应为 64 字节，或以 04 开头的 65 字节），请核对。")
    x, y = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    if not curve.on_curve(x, y):
        raise CryptoProblem("SM2 公钥不是曲线上的点，请核对。")
    return x, y


def _der_integer(body: bytes) -> tuple[int, bytes] | None:
    """One DER INTEGER and the rest; None unless it is the shortest non-negative form."""
    if len(body) < 3 or body[0] != 2 or not 0 < body[1] <= 33 or len(body) < 2 + body[1]:
        return None
    digits, rest = body[2 : 2 + body[1]], body[2 + body[1] :]
    if digits[0] & 0x80 or (digits[0] == 0 and len(digits) > 1 and not digits[1] & 0x80):
        return None
    return int.from_bytes(digits, "big"), rest


def parse_signature(signature: bytes) -> tuple[int, int] | None:
    """(r, s) of strict DER, or of the bare 64 bytes some devices give."""
    if len(signature) == 64:
        return int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if len(signature) < 8 or signature[0] != 0x30 or signature[1] != len(signature) - 2:
        return None
    first = _der_integer(signature[2:])
    second = _der_integer(first[1]) if first else None
    return (first[0], second[0]) if first and second and not second[1] else None


def encode_signature(r: int, s: int) -> bytes:
    body = b""
    for number in (r, s):
        digits = number.to_bytes(number.bit_length() // 8 + 1, "big")
        body += bytes([2, len(digits)]) + digits
    return bytes([0x30, len(body)]) + body


def verify(public: str, signature: bytes, data: bytes, signer: bytes = DEFAULT_SIGNER) -> bool:
    """True only for a well-formed, right signature; a malformed key is a CryptoProblem, not a no."""
    x, y = _point(public)
    parts = parse_signature(signature)
    if parts is None:
        return False
    if libcrypto.library() is None:
        return curve.verify(x, y, *parts, data, signer)
    der = _PUBLIC_HEAD + b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")
    return libcrypto.verify(der, encode_signature(*parts), data, signer)


class LocalSigner:
    """A soft key in this process."""

    test_key = True

    def __init__(self, secret: str, public: str, label: str = "本机") -> None:
        """`secret` is d, 32 bytes; both in hexadecimal."""
        x, y = _point(public)
        if len(secret) != 64 or not 0 < int(secret, 16) < curve.N - 1:
            raise CryptoProblem("SM2 私钥应为 32 字节十六进制，请核对。")
        self.label = f"{label}（测试密钥，无法律效力）"
        self._public = f"04{x:064x}{y:064x}"
        self._der = _PRIVATE_HEAD + bytes.fromhex(secret) + _PRIVATE_MIDDLE + bytes.fromhex(self._public)

    @classmethod
    def generate(cls, label: str = "本机") -> "LocalSigner":
        secret, public = new_key()
        return cls(secret, public, label)

    def public_key(self) -> str:
        return self._public

    def sign(self, data: bytes, signer: bytes = DEFAULT_SIGNER) -> bytes:
        signature = libcrypto.sign(self._der, data, signer)
        if not verify(self._public, signature, data, signer):
            raise CryptoProblem("SM2 私钥与公钥不成对，签名未给出；请核对密钥。")
        return signature


def new_key() -> tuple[str, str]:
    """(secret, public) of a new soft key, in hexadecimal."""
    der = libcrypto.generate()
    start = der.index(bytes.fromhex("0201010420")) + 5
    point = der.index(bytes.fromhex("034200"), start) + 3
    return der[start : start + 32].hex(), der[point : point + 65].hex()
