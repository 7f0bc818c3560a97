"""SM4 (GB/T 32907-2016) authenticated encryption of short texts in versioned tokens.

A token is `sm4g1.<key id>.<base64url(nonce ‖ ciphertext ‖ tag)>` (GCM) or `sm4c1…` (CTR, then HMAC-SM3), the second
for OpenSSL builds without SM4-GCM. Version, key id and the caller's context are authenticated: a token copied to
another field or row does not decrypt there.
"""

import base64
import binascii
import hmac
import secrets
from functools import cache

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from yiwang.kernel.crypto import keys
from yiwang.kernel.crypto.terms import CryptoProblem

NONCE, TAG, MAC = 12, 16, 32


def _header(version: str, key: bytes, context: str) -> bytes:
    return f"{version}.{keys.identifier(key)}.{context}".encode()


def _gcm_seal(key: bytes, plain: bytes, header: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE)
    encryptor = Cipher(algorithms.SM4(key[:16]), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(header)
    return nonce + encryptor.update(plain) + encryptor.finalize() + encryptor.tag


def _gcm_open(key: bytes, body: bytes, header: bytes) -> bytes:
    nonce, sealed, tag = body[:NONCE], body[NONCE:-TAG], body[-TAG:]
    decryptor = Cipher(algorithms.SM4(key[:16]), modes.GCM(nonce, tag)).decryptor()
    decryptor.authenticate_additional_data(header)
    return decryptor.update(sealed) + decryptor.finalize()


def _ctr(key: bytes, nonce: bytes, data: bytes) -> bytes:
    encryptor = Cipher(algorithms.SM4(key[:16]), modes.CTR(nonce)).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def _ctr_tag(key: bytes, sealed: bytes, header: bytes) -> bytes:
    return hmac.digest(key[16:], len(header).to_bytes(4, "big") + header + sealed, "sm3")


def _ctr_seal(key: bytes, plain: bytes, header: bytes) -> bytes:
    nonce = secrets.token_bytes(16)
    sealed = nonce + _ctr(key, nonce, plain)
    return sealed + _ctr_tag(key, sealed, header)


def _ctr_open(key: bytes, body: bytes, header: bytes) -> bytes:
    sealed, tag = body[:-MAC], body[-MAC:]
    if not hmac.compare_digest(tag, _ctr_tag(key, sealed, header)):
        raise InvalidTag
    return _ctr(key, sealed[:16], sealed[16:])


VERSIONS = {"sm4g1": (_gcm_seal, _gcm_open, NONCE + TAG), "sm4c1": (_ctr_seal, _ctr_open, 16 + MAC)}


@cache
def best_version() -> str:
    """GCM where the library has it, else CTR with HMAC; no SM4 at all is refused in words."""
    for version, (seal, _, _) in VERSIONS.items():
        try:
            seal(bytes(32), b"probe", b"")
        except UnsupportedAlgorithm:
            continue
        return version
    raise CryptoProblem("本机密码库不支持 SM4，无法加密存储；请更换带国密算法的 OpenSSL 或 cryptography 版本。")


def encrypt(text: str, context: str = "") -> str:
    """A token of `text`; `context` (for example a table and field) must be given again to decrypt."""
    version, key = best_version(), keys.current("encrypt")
    body = VERSIONS[version][0](key, text.encode(), _header(version, key, context))
    return f"{version}.{keys.identifier(key)}.{base64.urlsafe_b64encode(body).decode().rstrip('=')}"


def decrypt(token: str, context: str = "") -> str:
    version, _, rest = token.partition(".")
    name, _, encoded = rest.partition(".")
    if version not in VERSIONS:
        raise CryptoProblem("密文格式无法识别，未解密；请核对数据来源。")
    key = next((key for key in keys.all_keys("encrypt") if keys.identifier(key) == name), None)
    if key is None:
        raise CryptoProblem("密文所用密钥已不在配置中，未解密；请把旧密钥列入备用密钥后重试。")
    try:
        body = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise CryptoProblem("密文已损坏，未解密。") from error
    _, opener, shortest = VERSIONS[version]
    if len(body) < shortest:
        raise CryptoProblem("密文不完整，未解密。")
    try:
        return opener(key, body, _header(version, key, context)).decode()
    except InvalidTag as error:
        raise CryptoProblem("密文校验不通过：内容被改动，或不属于此处，未解密。") from error
