"""Where files lie: LAKE/<table>/data/… and .work/ for what is being made. Paths in rows are relative to the root."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from yiwang.kernel.files import private, sealed

# Held shared by a backup while it copies: files that rows have given up stay on the disk until it is done.
BACKUP_LOCK = 0x6C616B62  # "lakb"


def root() -> Path:
    """The lake's directory: settings.LAKE, or VAR/lake."""
    chosen = getattr(settings, "LAKE", None)
    return Path(chosen) if chosen else Path(settings.VAR) / "lake"


sealed.keep_below("lake", root)
sync = sealed.sync


def absolute(path: str) -> str:
    """Where a file of a row lies; sealed, it lies there under `sealed.at` of it."""
    return str(root() / path)


@contextmanager
def work_folder(clear: int = 0) -> Iterator[Path]:
    """A private folder on the lake's own disk, gone afterwards; a killed process's goes with the next sweep.

    `clear`: bytes of content that may not lie in the clear on a disk; with any, the folder is in memory (`sealed.clear`).
    """
    with sealed.clear(clear) if clear else private.folder(root() / ".work") as made:
        yield made


def abandoned() -> Iterator[Path]:
    """Work folders whose process has ended."""
    return private.abandoned(root() / ".work")
