"""接口推送：清单 → 分块 → 核对。断了从已收的字节接着传；同一幂等键总是同一次推送。"""

import hashlib
import io
import re
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, cast

from django.db import transaction
from django.utils import timezone

from yiwang.data.collection import queries, terms
from yiwang.data.collection.models import Package, Push, Source
from yiwang.data.collection.services import intake, packages
from yiwang.data.collection.services.sweeping import plain_name
from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.files import sealed
from yiwang.kernel.ledger.services import record

RULE = "接口推送规则"
SHA256 = re.compile(r"[0-9a-f]{64}")
BLOCK = 1 << 20


def _folder(push: Push) -> Path:
    """The chunks of an unfinished push, each sealed, named by where it begins."""
    return queries.area("push", str(push.pk))


def _chunk(push: Push, offset: int) -> Path:
    return _folder(push) / f"{offset:012}"


def begin(actor: Actor, source_id: int, *, key: str, name: str, size: int, sha256: str, batch: str = "") -> Push:
    """Announce a file. The same key with the same manifest is the same push; with another one it is refused."""
    source = _source(actor, source_id)
    problems = _manifest_problems(key, name, size, sha256)
    if problems:
        raise Invalid("推送清单有误，没有受理。", errors=problems, rule=RULE)
    with transaction.atomic():
        packages.locked(source.resource_id)
        known = Push.objects.filter(source=source, key=key).first()
        if known is not None:
            if (known.name, known.size, known.sha256, known.batch) != (name, size, sha256, batch):
                raise Conflict("这个幂等键已用于另一份清单，没有受理。请换一个键。", rule=RULE)
            return known
        push = Push.objects.create(
            source=source, key=key, name=name, size=size, sha256=sha256, batch=batch[:120], started_by_id=actor.person_id,
            expires_at=timezone.now() + timedelta(hours=terms.PUSH_HOURS),
        )  # fmt: skip
        record(actor, "collection.push.begun", (queries.SOURCE, source.pk), after={"push": push.pk, "sha256": sha256})
    return push


def _source(actor: Actor, source_id: int) -> Source:
    source = Source.objects.filter(pk=source_id, way=terms.Way.PUSH, active=True).first()
    if source is None or not queries.may_deliver(actor, source.organisation_id):
        raise Refused("没有这个推送来源，或您不能报送该单位的数据。", rule="谁的数据谁报送", code="absent")
    return source


def _manifest_problems(key: str, name: str, size: int, sha256: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    if not 8 <= len(key) <= 120 or not key.isprintable():
        found["key"] = ["请求头 Idempotency-Key 须为 8 到 120 个可见字符。"]
    if not 0 < size <= terms.PACKAGE_LIMIT:
        found["size"] = [f"字节数须在 1 到 {terms.PACKAGE_LIMIT} 之间。"]
    if not SHA256.fullmatch(sha256):
        found["sha256"] = ["须为 64 位小写十六进制。"]
    try:
        plain_name(name)
    except Invalid as problem:
        found["name"] = [problem.message]
    return found


def _held(actor: Actor, push_id: int) -> Push:
    """The push, locked; only for who may deliver for its source."""
    push = Push.objects.select_for_update(of=("self",)).select_related("source").filter(pk=push_id).first()
    if push is None or not queries.may_deliver(actor, push.source.organisation_id):
        raise Refused("没有这次推送，或它不属于您的单位。", rule="谁的数据谁报送", code="absent")
    return push


def add_chunk(actor: Actor, push_id: int, offset: int, content: bytes) -> Push:
    """Write a chunk where the push stands; a chunk that is already there is taken again without harm."""
    if len(content) > terms.CHUNK_LIMIT:
        raise Invalid(f"一块不能超过 {terms.CHUNK_LIMIT >> 20} MB，没有接收。请减小分块。", rule=RULE)
    with transaction.atomic():
        push = _held(actor, push_id)
        _require_alive(push)
        if push.package_id is not None or offset + len(content) <= push.received:
            return push
        if offset != push.received:
            raise Conflict(f"应从第 {push.received} 字节接着传，收到的是第 {offset} 字节，没有接收。", rule=RULE)
        if offset + len(content) > push.size:
            raise Invalid(f"超出清单所列的 {push.size} 字节，没有接收。请核对清单。", rule=RULE)
        sealed.keep(io.BytesIO(content), _chunk(push, offset))
        push.received = offset + len(content)
        push.save(update_fields=["received"])
    return push


def _require_alive(push: Push) -> None:
    if push.package_id is None and push.expires_at < timezone.now():
        raise Refused("这次推送已过期，没有接收。请换一个幂等键重新开始。", rule=RULE, code="expired")


def finish(actor: Actor, push_id: int) -> tuple[Package, bool]:
    """Check size and digest and keep the file as a package; again gives the same package."""
    with transaction.atomic():
        push = _held(actor, push_id)
        if push.package is not None:
            return push.package, False
        _require_alive(push)
        if push.received != push.size:
            raise Conflict(
                f"还差 {push.size - push.received} 字节，没有成包。请从第 {push.received} 字节接着传。", rule=RULE
            )
        with TemporaryFile(dir=queries.area("incoming")) as file:
            hasher = hashlib.sha256()
            for block in _blocks(push):
                hasher.update(block)
                file.write(block)
            if hasher.hexdigest() != push.sha256:
                raise Invalid("收到的内容与清单的 SHA-256 不符，没有成包。请换一个幂等键重新推送。", rule=RULE)
            package, fresh = intake.receive(actor, push.source, push.name, cast(BinaryIO, file), batch=push.batch)
        push.package = package
        push.save(update_fields=["package"])
    shutil.rmtree(_folder(push), ignore_errors=True)
    return package, fresh


def _blocks(push: Push) -> Iterator[bytes]:
    """The announced bytes, chunk after chunk; what a cut-off attempt wrote beyond is passed by."""
    at = 0
    while at < push.size:
        start = at
        with sealed.stream(_chunk(push, start)) as content:
            while block := content.read(BLOCK):
                at += len(block)
                yield block
        if at == start:
            raise Invalid("有一块内容缺失，没有成包。请换一个幂等键重新推送。", rule=RULE)


def status(actor: Actor, push_id: int) -> dict[str, Any]:
    with transaction.atomic():
        push = _held(actor, push_id)
    package = push.package
    return {
        "push": push.pk, "received": push.received, "size": push.size, "chunk_limit": terms.CHUNK_LIMIT,
        "expires_at": push.expires_at.isoformat(), "package": package.number if package else None,
        "state": package.state if package else None, "message": package.message if package else "",
    }  # fmt: skip


def tidy(now: datetime) -> int:
    """Unfinished pushes and half files nobody continues."""
    gone = 0
    for push in Push.objects.filter(package=None, expires_at__lt=now - timedelta(days=1)):
        shutil.rmtree(_folder(push), ignore_errors=True)
        gone += push.delete()[0]
    return gone
