"""3 级以上数据的文件：SM4-GCM 分块加密落盘。

格式：一行 JSON 头（版本、密钥号、块长、文件密钥的密文），随后每块 `4 字节长度 ‖ nonce ‖ 密文 ‖ 标签`。每个文件一把随机密钥，由平台密钥包裹：
换平台密钥只须重写头部；每块认证文件号、块号和是否末块，截断、换位、换文件都读不出。
"""

import json
import secrets
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag

from yiwang.kernel.crypto import CryptoProblem, decrypt, encrypt
from yiwang.kernel.crypto.ciphers import NONCE, TAG, seal, unseal

MAGIC, CHUNK, LONGEST_HEAD = "YWSM4-1", 1 << 20, 4096
CONTEXT = "protection.sealed_file"


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


def _key(source: BinaryIO, name: str) -> bytes:
    try:
        head = json.loads(source.readline(LONGEST_HEAD))
        wrapped = str(head["key"]) if head["format"] == MAGIC else ""
    except (ValueError, KeyError, TypeError) as error:
        raise CryptoProblem("不是本平台的加密文件，未解密。") from error
    return bytes.fromhex(decrypt(wrapped, f"{CONTEXT}:{name}"))


def rewrap(source: BinaryIO, target: BinaryIO, name: str) -> None:
    """Rotation: the same content under the platform's current key; the blocks are copied, not decrypted."""
    key = _key(source, name)
    head = {"format": MAGIC, "chunk": CHUNK, "key": encrypt(key.hex(), f"{CONTEXT}:{name}")}
    target.write(json.dumps(head).encode() + b"\n")
    while block := source.read(CHUNK):
        target.write(block)
