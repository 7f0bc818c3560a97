"""A thin binding of the system's libcrypto (OpenSSL 3) for SM2, which `cryptography` does not have.

Keys cross as DER (PKCS #8 and SubjectPublicKeyInfo of the one SM2 curve), signatures as DER of (r, s).
"""

import ctypes
import ctypes.util
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from yiwang.kernel.crypto.terms import CryptoProblem

NAMES = ("libcrypto.so.3", "libcrypto.3.dylib")
POINTERS = ("EVP_PKEY_CTX_new_from_name", "EVP_MD_CTX_new", "EVP_PKEY_CTX_new", "EVP_sm3", "d2i_AutoPrivateKey",
            "d2i_PUBKEY", "OpenSSL_version")  # fmt: skip
FREE = ("EVP_PKEY_free", "EVP_MD_CTX_free", "EVP_PKEY_CTX_free", "ERR_clear_error")


@cache
def library() -> ctypes.CDLL | None:
    """The library if it is there and knows SM2; else None."""
    found = ctypes.util.find_library("crypto")
    for name in (*NAMES, *([found] if found else [])):
        try:
            loaded = ctypes.CDLL(name)
            for function in POINTERS:
                getattr(loaded, function).restype = ctypes.c_void_p
            for function in FREE:
                getattr(loaded, function).restype = None
        except (OSError, AttributeError):
            continue
        context = loaded.EVP_PKEY_CTX_new_from_name(None, b"SM2", None)
        if context:
            loaded.EVP_PKEY_CTX_free(ctypes.c_void_p(context))
            return loaded
        loaded.ERR_clear_error()
    return None


def _required() -> ctypes.CDLL:
    found = library()
    if found is None:
        raise CryptoProblem("本机没有支持 SM2 的 OpenSSL 3（libcrypto），不能签名；请安装，或改用签章服务／密码机。")
    return found


def _ok(lib: ctypes.CDLL, result: int | None, step: str) -> int:
    if not result or result < 0:
        lib.ERR_clear_error()
        raise CryptoProblem(f"SM2 运算失败（{step}）；请核对密钥。")
    return result


@contextmanager
def _key(lib: ctypes.CDLL, der: bytes, *, private: bool) -> Iterator[ctypes.c_void_p]:
    buffer = ctypes.c_char_p(der)
    read = lib.d2i_AutoPrivateKey if private else lib.d2i_PUBKEY
    pointer = read(None, ctypes.byref(buffer), ctypes.c_long(len(der)))
    key = ctypes.c_void_p(_ok(lib, pointer, "读取密钥"))
    try:
        yield key
    finally:
        lib.EVP_PKEY_free(key)


@contextmanager
def _contexts(
    lib: ctypes.CDLL, key: ctypes.c_void_p, signer: bytes
) -> Iterator[tuple[ctypes.c_void_p, ctypes.c_void_p]]:
    """A digest context bound to a key context that carries the signer's identity (ZA)."""
    digest = ctypes.c_void_p(lib.EVP_MD_CTX_new())
    context = ctypes.c_void_p(lib.EVP_PKEY_CTX_new(key, None))
    try:
        size = ctypes.c_int(len(signer))
        _ok(lib, lib.EVP_PKEY_CTX_set1_id(context, ctypes.c_char_p(signer), size), "设置签名者标识")
        lib.EVP_MD_CTX_set_pkey_ctx(digest, context)
        yield digest, ctypes.c_void_p(lib.EVP_sm3())
    finally:
        lib.EVP_MD_CTX_free(digest)
        lib.EVP_PKEY_CTX_free(context)


def sign(private_der: bytes, data: bytes, signer: bytes) -> bytes:
    lib = _required()
    with _key(lib, private_der, private=True) as key, _contexts(lib, key, signer) as (digest, sm3):
        _ok(lib, lib.EVP_DigestSignInit(digest, None, sm3, None, key), "准备签名")
        size = ctypes.c_size_t(128)
        signature = ctypes.create_string_buffer(size.value)
        length = ctypes.c_size_t(len(data))
        _ok(lib, lib.EVP_DigestSign(digest, signature, ctypes.byref(size), data, length), "签名")
        return signature.raw[: size.value]


def verify(public_der: bytes, signature: bytes, data: bytes, signer: bytes) -> bool:
    lib = _required()
    with _key(lib, public_der, private=False) as key, _contexts(lib, key, signer) as (digest, sm3):
        _ok(lib, lib.EVP_DigestVerifyInit(digest, None, sm3, None, key), "准备验签")
        lengths = ctypes.c_size_t(len(signature)), ctypes.c_size_t(len(data))
        good: int = lib.EVP_DigestVerify(digest, signature, lengths[0], data, lengths[1])
        lib.ERR_clear_error()
        return good == 1


def generate() -> bytes:
    """A new private key as DER."""
    lib = _required()
    context = ctypes.c_void_p(lib.EVP_PKEY_CTX_new_from_name(None, b"SM2", None))
    key, out = ctypes.c_void_p(), ctypes.c_void_p()
    try:
        _ok(lib, lib.EVP_PKEY_keygen_init(context), "准备生成密钥")
        _ok(lib, lib.EVP_PKEY_generate(context, ctypes.byref(key)), "生成密钥")
        size = _ok(lib, lib.i2d_PrivateKey(key, ctypes.byref(out)), "输出密钥")
        return ctypes.string_at(out, size)
    finally:
        if out:
            lib.CRYPTO_free(out, None, 0)
        lib.EVP_PKEY_free(key)
        lib.EVP_PKEY_CTX_free(context)
