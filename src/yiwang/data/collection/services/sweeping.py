"""巡检：前置库、抽取、投递目录。收到即成包，与取走在同一事务里；中断了下次重来，内容相同不会重复。"""

import csv
import hashlib
import json
import logging
import os
import stat
import time
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, cast

from django.db import connection, transaction
from django.utils import timezone
from psycopg import sql

from yiwang.data.collection import queries, terms
from yiwang.data.collection.models import Package, Source
from yiwang.data.collection.services import adapters, intake, packages
from yiwang.data.collection.services.adapters import basics
from yiwang.data.collection.services.sources import landing_table
from yiwang.kernel.access.actors import SYSTEM, Invalid, Refused
from yiwang.kernel.crypto.ciphers import decrypt
from yiwang.kernel.crypto.terms import CryptoProblem

Way, SECRET = terms.Way, terms.SECRET
CHECKED_EACH, POSITION = 1000, 120
QUIET_SECONDS = 60  # a file that still differs from its manifest after so long without a change is wrong, not young
MANIFEST = ".manifest.json"
LOOKALIKES = "⁄∕／＼﹨⧵․‥…"
BLOCK = 1 << 20
log = logging.getLogger(__name__)


def sweep(source: Source, now: datetime) -> list[Package]:
    """Everything that waits at one way in, as packages."""
    try:
        found = SWEEPS[Way(source.way)](source)
        trouble = ""
    except Refused as refusal:
        found, trouble = [], refusal.message
    except Exception as error:
        # One source must not keep the others waiting, round after round.
        log.exception("来源 %s 的巡检出错", source.pk)
        found, trouble = (
            [],
            f"巡检时出了意外的错误（{type(error).__name__}），没有取数，下次重来。详情在后台日志，请告知系统管理员。",
        )
    Source.objects.filter(pk=source.pk).update(swept_at=now, trouble=trouble[:500])
    return found


def due(now: datetime) -> Iterable[Source]:
    """Active sources whose interval has passed."""
    for source in Source.objects.filter(active=True, way__in=SWEEPS).order_by("swept_at", "pk"):
        if source.swept_at is None or source.swept_at <= now - timedelta(minutes=source.every_minutes):
            yield source


def _landing(source: Source) -> list[Package]:
    batches = sql.Identifier(source.landing, "batches")
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [f"{source.landing}.batches"])
        if cursor.fetchone()[0] is None:
            return []
        cursor.execute(
            sql.SQL("SELECT batch FROM {} WHERE resource = %s AND taken_at IS NULL ORDER BY committed_at").format(
                batches
            ),
            [landing_table(source)],
        )
        waiting = [row[0] for row in cursor.fetchall()]
    found = [_take_batch(source, batch) for batch in waiting]
    return [package for package in found if package is not None]


def _take_batch(source: Source, batch: str) -> Package | None:
    """One batch whose marker was written after its rows; package, mark and deletion commit together."""
    table, batches = sql.Identifier(source.landing, landing_table(source)), sql.Identifier(source.landing, "batches")
    key = [landing_table(source), batch]
    with transaction.atomic(), connection.cursor() as cursor, TemporaryFile(dir=queries.area("incoming")) as file:
        cursor.execute(
            sql.SQL("SELECT rows FROM {} WHERE resource = %s AND batch = %s AND taken_at IS NULL FOR UPDATE SKIP LOCKED").format(batches), key
        )  # fmt: skip
        if (row := cursor.fetchone()) is None:
            return None
        cursor.execute(sql.SQL("SELECT count(*) FROM {} WHERE batch = %s").format(table), [batch])
        declared, there = row[0], cursor.fetchone()[0]
        if declared != there:
            words = f"批次标明 {declared:,} 行，实有 {there:,} 行，没有取走。请补齐后改正批次行数。"
            cursor.execute(
                sql.SQL("UPDATE {} SET verdict = %s WHERE resource = %s AND batch = %s").format(batches), [words, *key]
            )
            return None
        _copy_out(cursor, source, batch, file)
        package, _ = intake.receive(SYSTEM, source, f"{batch_name(batch)}.csv", cast(BinaryIO, file), batch=batch[:120])
        cursor.execute(
            sql.SQL("UPDATE {} SET taken_at = now(), package = %s, verdict = '已取走' WHERE resource = %s AND batch = %s").format(batches),
            [package.number, *key],
        )  # fmt: skip
        cursor.execute(sql.SQL("DELETE FROM {} WHERE batch = %s").format(table), [batch])
    return package


