"""Sealed files on the disk: `<name>.sm4`, opened as a stream or, for an engine, in a private folder for a while.

A sealed file is bound to its folder's and its own name: put elsewhere, it does not open. The private folder is in
memory when there is room, else below VAR; one of a killed process goes with the next sweep.
"""

import fcntl
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, cast

from django.conf import settings

from yiwang.kernel.crypto import CryptoProblem, sealing
from yiwang.kernel.files import private

SUFFIX, NEW = ".sm4", ".new-"
# Beside what is opened lies what is made of it, and what an engine puts aside meanwhile.
TIMES, LEAST = 3, 64 << 20
_roots: dict[str, Callable[[], Path]] = {}


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
def held(folder: Path) -> Iterator[None]:
    """While names in a folder change: a file that is removed is not brought back by who is giving it a new key."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _replacing(target: Path, *, alone: bool = False) -> Iterator[BinaryIO]:
    """A new content for a name. `alone`: the caller holds the folder already."""
    with NamedTemporaryFile(dir=target.parent, prefix=NEW, delete=False) as temporary:
        try:
            yield cast(BinaryIO, temporary)
            temporary.flush()
            os.fsync(temporary.fileno())
            os.chmod(temporary.name, 0o440)
            with nullcontext() if alone else held(target.parent):
                os.replace(temporary.name, target)
        except BaseException:
            Path(temporary.name).unlink(missing_ok=True)
            raise
    sync(target.parent)


def move(path: Path, folder: Path) -> None:
    """A plain file of a private folder becomes the sealed one of its name in another."""
    with path.open("rb") as content:
        keep(content, folder / path.name)
    path.unlink()


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
    """Where content lies open when memory has no room for it."""
    return Path(settings.VAR) / "opened"


def opened_roots() -> list[Path]:
    found = private.in_memory(settings.MEMORY, Path(settings.VAR))
    return [opened_root(), *([found] if found else [])]


@contextmanager
def clear(size: int) -> Iterator[Path]:
    """A private folder for `size` bytes of content that may not lie in the clear on a disk, and what is made of them."""
    found = private.in_memory(settings.MEMORY, Path(settings.VAR))
    room = found is not None and private.free(found) >= TIMES * size + LEAST
    with private.folder(found if found is not None and room else opened_root()) as made:
        yield made


def size_of(path: Path) -> int:
    """Bytes of the sealed form of a file; 0 when it does not lie sealed."""
    try:
        return at(path).stat().st_size
    except FileNotFoundError:
        return 0


def copy_open(path: Path, target: Path) -> None:
    """The plain bytes of a sealed file as a new file of a private folder."""
    with opened(at(path)) as content, target.open("xb") as plain:
        while block := content.read(sealing.CHUNK):
            plain.write(block)


@contextmanager
def plain(*paths: Path) -> Iterator[list[Path]]:
    """Paths an engine can read for as long as this lasts: the files themselves, or opened in a private folder."""
    with clear(sum(map(size_of, paths))) as folder:
        found = []
        for number, path in enumerate(paths):
            found.append(path if path.exists() else folder / f"{number}-{path.name}")
            if not path.exists():
                copy_open(path, found[-1])
        yield found


def exists(path: Path) -> bool:
    return path.exists() or at(path).exists()


def remove(path: Path) -> bool:
    """Both forms of a file off the disk; False when there was none."""
    there = exists(path)
    if there:
        with held(path.parent):
            path.unlink(missing_ok=True)
            at(path).unlink(missing_ok=True)
    return there


def keep_below(name: str, root: Callable[[], Path]) -> None:
    """Sealed files lie below this folder too: a new platform key reaches them."""
    _roots[name] = root


def _sealed_below(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.rglob(f"*{SUFFIX}")) if not path.name.startswith(NEW))


def behind() -> int:
    """How many sealed files still need a key that is being phased out."""
    count = 0
    for root in _roots.values():
        for path in _sealed_below(root()):
            with suppress(FileNotFoundError, CryptoProblem), path.open("rb") as source:
                count += not sealing.is_current(source)
    return count


def renew_all() -> int:
    """Put every sealed file of the platform under its current key; how many needed it. Cut off, it goes on.

    One that no key opens holds the others up no longer than its turn; it is told at the end.
    """
    count, unread = 0, None
    for root in _roots.values():
        for path in _sealed_below(root()):
            try:
                count += _renew(path)
            except FileNotFoundError:  # given up meanwhile
                continue
            except CryptoProblem as problem:
                unread = unread or CryptoProblem(f"{path.name}：{problem}")
    if unread is not None:
        raise unread
    return count


def _renew(path: Path) -> bool:
    with path.open("rb") as source:
        if sealing.is_current(source):
            return False
    with held(path.parent), path.open("rb") as source, _replacing(path, alone=True) as made:
        sealing.rewrap(source, made, _name(path))
    return True
