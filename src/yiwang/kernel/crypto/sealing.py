"""Files sealed at rest: SM4-GCM in blocks.

One line of JSON (format, block size, the file's key sealed by the platform's), then blocks of
`length (4 bytes) ‖ nonce ‖ ciphertext ‖ tag`. Every file has a random key of its own, so that a new platform key only
rewrites the first line; every block authenticates the file's name, its number and whether it is the last: what was cut
off, moved or put in another's place does not open.
"""

import json
import secrets
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag

from yiwang.kernel.crypto import keys
from yiwang.kernel.crypto.ciphers import NONCE, TAG, decrypt, encrypt, seal, unseal
from yiwang.kernel.crypto.terms import CryptoProblem

MAGIC, CHUNK, LONGEST_HEAD = "YWSM4-1", 1 << 20, 4096
CONTEXT = "crypto.sealed_file"


def _block(name: str, number: int, last: bool) -> bytes:
    return f"{MAGIC}\0{name}\0{number}\0{int(last)}".encode()


def seal_file(source: BinaryIO, target: BinaryIO, name: str) -> int:
    """Encrypt a stream; `name` is what it belongs to (a package, an edition) and must be given again. Bytes read."""
    key = secrets.token_bytes(16)
    head = {"format": MAGIC, "chunk": CHUNK, "key": encrypt(key.hex(), f"{CONTEXT}:{name}")}
    target.write(json.dumps(head).encode() + b"\n")
    total, number, block = 0, 0, source.read(CHUNK)
    while True:
        after = source.read(CHUNK)
        body = seal(key, block, _block(name, number, not after))
        target.write(len(body).to_bytes(4, "big") + body)
        total, number = total + len(block), number + 1
        if not after:
            return total
        block = after


def open_file(source: BinaryIO, name: str) -> Iterator[bytes]:
    """The plain blocks. Raises CryptoProblem at the first that was changed, moved, cut off or belongs elsewhere."""
    key = _key(source, name)
    number, size = 0, source.read(4)
    while True:
        length = int.from_bytes(size, "big")
        body = source.read(length) if len(size) == 4 and NONCE + TAG <= length <= CHUNK + NONCE + TAG else b""
        if len(body) != length or not body:
            raise CryptoProblem("加密文件不完整，未解密。")
        size = source.read(4)
        try:
            yield unseal(key, body, _block(name, number, not size))
        except InvalidTag as error:
            raise CryptoProblem("加密文件校验不通过：内容被改动、截断，或不属于此处，未解密。") from error
        if not size:
            return
        number += 1


def _wrapped(source: BinaryIO) -> str:
    try:
        head = json.loads(source.readline(LONGEST_HEAD))
        return str(head["key"]) if head["format"] == MAGIC else ""
    except (ValueError, KeyError, TypeError) as error:
        raise CryptoProblem("不是本平台的加密文件，未解密。") from error


def _key(source: BinaryIO, name: str) -> bytes:
    return bytes.fromhex(decrypt(_wrapped(source), f"{CONTEXT}:{name}"))


def is_current(source: BinaryIO) -> bool:
    """Whether the platform's current key opens it; False: `rewrap` before the old one is given up."""
    return _wrapped(source).split(".")[1:2] == [keys.identifier(keys.current("encrypt"))]


def rewrap(source: BinaryIO, target: BinaryIO, name: str) -> None:
    """Rotation: the same content under the platform's current key; the blocks are copied, not decrypted."""
    key = _key(source, name)
    head = {"format": MAGIC, "chunk": CHUNK, "key": encrypt(key.hex(), f"{CONTEXT}:{name}")}
    target.write(json.dumps(head).encode() + b"\n")
    while block := source.read(CHUNK):
        target.write(block)
