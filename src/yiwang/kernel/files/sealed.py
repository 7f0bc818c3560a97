"""Sealed files on the disk: `<name>.sm4`, opened as a stream or, for an engine, in a private folder for a while.

A sealed file is bound to its folder's and its own name: put elsewhere, it does not open.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, cast

from django.conf import settings

from yiwang.kernel.crypto import sealing
from yiwang.kernel.files import private

SUFFIX = ".sm4"


def at(path: Path) -> Path:
    """Where the sealed form of a file lies."""
    return path.with_name(path.name + SUFFIX)


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name.removesuffix(SUFFIX)}"


def sync(directory: Path) -> None:
    """Make names in a directory durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def keep(content: BinaryIO, path: Path) -> Path:
    """Seal a stream as `at(path)`, durably: the name appears when its bytes are on the disk."""
    target = at(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _replacing(target) as made:
        sealing.seal_file(content, made, _name(target))
    return target


@contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    with NamedTemporaryFile(dir=target.parent, prefix=".new-", delete=False) as temporary:
        try:
            yield cast(BinaryIO, temporary)
            temporary.flush()
            os.fsync(temporary.fileno())
            os.chmod(temporary.name, 0o440)
            os.replace(temporary.name, target)
        except BaseException:
            Path(temporary.name).unlink(missing_ok=True)
            raise
    sync(target.parent)


def take(path: Path) -> None:
    """Seal a plain file in its place and remove the plain one; also when this was cut off before."""
    if path.exists():
        with path.open("rb") as content:
            keep(content, path)
        path.unlink()


class _Opened(io.RawIOBase):
    """The plain bytes of a sealed file, forward only."""

    def __init__(self, path: Path) -> None:
        self.source = path.open("rb")
        self.blocks = sealing.open_file(self.source, _name(path))
        self.rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(cast(bytearray, buffer))
        while not self.rest:
            block = next(self.blocks, None)
            if block is None:
                return 0
            self.rest = memoryview(block)
        size = min(len(target), len(self.rest))
        target[:size], self.rest = self.rest[:size], self.rest[size:]
        return size

    def close(self) -> None:
        self.source.close()
        super().close()


def opened(path: Path) -> BinaryIO:
    """The plain bytes of the sealed file itself, forward only."""
    return cast(BinaryIO, io.BufferedReader(_Opened(path), 1 << 20))


def stream(path: Path) -> BinaryIO:
    """The plain bytes of `path`, whether it lies there sealed or not. Sealed: forward only."""
    return path.open("rb") if path.exists() else opened(at(path))


def opened_root() -> Path:
    return Path(settings.VAR) / "opened"


@contextmanager
def plain(*paths: Path) -> Iterator[list[Path]]:
    """Paths an engine can read for as long as this lasts: the files themselves, or opened in a private folder."""
    with private.folder(opened_root()) as folder:
        found = []
        for number, path in enumerate(paths):
            found.append(path if path.exists() else folder / f"{number}-{path.name}")
            if not path.exists():
                with stream(path) as content, found[-1].open("xb") as target:
                    while block := content.read(sealing.CHUNK):
                        target.write(block)
        yield found


def exists(path: Path) -> bool:
    return path.exists() or at(path).exists()


def remove(path: Path) -> bool:
    """Both forms of a file off the disk; False when there was none."""
    there = exists(path)
    path.unlink(missing_ok=True)
    at(path).unlink(missing_ok=True)
    return there


def renew(root: Path) -> int:
    """Put every sealed file below `root` under the platform's current key; how many needed it."""
    count = 0
    for path in sorted(root.rglob(f"*{SUFFIX}")):
        with path.open("rb") as source:
            if sealing.is_current(source):
                continue
            source.seek(0)
            with _replacing(path) as made:
                sealing.rewrap(source, made, _name(path))
        count += 1
    return count
