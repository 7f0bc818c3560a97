"""Reading files and proving their contents."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from django.db.models import QuerySet

from yiwang.kernel.crypto import CryptoProblem
from yiwang.kernel.files import sealed, storage
from yiwang.kernel.files.models import StoredFile


def of(owner: tuple[str, int]) -> QuerySet[StoredFile]:
    """The files of a record, oldest first. Ask the record's own door before."""
    return StoredFile.objects.filter(owner_kind=owner[0], owner_id=owner[1], withdrawn_at=None)


def content(file: StoredFile) -> BinaryIO:
    """The plain bytes; of a sealed file forward only."""
    return storage.open_content(file.digest, sealing=file.sealed)


@contextmanager
def plain(file: StoredFile) -> Iterator[Path]:
    """A path an engine can read while this lasts; a sealed file lies open in a private folder for that time."""
    if not file.sealed:
        yield storage.path_of(file.digest)
        return
    with sealed.plain(storage.path_of(file.digest)) as (path,):
        yield path


def damaged() -> Iterator[tuple[str, str]]:
    """(digest, what is wrong) of every content that is missing or changed."""
    kept = StoredFile.objects.filter(erased_at=None).order_by("digest", "sealed")
    for digest, sealing in kept.values_list("digest", "sealed").distinct().iterator():
        try:
            with storage.open_content(digest, sealing=sealing) as stream:
                if storage.digest_of(stream) != digest:
                    yield digest, "内容与摘要不符"
        except FileNotFoundError:
            yield digest, "内容缺失"
        except CryptoProblem as problem:
            yield digest, str(problem)
