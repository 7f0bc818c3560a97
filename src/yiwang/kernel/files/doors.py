"""Who may read a file: whoever may read its owner. A kind nobody registered is read by nobody."""

from collections.abc import Callable

from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.files.models import StoredFile

_readers: dict[str, Callable[[Actor, int], bool]] = {}


def register_owner(kind: str, can_read: Callable[[Actor, int], bool]) -> None:
    _readers[kind] = can_read


def readable(actor: Actor, file: StoredFile) -> bool:
    reader = _readers.get(file.owner_kind)
    return reader is not None and reader(actor, file.owner_id)


def readable_file(actor: Actor, file_id: int) -> StoredFile:
    """The file, or a refusal that does not tell whether it exists."""
    file = StoredFile.objects.filter(pk=file_id, withdrawn_at=None, erased_at=None).first()
    if file is None or not readable(actor, file):
        raise Refused("没有找到该附件，或它不在您的数据范围内。", rule="数据范围", code="absent")
    return file


def _is_uploader(actor: Actor, person_id: int) -> bool:
    return actor.person_id is not None and actor.person_id == person_id


DRAFT = "draft"
register_owner(DRAFT, _is_uploader)
