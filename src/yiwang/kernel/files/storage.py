"""The file store: VAR/files/ab/cd/<digest>, sealed ones with `.sm4`. A content is complete before any row points to it."""

import hashlib
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, BinaryIO

from django.conf import settings

from yiwang.kernel.files import sealed

# Written to the disk as it comes, so that little is left to wait for at the end.
BLOCK, SYNC_BYTES = 1 << 20, 64 << 20


def root() -> Path:
    return Path(settings.VAR) / "files"


sealed.keep_below("files", root)


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
    with copied(stream) as (found, temporary):
        if found != digest:
            raise ValueError(f"content {found} is not {digest}")
        place(temporary, digest)
    return target


@contextmanager
def copied(stream: BinaryIO) -> Iterator[tuple[str, Path]]:
    """(digest, a durable copy in the store, not yet under its name): read once, written while the digest is reckoned."""
    folder = root() / "00" / "00"
    folder.mkdir(parents=True, exist_ok=True)
    stream.seek(0)
    hasher, unsaved = hashlib.new("sm3"), 0
    with NamedTemporaryFile(dir=folder, prefix=".new-", delete=False) as temporary:
        try:
            with ThreadPoolExecutor(1) as pool:
                while block := stream.read(BLOCK):
                    unsaved += len(block)
                    beside = pool.submit(_save, temporary, block, unsaved >= SYNC_BYTES)
                    hasher.update(block)
                    beside.result()
                    unsaved %= SYNC_BYTES
                pool.submit(_save, temporary, b"", True).result()
            os.chmod(temporary.name, 0o440)
            yield hasher.hexdigest(), Path(temporary.name)
        finally:
            Path(temporary.name).unlink(missing_ok=True)


def _save(target: IO[bytes], block: bytes, durably: bool) -> None:
    target.write(block)
    if durably:
        target.flush()
        os.fsync(target.fileno())


def place(copy: Path, digest: str) -> None:
    """Give a durable copy its name; a content that is there already stays."""
    target = path_of(digest)
    if target.exists():
        os.utime(target)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    copy.replace(target)
    for directory in (target.parent, target.parent.parent, root()):
        sealed.sync(directory)


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