def batch_name(batch: str) -> str:
    return "".join(char if char.isalnum() or char in "-_" else "_" for char in batch)[:80] or "batch"


def _copy_out(cursor: Any, source: Source, batch: str, file: Any) -> None:
    table = sql.Identifier(source.landing, landing_table(source))
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s "
        "AND column_name <> 'batch' ORDER BY ordinal_position", [source.landing, landing_table(source)],
    )  # fmt: skip
    columns = sql.SQL(", ").join(sql.Identifier(row[0]) for row in cursor.fetchall())
    statement = sql.SQL("COPY (SELECT {} FROM {} WHERE batch = {}) TO STDOUT (FORMAT csv, HEADER true)").format(
        columns, table, sql.Literal(batch)
    )
    with cursor.copy(statement) as copy:
        for block in copy:
            file.write(block)


def _pull(source: Source) -> list[Package]:
    """Rows of the declared query as one package; the position moves with the package or not at all."""
    target = basics.Target(
        source.host, source.port, source.database, source.username, _password(source), source.query, source.cursor or None,
        source.encryption, source.authority,
    )  # fmt: skip
    with TemporaryFile("w+", encoding="utf-8", newline="", dir=queries.area("incoming")) as text:
        with adapters.ADAPTERS[source.driver](target) as found:
            last, count = _write_rows(text, found, source.cursor_item)
        if not count:
            return []
        text.flush()
        with transaction.atomic():
            if not Source.objects.select_for_update().filter(pk=source.pk, cursor=source.cursor).exists():
                raise Refused("抽取途中读取位置被人改动，本次读到的没有留下，下次从新的位置读。", rule=basics.RULE)
            name = f"{source.resource_code.replace('/', '-')}-{source.pk}.csv"
            # No position twice under one name: rows that are read again may have changed meanwhile.
            batch = f"{timezone.localtime():%Y%m%d-%H%M%S} {source.cursor or '起'}→{last}"[:120] if last else ""
            package, fresh = intake.receive(SYSTEM, source, name, cast(BinaryIO, text.buffer), batch=batch)
            if fresh and found.notes:
                packages.note(SYSTEM, package, " ".join(found.notes))
            if last:
                Source.objects.filter(pk=source.pk).update(cursor=last)
    return [package] if fresh else []


def _password(source: Source) -> str:
    try:
        return decrypt(source.secret, SECRET) if source.secret else ""
    except CryptoProblem as problem:
        raise Refused(f"来源的口令解不开，没有抽取：{problem}也可以在来源页重填口令。", rule=basics.RULE) from problem


def _write_rows(text: Any, found: basics.Rows, cursor_item: str) -> tuple[str, int]:
    """(position read to, rows written)."""
    names = found.names
    if cursor_item and cursor_item not in names:
        raise Refused(
            f"查询结果里没有增量字段“{cursor_item}”，没有抽取。来源可能改了字段名；实有字段：{'、'.join(names[:20])}。",
            rule=basics.RULE,
        )
    writer, place, last, count = csv.writer(text), names.index(cursor_item) if cursor_item else -1, None, 0
    writer.writerow(names)
    for count, row in enumerate(found.rows, 1):
        writer.writerow(map(basics.text, row))
        if count % CHECKED_EACH == 0 and text.tell() > terms.PACKAGE_LIMIT:
            raise Refused(
                f"查询结果超过 {terms.PACKAGE_LIMIT >> 30} GB 的上限，没有抽取。请在语句里加条件，或改为增量抽取。",
                rule=basics.RULE,
            )
        if place >= 0 and row[place] is not None and (last is None or row[place] > last):
            last = row[place]
    position = basics.text(last)
    if len(position) > POSITION:
        raise Refused(f"增量字段的值长过 {POSITION} 个字，不能作读取位置，没有抽取。请换一个字段。", rule=basics.RULE)
    return position, count


def _drop(source: Source) -> list[Package]:
    """Files with a manifest in the source's own folder, each taken once, whole, and by its digest."""
    folder = drop_folder(source)
    found = []
    for name in sorted(os.listdir(folder)):
        if not name.endswith(MANIFEST):
            continue
        try:
            package = _take_drop(source, folder, name)
        except Refused as refusal:
            _set_aside(folder, name, refusal.message)
            continue
        if package is not None:
            found.append(package)
    return found


