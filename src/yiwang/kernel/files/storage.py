"""The file store: VAR/files/ab/cd/<digest>, sealed ones with `.sm4`. A content is complete before any row points to it."""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO

from django.conf import settings

from yiwang.kernel.files import sealed

BLOCK = 1 << 20


def root() -> Path:
    return Path(settings.VAR) / "files"


def path_of(digest: str) -> Path:
    return root() / digest[:2] / digest[2:4] / digest


def digest_of(stream: BinaryIO) -> str:
    if stream.seekable():
        stream.seek(0)
    hasher = hashlib.new("sm3")
    while block := stream.read(BLOCK):
        hasher.update(block)
    return hasher.hexdigest()


def lies_at(digest: str, *, sealing: bool) -> Path:
    """The file itself; the same content may lie there in both forms, for different owners."""
    return sealed.at(path_of(digest)) if sealing else path_of(digest)


def write(stream: BinaryIO, digest: str, *, sealing: bool = False) -> Path:
    """Put the content in place, durably: a new name appears only after its bytes are on the disk."""
    target = lies_at(digest, sealing=sealing)
    if target.exists():
        os.utime(target)  # young again, so that the orphan collector passes by
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    stream.seek(0)
    if sealing:
        sealed.keep(stream, path_of(digest))
        return target
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
        sealed.sync(directory)
    return target


def open_content(digest: str, *, sealing: bool = False) -> BinaryIO:
    """The plain bytes; of a sealed content forward only."""
    return sealed.opened(lies_at(digest, sealing=True)) if sealing else path_of(digest).open("rb")


def older_than(seconds: float) -> Iterator[Path]:
    """Contents, in either form, and unfinished writes nobody touched for so long."""
    limit = time.time() - seconds
    for path in root().glob("??/??/*"):
        with suppress(FileNotFoundError):  # another collector was first
            if path.stat().st_mtime < limit:
                yield path
