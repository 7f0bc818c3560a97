"""Store, hand over, withdraw and sweep files."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from django.db import connection, transaction
from django.utils import timezone

from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.files import doors, private, sealed, storage
from yiwang.kernel.files.models import StoredFile
from yiwang.kernel.files.receiving import Given, taken, writing
from yiwang.kernel.keys import services as columns
from yiwang.kernel.ledger.services import record

ORPHAN_AGE = 24 * 3600.0


def _hold(digest: str, *, wait: bool) -> bool:
    """Uploader and orphan collector meet here, per content, until the transaction ends."""
    function = "pg_advisory_xact_lock_shared" if wait else "pg_try_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [int(digest[:15], 16)])
        return wait or bool(cursor.fetchone()[0])


def store(
    actor: Actor,
    name: str,
    content: BinaryIO | bytes,
    *,
    owner: tuple[str, int],
    kind: str = "",
    limit: int | None = None,
    sealing: bool = False,
) -> StoredFile:
    """Check and keep a file. The content is on disk before the row; without the row the collector removes it.

    `limit`: bytes, for callers whose files are larger than an attachment may be. `sealing`: it lies encrypted (SM4).
    """
    with taken(name, content, limit=limit, sealing=sealing, sha256=False) as given:
        return store_taken(actor, given, owner=owner, kind=kind)


def store_taken(actor: Actor, given: Given, *, owner: tuple[str, int], kind: str = "") -> StoredFile:
    """The file's row, and its content under its name."""
    digest = given.found.digest
    with transaction.atomic():
        _hold(digest, wait=True)
        with writing():
            if given.found.copy is None:
                storage.write(given.stream, digest, sealing=given.sealing)
            else:
                storage.place(given.found.copy, digest)
        file = StoredFile.objects.create(
            digest=digest,
            size=given.size,
            media_type=given.media_type,
            name=given.name,
            owner_kind=owner[0],
            owner_id=owner[1],
            kind=kind,
            sealed=given.sealing,
            uploaded_by_id=actor.person_id,
        )
        after = {"name": given.name, "digest": digest, "owner": owner}
        record(actor, "files.store", ("files.file", file.pk), after=after)
    return file


def adopt(actor: Actor, file_ids: list[int], owner: tuple[str, int], *, kind: str = "") -> list[StoredFile]:
    """Give the actor's own drafts (uploaded before their record existed) to a record."""
    with transaction.atomic():
        files = list(StoredFile.objects.select_for_update().filter(pk__in=file_ids, withdrawn_at=None).order_by("pk"))
        drafts = [file for file in files if file.owner_kind == doors.DRAFT and doors.readable(actor, file)]
        if len(drafts) != len(set(file_ids)):
            raise Refused("有附件不存在、已被使用或不是您上传的，未提交。请重新上传后再提交。", rule="附件归属")
        for file in drafts:
            file.owner_kind, file.owner_id, file.kind = owner[0], owner[1], kind or file.kind
            file.save(update_fields=["owner_kind", "owner_id", "kind"])
            record(actor, "files.adopt", ("files.file", file.pk), after={"owner": owner})
    return drafts


def withdraw(actor: Actor, file_id: int, reason: str) -> StoredFile:
    """Take a file from view; the content and the row stay as evidence. The caller has checked the right to do so."""
    with transaction.atomic():
        file = StoredFile.objects.select_for_update().get(pk=file_id)
        if file.withdrawn_at is None:
            file.withdrawn_at = timezone.now()
            file.save(update_fields=["withdrawn_at"])
            record(actor, "files.withdraw", ("files.file", file.pk), reason=reason)
    return file


def seal(actor: Actor, file_id: int) -> bool:
    """Seal a content that was kept plain before; False when it is sealed already."""
    with transaction.atomic():
        file = StoredFile.objects.select_for_update().get(pk=file_id)
        if file.sealed or file.erased_at is not None:
            return False
        _hold(file.digest, wait=True)
        with storage.open_content(file.digest) as content:
            storage.write(content, file.digest, sealing=True)
        file.sealed = True
        file.save(update_fields=["sealed"])
        record(actor, "files.seal", ("files.file", file.pk), after={"digest": file.digest})
        transaction.on_commit(lambda: _drop(file.digest))
    return True


def erase(actor: Actor, file_id: int, reason: str) -> bool:
    """Destroy a content by law (个人信息保护法 第四十七条); row and digest stay. False when another row still needs it."""
    with transaction.atomic():
        file = StoredFile.objects.select_for_update().get(pk=file_id)
        if file.erased_at is None:
            file.erased_at = file.withdrawn_at = timezone.now()
            file.save(update_fields=["erased_at", "withdrawn_at"])
            record(actor, "files.erase", ("files.file", file.pk), reason=reason, after={"digest": file.digest})
        transaction.on_commit(lambda: _drop(file.digest))
    return not StoredFile.objects.filter(digest=file.digest, erased_at=None).exists()


def _drop(digest: str) -> None:
    """Remove the forms of a content that no row needs any more; what is held by an upload now, the collector takes."""
    for sealing in (False, True):
        path = storage.lies_at(digest, sealing=sealing)
        with transaction.atomic():
            if path.exists() and _hold(digest, wait=False) and not _needed(path):
                with sealed.held(path.parent):
                    path.unlink(missing_ok=True)


def sweep(age: float = ORPHAN_AGE) -> int:
    """Remove contents no row points to, whose upload was rolled back or killed, and what a killed process had opened."""
    removed = tidy()
    for path in storage.older_than(age):
        if path.name.startswith(".new-"):
            path.unlink(missing_ok=True)
            removed += 1
            continue
        with transaction.atomic():
            if _hold(path.name.removesuffix(sealed.SUFFIX), wait=False) and _unused(path, age):
                with sealed.held(path.parent):
                    path.unlink(missing_ok=True)
                removed += 1
    return removed


def tidy() -> int:
    """Remove what killed processes had opened; how many folders."""
    return sum(map(private.sweep, sealed.opened_roots()))


def _unused(path: Path, age: float) -> bool:
    still_old = path.exists() and path.stat().st_mtime < timezone.now().timestamp() - age
    return still_old and not _needed(path)


def _needed(path: Path) -> bool:
    digest, sealing = path.name.removesuffix(sealed.SUFFIX), path.name.endswith(sealed.SUFFIX)
    return StoredFile.objects.filter(digest=digest, sealed=sealing, erased_at=None).exists()


def renew_keys(tell: Callable[[str, int], None] = columns.silent) -> int:
    """What is under a phased-out secret gets the current one: declared columns of the database, then the heads of
    sealed files of every room; `tell` hears of each column and of the files. How many."""
    in_columns = columns.renew(tell)
    in_files = sealed.renew_all()
    if in_files:
        tell("加密文件", in_files)
    return in_columns + in_files
