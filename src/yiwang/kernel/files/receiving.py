"""A content on its way into the store: checked, and read once for everything that has to be known of it."""

import errno
import io
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from django.conf import settings

from yiwang.kernel.access.actors import Refused
from yiwang.kernel.files import sniffing, storage


@dataclass(frozen=True)
class Given:
    """A checked content on its way into the store: what it is, its digests, and its copy unless it is to be sealed."""

    name: str
    size: int
    media_type: str
    stream: BinaryIO
    sealing: bool
    found: storage.Taken


@contextmanager
def taken(
    name: str, content: BinaryIO | bytes, *, limit: int | None = None, sealing: bool = False, sha256: bool = True
) -> Iterator[Given]:
    """Check a content and read it once, for a caller who wants its digests (`found`) before it decides to store it."""
    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    size, limit = stream.seek(0, os.SEEK_END), limit or settings.FILE_SIZE_LIMIT
    if size > limit:
        raise sniffing.refuse(
            f"文件有 {size / 1048576:.1f} MB，超过单个附件 {limit // 1048576} MB 的上限，未保存。请压缩或拆分后上传。"
        )
    name = sniffing.normal_name(name)
    media_type = sniffing.identify(stream, name).media
    with ExitStack() as held:
        with writing():
            found = storage.digests(stream) if sealing else held.enter_context(storage.copied(stream, sha256=sha256))
        yield Given(name, size, media_type, stream, sealing, found)


@contextmanager
def writing() -> Iterator[None]:
    """A store that cannot be written is told in words."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise
        raise Refused(
            f"附件未能保存：服务器存储不可写（{os.strerror(error.errno)}）。请联系系统管理员。", code="storage"
        ) from error
