"""The file store: VAR/files/ab/cd/<digest>. A content is complete and durable before any row points to it."""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO

from django.conf import settings

BLOCK = 1 << 20


def root() -> Path:
    return Path(settings.VAR) / "files"


def path_of(digest: str) -> Path:
    return root() / digest[:2] / digest[2:4] / digest


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def digest_of(stream: BinaryIO) -> str:
    stream.seek(0)
    hasher = hashlib.new("sm3")
    while block := stream.read(BLOCK):
        hasher.update(block)
    return hasher.hexdigest()


def write(stream: BinaryIO, digest: str) -> Path:
    """Put the content in place, durably: a new name appears only after its bytes are on the disk."""
    target = path_of(digest)
    if target.exists():
        os.utime(target)  # young again, so that the orphan collector passes by
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    stream.seek(0)
    with NamedTemporaryFile(dir=target.parent, prefix=".new-", delete=False) as temporary:
        try:
            while block := stream.read(BLOCK):
                temporary.write(block)
            temporary.flush()
            os.fsync(temporary.fileno())
            os.chmod(temporary.name, 0o440)
            os.replace(temporary.name, target)
        except OSError:
            Path(temporary.name).unlink(missing_ok=True)
            raise
    for directory in (target.parent, target.parent.parent, root()):
        _sync_directory(directory)
    return target


def open_content(digest: str) -> BinaryIO:
    return path_of(digest).open("rb")


def older_than(seconds: float) -> Iterator[Path]:
    """Contents and unfinished writes nobody touched for so long."""
    limit = time.time() - seconds
    for path in root().glob("??/??/*"):
        with suppress(FileNotFoundError):  # another collector was first
            if path.stat().st_mtime < limit:
                yield path
