"""数据包：接收一次，状态只前进，每步留痕。"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from django.db import connection, transaction
from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.collection import queries, terms
from yiwang.data.collection.models import Package, Source, Step
from yiwang.kernel.access.actors import SYSTEM, Actor, Conflict, Invalid, Refused
from yiwang.kernel.files import sealed
from yiwang.kernel.files.queries import of as of_owner
from yiwang.kernel.files.receiving import Given, taken
from yiwang.kernel.files.services import seal as seal_file
from yiwang.kernel.files.services import store_taken
from yiwang.kernel.ledger.services import record

RULE = "数据包只增不改"
PARSED = "parsed.parquet"
NO_TABLE = ("image/", "audio/", "video/", "application/pdf")
State = terms.State


def locked(resource_id: int) -> None:
    """Who writes packages or data of a resource waits here, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [0x636F6C6C, resource_id % (1 << 31)])


def keep(
    actor: Actor, source: Source, name: str, content: BinaryIO, *, batch: str = "", replay_of: Package | None = None
) -> tuple[Package, bool]:
    """Keep a file as a package of the source's resource; False: the same content is there already.

    The file is complete and durable before the row; without the row it is swept. Two uploads of one content at the
    same time meet at the resource's lock, and the second gets the first one's package.
    """
    queries.require_delivery(actor, source.organisation_id)
    if not source.active:
        raise Refused(f"来源“{source.name}”已停用，没有接收。请联系归集管理员。", rule="停用的来源不接收数据")
    facts = catalog.resource(SYSTEM, source.resource_id)
    if not facts.items:
        raise Refused("该资源的目录尚未发布，不能报送数据。请先完成目录审核。", rule="先编目后归集")
    _require_size(content)
    with taken(name, content, limit=terms.PACKAGE_LIMIT, sealing=bool(facts.sealed)) as given, transaction.atomic():
        if given.media_type.startswith(NO_TABLE):
            raise Invalid("这不是数据表（内容是图片、音视频或 PDF），没有接收。请上传 xlsx、xls、ods 或 csv 表格。")
        locked(source.resource_id)
        known = None if replay_of else _known(source, given.found.sha256, batch, facts.version)
        if known is not None:
            _step(actor, known, "同样内容再次报送，没有重复入库", {"repeated": True})
            return known, False
        alike = Package.objects.filter(resource_id=facts.id, sha256=given.found.sha256, edition=facts.version)
        if (same := alike.filter(state__in=terms.OPEN).first()) is not None:  # a replay, or by a source of another mode
            raise Conflict(f"同样内容的数据包 {same.number} 还在处理，没有再收。请先办完它。", rule=RULE)
        package = _create(actor, source, facts, given, batch, replay_of)
    return package, True


def _require_size(content: BinaryIO) -> None:
    if content.seek(0, os.SEEK_END) > terms.PACKAGE_LIMIT:
        raise Invalid(f"文件超过 {terms.PACKAGE_LIMIT >> 30} GB 的上限，没有接收。请拆成几批报送。")


def _known(source: Source, digest: str, batch: str, edition: int) -> Package | None:
    """The package these bytes are already: the same batch, one still open, or what is current."""
    if Package.objects.filter(resource_id=source.resource_id, sha256=digest, file__erased_at__isnull=False).exists():
        raise Conflict(
            "这份文件里有已依法删除的个人信息，没有接收。请从业务系统删去该人后重新导出、报送。",
            rule="个人信息保护法第四十七条",
        )
    if batch:
        same = Package.objects.filter(source=source, batch=batch).exclude(
            state__in=(State.FAILED, State.WITHDRAWN, State.REFUSED)
        )
        if (found := same.first()) is not None:
            if found.sha256 != digest:
                raise Conflict(
                    f"批次“{batch}”已收到过另一份内容（{found.number}），没有接收。请换一个批次号，或先撤回原数据包。",
                    rule="一个批次只有一份内容",
                )
            return found
    alike = Package.objects.filter(resource_id=source.resource_id, sha256=digest, edition=edition, mode=source.mode)
    if (found := alike.filter(state__in=terms.OPEN).first()) is not None:
        return found
    if source.mode == terms.Mode.INCREMENTAL:
        return alike.filter(state=State.PUBLISHED).first()
    latest = queries.published(source.resource_id).first()
    if latest is None or (latest.sha256, latest.edition) != (digest, edition):
        return None
    return latest if latest.snapshot == catalog.resource(SYSTEM, source.resource_id).snapshot else None


