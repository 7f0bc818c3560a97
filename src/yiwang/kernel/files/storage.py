"""The file store: VAR/files/ab/cd/<digest>, sealed ones with `.sm4`. A content is complete before any row points to it."""

import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, BinaryIO

from django.conf import settings

from yiwang.kernel.files import sealed

# Written to the disk as it comes, so that little is left to wait for at the end; what waits for the disk is as much at most.
BLOCK, SYNC_BYTES = 1 << 20, 64 << 20


@dataclass(frozen=True)
class Taken:
    """A content, read once: its digest (SM3), its SHA-256 where asked for, and its copy, not yet under its name; without
    one, it is still to be written."""

    digest: str
    sha256: str
    copy: Path | None


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
    with copied(stream) as taken:
        if taken.digest != digest or taken.copy is None:
            raise ValueError(f"content {taken.digest} is not {digest}")
        place(taken.copy, digest)
    return target


class _Beside:
    """Work on the blocks in their order, on a thread, some blocks behind whoever hands them over."""

    def __init__(self, pool: ThreadPoolExecutor, work: Callable[[bytes], None]) -> None:
        self.pool, self.work, self.waiting = pool, work, deque[Future[None]]()

    def take(self, block: bytes) -> None:
        while len(self.waiting) * BLOCK >= SYNC_BYTES:
            self.waiting.popleft().result()
        self.waiting.append(self.pool.submit(self.work, block))

    def end(self) -> None:
        while self.waiting:
            self.waiting.popleft().result()


def _read(stream: BinaryIO, *, sha256: bool, target: IO[bytes] | None) -> tuple[str, str]:
    """(SM3, SHA-256 or ""), reckoned while the content is written: the slow one here, the others on threads."""
    stream.seek(0)
    sm3, sha = hashlib.new("sm3"), hashlib.sha256()
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        beside = [_Beside(first, _saver(target))] if target is not None else []
        beside += [_Beside(second, sha.update)] if sha256 else []
        while block := stream.read(BLOCK):
            for each in beside:
                each.take(block)
            sm3.update(block)
        for each in beside:
            each.end()
    return sm3.hexdigest(), sha.hexdigest() if sha256 else ""


def digests(stream: BinaryIO) -> Taken:
    """SM3 and SHA-256 of a content that is not copied."""
    return Taken(*_read(stream, sha256=True, target=None), None)


@contextmanager
def copied(stream: BinaryIO, *, sha256: bool = False) -> Iterator[Taken]:
    """A durable copy in the store for as long as this lasts, or for good once it is placed."""
    folder = root() / "00" / "00"
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder, prefix=".new-", delete=False) as temporary:
        try:
            found = _read(stream, sha256=sha256, target=temporary)
            _sync(temporary)
            os.chmod(temporary.name, 0o440)
            yield Taken(*found, Path(temporary.name))
        finally:
            Path(temporary.name).unlink(missing_ok=True)


def _saver(target: IO[bytes]) -> Callable[[bytes], None]:
    unsaved = 0

    def save(block: bytes) -> None:
        nonlocal unsaved
        target.write(block)
        unsaved += len(block)
        if unsaved >= SYNC_BYTES:
            _sync(target)
            unsaved = 0

    return save


def _sync(target: IO[bytes]) -> None:
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
