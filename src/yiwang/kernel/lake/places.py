"""Where files lie: LAKE/<table>/data/… and .work/ for what is being made. Paths in rows are relative to the root."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from django.conf import settings

# Held shared by a backup while it copies: files that rows have given up stay on the disk until it is done.
BACKUP_LOCK = 0x6C616B62  # "lakb"


def root() -> Path:
    """The lake's directory: settings.LAKE, or VAR/lake."""
    chosen = getattr(settings, "LAKE", None)
    return Path(chosen) if chosen else Path(settings.VAR) / "lake"


def absolute(path: str) -> str:
    return str(root() / path)


@contextmanager
def work_folder() -> Iterator[Path]:
    """A private folder on the lake's own disk, gone afterwards; a killed process's is swept after a day."""
    above = root() / ".work"
    above.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(dir=above))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def abandoned(age: float) -> Iterator[Path]:
    """Work folders nobody touched for `age` seconds."""
    limit = time.time() - age
    for folder in (root() / ".work").glob("*"):
        if folder.stat().st_mtime < limit:
            yield folder


def sync(folder: Path) -> None:
    """Make names in a directory durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
