"""SM4-GCM (GB/T 32907-2016, RFC 8998) encryption of short texts in versioned tokens.

A token is `sm4g1.<key id>.<base64url(nonce ‖ ciphertext ‖ tag)>`. Version, key id and the caller's context are
authenticated: a token copied to another field or row does not decrypt there.
"""

import base64
import binascii
import secrets

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import (
    AEADDecryptionContext,
    AEADEncryptionContext,
    Cipher,
    algorithms,
    modes,
)

from yiwang.kernel.crypto import keys
from yiwang.kernel.crypto.terms import CryptoProblem

VERSION, NONCE, TAG = "sm4g1", 12, 16


def _header(key: bytes, context: str) -> bytes:
    return f"{VERSION}.{keys.identifier(key)}.{context}".encode()


def seal(key: bytes, plain: bytes, header: bytes, nonce: bytes = b"") -> bytes:
    """nonce ‖ ciphertext ‖ tag. A `nonce` of the caller's must never come twice with another text."""
    nonce = nonce or secrets.token_bytes(NONCE)
    try:
        encryptor: AEADEncryptionContext = Cipher(algorithms.SM4(key[:16]), modes.GCM(nonce)).encryptor()
    except UnsupportedAlgorithm as error:
        raise CryptoProblem("本机密码库不支持 SM4-GCM，无法加密存储；请换用官方发布的 cryptography 轮子。") from error
    encryptor.authenticate_additional_data(header)
    return nonce + encryptor.update(plain) + encryptor.finalize() + encryptor.tag


def unseal(key: bytes, body: bytes, header: bytes) -> bytes:
    mode = modes.GCM(body[:NONCE], body[-TAG:])
    decryptor: AEADDecryptionContext = Cipher(algorithms.SM4(key[:16]), mode).decryptor()
    decryptor.authenticate_additional_data(header)
    return decryptor.update(body[NONCE:-TAG]) + decryptor.finalize()


def encrypt(text: str, context: str = "") -> str:
    """A token of `text`; `context` (for example a table and field) must be given again to decrypt."""
    key = keys.current("encrypt")
    body = seal(key, text.encode(), _header(key, context))
    return f"{VERSION}.{keys.identifier(key)}.{base64.urlsafe_b64encode(body).decode().rstrip('=')}"


def decrypt(token: str, context: str = "") -> str:
    version, _, rest = token.partition(".")
    name, _, encoded = rest.partition(".")
    if version != VERSION:
        raise CryptoProblem("密文格式无法识别，未解密；请核对数据来源。")
    key = next((key for key in keys.all_keys("encrypt") if keys.identifier(key) == name), None)
    if key is None:
        raise CryptoProblem("密文所用密钥已不在配置中，未解密；请把旧密钥列入备用密钥后重试。")
    try:
        body = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise CryptoProblem("密文已损坏，未解密。") from error
    if len(body) < NONCE + TAG:
        raise CryptoProblem("密文不完整，未解密。")
    try:
        return unseal(key, body, _header(key, context)).decode()
    except InvalidTag as error:
        raise CryptoProblem("密文校验不通过：内容被改动，或不属于此处，未解密。") from error