def _create(
    actor: Actor, source: Source, facts: catalog.ResourceFacts, given: Given, batch: str, replay_of: Package | None
) -> Package:
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('collection_package', 'id'))")
        pk = cursor.fetchone()[0]
    file, digest = store_taken(actor, given, owner=(queries.PACKAGE, pk), kind="数据包原件"), given.found.sha256
    package = Package.objects.create(
        pk=pk, number=f"包-{timezone.localtime(now).year}-{pk:06}", source=source, resource_id=facts.id,
        resource_code=facts.code, resource_name=facts.name, edition=facts.version, way=source.way, mode=source.mode,
        from_above=source.from_above, batch=batch[:120], file=file, file_name=given.name, size=given.size, sha256=digest,
        sm3=file.digest, received_at=now, organisation_id=source.organisation_id, created_by_id=actor.person_id,
        is_demo=source.is_demo, replay_of=replay_of,
    )  # fmt: skip
    _step(actor, package, "已接收", {"sha256": digest, "sm3": file.digest, "size": given.size})
    record(
        actor, "collection.receive", (queries.PACKAGE, pk), organisation_id=source.organisation_id,
        after={"number": package.number, "resource": facts.code, "sha256": digest, "batch": batch},
    )  # fmt: skip
    return package


def parsed_path(package: Package) -> Path:
    """Where the rows read from the original lie, as `sealed` files do."""
    return queries.area("packages", str(package.pk)) / PARSED


def put_parsed(package: Package, made: Path) -> None:
    """Keep what was read: sealed as the original is; read again, it takes the former one's place."""
    target = parsed_path(package)
    if package.file.sealed:
        with made.open("rb") as content:
            sealed.keep(content, target)
        target.unlink(missing_ok=True)
        return
    part = target.with_suffix(".part")
    shutil.move(made, part)
    part.replace(target)


def unsealed(resource_id: int) -> list[Package]:
    """Ended or waiting packages of a resource whose original lies in the clear; the worker is done with them."""
    found = Package.objects.filter(resource_id=resource_id, file__sealed=False, file__erased_at=None)
    return list(found.exclude(state__in=terms.MOVING).select_related("file").order_by("pk"))


def seal(actor: Actor, package: Package) -> None:
    """Seal what a package kept before its resource held items of a level that asks for it; cut off, it goes on."""
    with transaction.atomic():
        Package.objects.select_for_update().get(pk=package.pk)
        sealed.take(parsed_path(package))
        for file in {each.pk for each in (package.file, *of_owner((queries.PACKAGE, package.pk)))}:
            seal_file(actor, file)


def note(actor: Actor, package: Package, message: str) -> None:
    """Something about its content that whoever looks at the package should know."""
    _step(actor, package, message)


def returned(package_id: int, sentence: str) -> None:
    """The return sheet was made, or why not."""
    with transaction.atomic():
        package = Package.objects.select_for_update().get(pk=package_id)
        package.verdict = {**package.verdict, "unreturned": sentence}
        package.save(update_fields=["verdict"])


def _step(actor: Actor, package: Package, message: str, facts: Mapping[str, Any] | None = None) -> None:
    Step.objects.create(
        package=package, state=package.state, message=message[:500], facts=dict(facts or {}), person_id=actor.person_id
    )


def move(
    actor: Actor, package_id: int, before: tuple[str, ...], after: str, message: str, *,
    facts: Mapping[str, Any] | None = None, **values: Any,
) -> Package:  # fmt: skip
    """One step of a package, in the caller's transaction or its own; refused when it is no longer where it was."""
    with transaction.atomic():
        package = Package.objects.select_for_update().get(pk=package_id)
        if package.state not in before:
            raise Conflict(
                f"数据包 {package.number} 现在是“{package.get_state_display()}”，没有执行。请刷新后查看。", rule=RULE
            )
        package.state, package.message = after, message[:500]
        for name, value in values.items():
            setattr(package, name, value)
        if after in terms.ENDED:
            package.ended_at = timezone.now()
        package.version += 1
        package.save()
        _step(actor, package, message, facts)
    return package
