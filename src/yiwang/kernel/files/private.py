"""Folders only this process works in: gone afterwards, also when the process was killed.

Beside each folder lies a lock that lives as long as its process; whoever sweeps removes folders whose lock is free.
"""

import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

LOCK = ".lock"
MEMORY = "/dev/shm"  # noqa: S108 - of the account's own folder below it, mode and owner are looked at
UNLOCKED_AGE = 24 * 3600.0  # a folder without a lock is not ours, or was cut off within its first instant


@contextmanager
def folder(above: Path) -> Iterator[Path]:
    """A new folder below `above`, readable by this account only."""
    above.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = Path(mkdtemp(dir=above))
    lock = made.with_name(made.name + LOCK)
    new = made.with_name(".new-" + lock.name)
    handle = os.open(new, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        os.rename(new, lock)  # locked before it can be found
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        lock.unlink(missing_ok=True)
        os.close(handle)


def abandoned(above: Path) -> Iterator[Path]:
    """Folders whose process has ended without removing them; their locks go as they are handed out."""
    limit = time.time() - UNLOCKED_AGE
    for path in above.glob("*") if above.exists() else ():
        with suppress(FileNotFoundError):
            if path.name.endswith(LOCK):
                if _free(path):
                    path.unlink()
                    yield path.with_name(path.name.removesuffix(LOCK))
            elif path.is_dir() and not path.with_name(path.name + LOCK).exists() and path.stat().st_mtime < limit:
                yield path


def _free(lock: Path) -> bool:
    handle = os.open(lock, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def sweep(above: Path) -> int:
    """Remove what killed processes left; how many folders."""
    count = 0
    for path in abandoned(above):
        shutil.rmtree(path, ignore_errors=True)
        count += 1
    return count


def in_memory(above: str, owner: Path) -> Path | None:
    """This account's folder for one platform (`owner`: its VAR) on a file system in memory.

    None when `above` is no such file system, or when what bears the folder's name there is not this account's alone.
    """
    if not above or not _tmpfs(above):
        return None
    place = Path(above) / f"yiwang-{os.getuid()}-{sha256(str(owner.resolve()).encode()).hexdigest()[:12]}"
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        found = place.lstat()
    except OSError:
        return None
    alone = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return place if alone else None


def _tmpfs(place: str) -> bool:
    with suppress(OSError), open("/proc/mounts") as table:
        return any(line.split()[1:3] in ([place, "tmpfs"], [place, "ramfs"]) for line in table)
    return False


def free(place: Path) -> int:
    """Bytes that can still be put into a file system in memory: its own limit, and what the machine has left."""
    found = os.statvfs(place)
    with open("/proc/meminfo") as table:
        left = next(int(line.split()[1]) for line in table if line.startswith("MemAvailable"))
    return min(found.f_bavail * found.f_frsize, left << 10)
