"""Reading files and proving their contents."""

from collections.abc import Iterator
from typing import BinaryIO

from django.db.models import QuerySet

from yiwang.kernel.files import storage
from yiwang.kernel.files.models import StoredFile


def of(owner: tuple[str, int]) -> QuerySet[StoredFile]:
    """The files of a record, oldest first. Ask the record's own door before."""
    return StoredFile.objects.filter(owner_kind=owner[0], owner_id=owner[1], withdrawn_at=None)


def content(file: StoredFile) -> BinaryIO:
    return storage.open_content(file.digest)


def damaged() -> Iterator[tuple[str, str]]:
    """(digest, what is wrong) of every content that is missing or changed."""
    for digest in StoredFile.objects.values_list("digest", flat=True).order_by("digest").distinct().iterator():
        path = storage.path_of(digest)
        if not path.exists():
            yield digest, "内容缺失"
            continue
        with path.open("rb") as stream:
            if storage.digest_of(stream) != digest:
                yield digest, "内容与摘要不符"