def drop_folder(source: Source) -> Path:
    return queries.area("drop", source.folder)


def plain_name(name: object) -> str:
    """A file name that is nothing but a name; raises Invalid for paths, hidden and look-alike characters."""
    good = isinstance(name, str) and 0 < len(name) <= 120 and unicodedata.normalize("NFKC", name) == name
    text = str(name)
    hidden = any(unicodedata.category(char).startswith("C") or char in LOOKALIKES for char in text)
    if not good or hidden or text.startswith(".") or any(char in text for char in "/\\:\x00") or ".." in text:
        raise Invalid(
            f"清单里的文件名“{ascii(text)[1:-1][:80]}”不能用：只能是本目录中的普通文件名。没有接收。",
            rule="投递目录规则",
        )
    return text


def _open_plain(folder: Path, name: str) -> BinaryIO:
    """A regular file of this very folder: no link, no device, nothing else."""
    above = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=above)
    except OSError as error:
        raise Invalid(f"文件“{name}”不存在，或是链接，没有接收。请投递文件本身。", rule="投递目录规则") from error
    finally:
        os.close(above)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Invalid(f"“{name}”不是普通文件，没有接收。", rule="投递目录规则")
    return os.fdopen(handle, "rb")


def _manifest(folder: Path, name: str) -> dict[str, Any] | None:
    """The manifest, None while it is still being written."""
    with _open_plain(folder, plain_name(name)) as stream:
        text, age = stream.read(65536), time.time() - os.fstat(stream.fileno()).st_mtime
    try:
        found = json.loads(text)
    except ValueError as error:
        if age < QUIET_SECONDS:
            return None
        raise Invalid("清单不是有效的 JSON，没有接收。请按《运维手册》的样例重写。", rule="投递目录规则") from error
    lacking = [key for key in ("file", "size", "sha256", "batch") if not isinstance(found, dict) or key not in found]
    if lacking:
        raise Invalid(f"清单缺少 {'、'.join(lacking)}，没有接收。请按《运维手册》的样例重写。", rule="投递目录规则")
    return dict(found)


def _take_drop(source: Source, folder: Path, name: str) -> Package | None:
    manifest = _manifest(folder, name)
    if manifest is None:
        return None
    file = plain_name(manifest["file"])
    with _open_plain(folder, file) as stream, TemporaryFile(dir=queries.area("incoming")) as copy:
        before = os.fstat(stream.fileno())
        hasher = hashlib.sha256()
        while block := stream.read(BLOCK):
            hasher.update(block)
            copy.write(block)
        after = os.fstat(stream.fileno())
        young = time.time() - after.st_mtime < QUIET_SECONDS or before.st_size != after.st_size
        if copy.tell() != manifest["size"] or hasher.hexdigest() != str(manifest["sha256"]).lower():
            if young:
                return None
            raise Invalid(
                f"文件“{file}”与清单不符（清单 {manifest['size']} 字节，实有 {copy.tell()} 字节，或摘要不同），没有接收。请重新投递。",
                rule="投递目录规则",
            )
        package, _ = intake.receive(SYSTEM, source, file, cast(BinaryIO, copy), batch=str(manifest["batch"])[:120])
    _put_away(folder, "taken", name)
    # The package has the content, sealed where it must be; a second copy in the clear would undo that.
    (folder / file).unlink(missing_ok=True)
    return package


def _put_away(folder: Path, where: str, name: str) -> None:
    target = folder / where
    target.mkdir(exist_ok=True)
    with suppress(FileNotFoundError):
        os.replace(folder / name, target / f"{int(time.time())}-{name}")


def _set_aside(folder: Path, manifest: str, message: str) -> None:
    """A refused delivery leaves the queue, with the reason beside it."""
    (folder / "refused").mkdir(exist_ok=True)
    (folder / "refused" / f"{int(time.time())}-{batch_name(manifest)}.txt").write_text(message + "\n", encoding="utf-8")
    _put_away(folder, "refused", manifest)


SWEEPS = {Way.LANDING: _landing, Way.PULL: _pull, Way.DROP: _drop}
