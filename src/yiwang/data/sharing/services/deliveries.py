"""Push to a department's table and encrypted files: the delivered rows, a ledger of their own (交换行)."""

import csv
import json
import os
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from psycopg import sql

from yiwang.data.protection import contract as protection
from yiwang.data.sharing.models import Delivery, Grant, Package, Target
from yiwang.data.sharing.services.lakeside import CHUNK, Extract, Position, extract
from yiwang.data.sharing.services.serving import NAME, postgres_type
from yiwang.data.sharing.terms import TARGET, GrantState, Way
from yiwang.kernel.access import doors, foreign
from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.crypto import decrypt, encrypt, sm3
from yiwang.kernel.crypto.ciphers import seal, unseal
from yiwang.kernel.lake import places
from yiwang.kernel.ledger import services as ledger

MAGIC = b"YWPKG1\n"
LINK_HOURS, MOST_BYTES = 72, 512 << 20
FOLDER, ORPHAN_AGE = "sharing", 24 * 3600.0


@transaction.atomic
def register_target(actor: Actor, *, name: str, url: str, schema: str) -> Target:
    """A department's own PostgreSQL schema; the connection is tried before it is kept."""
    actor.require("sharing.target", "add")
    parts = urlsplit(url)
    if not re.fullmatch(NAME, schema):
        raise Invalid("模式名只能用英文字母、数字与下划线，不以数字开头，没有登记。", errors={"schema": ["格式不对"]})
    if parts.scheme not in ("postgresql", "postgres"):
        raise Invalid("目标须为 postgresql://用户:口令@主机:端口/库名，没有登记。", errors={"url": ["格式不对"]})
    # The driver reads a socket's path out of a percent-encoded host, and a second host out of the query.
    if problem := foreign.host_problem(unquote(parts.netloc.rpartition("@")[2]) + parts.query):
        raise Invalid(f"主机{problem}没有登记。", errors={"host": [problem]}, rule=foreign.RULE)
    if Target.objects.filter(organisation_id=actor.home(), name=name.strip()[:60]).exists():
        raise Invalid(f"本部门已有名为“{name.strip()}”的推送目标，没有登记。请换一个名称。", errors={"name": ["重名"]})
    try:
        with psycopg.connect(url, connect_timeout=8) as connection:
            foreign.refuse_own(connection)
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
    except psycopg.Error as error:
        raise Invalid(
            f"连不上该数据库，或账号不能在库里建模式，没有登记。请核对主机、端口、库名、账号与口令（数据库的原话：{str(error).splitlines()[0][:200]}）。",
            errors={"url": ["连接失败"]},
        ) from error
    made = Target.objects.create(
        organisation_id=actor.home(), created_by_id=actor.person_id, name=name.strip()[:60], schema=schema,
        sealed=encrypt(url, TARGET), host=parts.hostname or "本机",
    )  # fmt: skip
    ledger.record(actor, "sharing.register_target", ("sharing.target", made.pk), after={"name": name, "schema": schema})
    return made


@transaction.atomic
def choose_target(actor: Actor, grant_id: int, target_id: int | str) -> Grant:
    """The consumer says where its pushed rows go."""
    doors.row(actor, "sharing.grant", grant_id, "receive")
    known, text = doors.rows(actor, "sharing.target"), str(target_id)
    target = known.filter(pk=text).first() if text.isdecimal() and len(text) < 19 else None
    if target is None:
        raise Invalid("没有选中推送目标，未作更改。请从列表里选本部门登记的目标。", errors={"target": ["必选"]})
    grant = Grant.objects.select_for_update().get(pk=grant_id)
    if grant.way != Way.TABLE or target.organisation_id != grant.organisation_id:
        raise Invalid("只有库表推送的授权可以选本部门登记的目标。", errors={"target": ["不符"]})
    grant.target = target
    grant.save(update_fields=["target", "updated_at"])
    ledger.record(actor, "sharing.choose_target", ("sharing.grant", grant.pk), after={"target": target.name})
    return grant


def _live(grant_id: int, way: str) -> Grant:
    """The grant, locked until the delivery is recorded: two runs of one push meet here."""
    grant = Grant.objects.select_for_update(of=("self",)).select_related("request", "target").get(pk=grant_id)
    today = timezone.localdate()
    if grant.way != way:
        raise Refused(f"该授权按“{grant.get_way_display()}”提供。", rule="提供方式以授权为准", code="way")
    ended = grant.state in (GrantState.REVOKED, GrantState.SUSPENDED)
    if ended or not grant.valid_from <= today <= grant.valid_until:
        raise Refused("授权已撤销、暂停或到期，没有交付。", rule="共享须有有效授权", code="ended")
    return grant


def push(actor: Actor, grant_id: int, *, full: bool = False) -> Delivery | None:
    """Bring the department's table to the current snapshot: what changed since the last push, or everything.

    None when it is already there. The target keeps the snapshot number in the same transaction as the rows, so a push
    that was cut off before it was recorded here is not done twice.
    """
    if not actor.system:
        doors.row(actor, "sharing.grant", grant_id, "deliver")
    with transaction.atomic():
        grant = _live(grant_id, Way.TABLE)
        if grant.target is None:
            raise Refused("还没有选择推送目标，请需求部门先登记。", rule="库表推送须有目标", code="target")
        url = decrypt(grant.target.sealed, TARGET)
        with psycopg.connect(url, connect_timeout=10) as remote:
            foreign.refuse_own(remote)
            last = None if full else _position(remote, grant)
            with extract(grant, last) as found:
                if last == found.position:
                    return None
                _apply(remote, grant, found)
                return _recorded(actor, grant, found, f"{grant.target}：{grant.target.schema}.{table_name(grant)}")


def table_name(grant: Grant) -> str:
    return f"shared_{grant.pk}"


def _position(remote: psycopg.Connection[tuple[object, ...]], grant: Grant) -> Position | None:
    """What the target's table has, by its own word."""
    schema = grant.target.schema if grant.target else ""
    remote.execute(sql.SQL(
        "CREATE TABLE IF NOT EXISTS {} (grant_id bigint PRIMARY KEY, snapshot integer NOT NULL, shape text NOT NULL, "
        "pushed_at timestamptz)"
    ).format(sql.Identifier(schema, "shared_snapshots")))  # fmt: skip
    row = remote.execute(
        sql.SQL("SELECT snapshot, shape FROM {} WHERE grant_id = %s").format(
            sql.Identifier(schema, "shared_snapshots")),
        [grant.pk],
    ).fetchone()  # fmt: skip
    return Position(int(str(row[0])), str(row[1])) if row else None


def _apply(remote: psycopg.Connection[tuple[object, ...]], grant: Grant, found: Extract) -> None:
    schema = grant.target.schema if grant.target else ""
    table, fresh = sql.Identifier(schema, table_name(grant)), sql.Identifier("fresh")
    names = [name for name, _ in found.columns]
    defined = sql.SQL(", ").join(
        sql.Identifier(name) + sql.SQL(" ") + sql.SQL("text" if name in found.masks else postgres_type(kind))
        for name, kind in found.columns
    )
    if found.since is None:
        _position(remote, grant)
        remote.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))
        remote.execute(sql.SQL("CREATE TABLE {} ({})").format(table, defined))
    remote.execute(sql.SQL("CREATE TEMP TABLE fresh ({}) ON COMMIT DROP").format(defined))
    _copy(remote, fresh, found.rows)
    if found.since is not None:
        keys = sql.SQL(", ").join(map(sql.Identifier, found.keys))
        remote.execute(sql.SQL("DELETE FROM {} WHERE ({}) IN (SELECT {} FROM fresh)").format(table, keys, keys))
        remote.execute(
            sql.SQL("CREATE TEMP TABLE gone ON COMMIT DROP AS SELECT {} FROM fresh WHERE false").format(keys)
        )
        if found.removed is not None:
            _copy(remote, sql.Identifier("gone"), found.removed)
        remote.execute(sql.SQL("DELETE FROM {} WHERE ({}) IN (SELECT {} FROM gone)").format(table, keys, keys))
    listed = sql.SQL(", ").join(map(sql.Identifier, names))
    remote.execute(sql.SQL("INSERT INTO {} ({}) SELECT {} FROM fresh").format(table, listed, listed))
    remote.execute(
        sql.SQL("INSERT INTO {} VALUES (%s, %s, %s, now()) ON CONFLICT (grant_id) DO UPDATE SET "
                "snapshot = excluded.snapshot, shape = excluded.shape, pushed_at = now()"
                ).format(sql.Identifier(schema, "shared_snapshots")), [grant.pk, found.snapshot.number, found.shape],
    )  # fmt: skip
    remote.commit()


def _copy(remote: psycopg.Connection[tuple[object, ...]], table: sql.Identifier, path: Path) -> None:
    statement = sql.SQL("COPY {} FROM STDIN (FORMAT csv, NULL '\\N')").format(table)
    with remote.cursor() as cursor, cursor.copy(statement) as copy, path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            copy.write(chunk)


def _recorded(actor: Actor, grant: Grant, found: Extract, target: str, digest: str = "") -> Delivery:
    """The delivered rows, in the caller's transaction."""
    made = Delivery.objects.create(
        grant=grant, organisation_id=grant.organisation_id, provider_id=grant.provider_id, way=grant.way,
        snapshot=found.snapshot.number, since=found.since, rows=found.count, removed=found.removed_count, target=target[:200],
        digest=digest or sm3(found.rows.read_bytes()), once=f"{grant.pk}:{found.snapshot.number}:{secrets.token_hex(6)}",
        created_by_id=actor.person_id, is_demo=grant.is_demo,
    )  # fmt: skip
    protection.record_access(
        actor, found.facts, [name for name, _ in found.columns], found.count, door=f"share_{grant.way}", purpose=grant.purpose,
        reference=grant.code,
    )  # fmt: skip
    ledger.record(
        actor, "sharing.deliver", ("sharing.delivery", made.pk), organisation_id=grant.organisation_id,
        after={"grant": grant.pk, "snapshot": made.snapshot, "since": made.since, "rows": made.rows, "digest": made.digest},
    )  # fmt: skip
    return made


@dataclass(frozen=True)
class Handed:
    """What the receiver gets once: the link's token and the key that opens the package."""

    package: Package
    token: str
    key: str


def package(actor: Actor, grant_id: int) -> Handed:
    """An SM4-GCM sealed file with manifest and hash, and a link that works once within three days.

    Layout: `YWPKG1\\n`, manifest as one line of JSON, then nonce ‖ ciphertext ‖ tag of the CSV; the first two lines are
    authenticated with it.
    """
    if not actor.system:
        doors.row(actor, "sharing.grant", grant_id, "deliver")
    with transaction.atomic():
        grant = _live(grant_id, Way.FILE)
        with extract(grant) as found:
            if found.rows.stat().st_size > MOST_BYTES:
                raise Refused("数据超过文件方式的上限 512 MB，请改用库表推送。", rule="文件包大小", code="size")
            header = ",".join(name for name, _ in found.columns).encode() + b"\n"
            plain = header + found.rows.read_bytes()
            manifest = {
                "grant": grant.code, "resource": grant.resource_name, "snapshot": found.snapshot.number, "rows": found.count,
                "columns": [name for name, _ in found.columns], "masked": sorted(found.masks), "null": "\\N",
                "sm3": sm3(plain), "made_at": timezone.now().isoformat(timespec="seconds"), "demo": grant.is_demo,
            }  # fmt: skip
            head = MAGIC + json.dumps(manifest, ensure_ascii=False).encode() + b"\n"
            key = secrets.token_bytes(16)
            sealed = head + seal(key, plain, head)
            delivery = _recorded(actor, grant, found, "一次性下载", digest=sm3(sealed))
        token = secrets.token_urlsafe(32)
        path = Path(FOLDER) / f"{delivery.pk}-{delivery.digest[:16]}.ywpkg"
        _keep(Path(settings.VAR) / path, sealed)
        made = Package.objects.create(
            delivery=delivery, path=str(path), size=len(sealed), token_digest=sm3(token.encode()),
            expires_at=timezone.now() + timedelta(hours=LINK_HOURS),
        )  # fmt: skip
    return Handed(made, token, key.hex())


def _keep(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_suffix(".part")
    with part.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    part.rename(path)
    places.sync(path.parent)


def sweep(actor: Actor, age: float = ORPHAN_AGE) -> int:
    """Remove packages that a killed process wrote and never recorded: nobody has a link or a key to them. How many."""
    if not actor.system:
        actor.require("sharing.grant", "deliver")
    folder, limit, removed = Path(settings.VAR) / FOLDER, timezone.now().timestamp() - age, 0
    for path in folder.glob("*") if folder.is_dir() else ():
        known = Package.objects.filter(path=str(Path(FOLDER) / path.name)).exists()
        if not known and path.is_file() and path.stat().st_mtime < limit:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def fetch(actor: Actor, token: str) -> tuple[Package, bytes]:
    """The package of a link, once: the second try, a guess and a late one get the same sentence. `actor` may be nobody."""
    with transaction.atomic():
        found = Package.objects.select_for_update(of=("self",)).select_related("delivery__grant").filter(
            token_digest=sm3(token.encode())).first()  # fmt: skip
        if found is None or found.fetched_at is not None or found.expires_at < timezone.now():
            raise Refused(
                "下载链接无效、已用过或已过期。请联系接口管理员重新生成。", rule="一次性下载链接", code="absent"
            )
        if found.delivery.grant.state in (GrantState.REVOKED, GrantState.SUSPENDED):
            raise Conflict("授权已撤销或暂停，不能下载。", rule="共享须有有效授权")
        found.fetched_at, found.fetched_from = timezone.now(), actor.address[:64]
        found.save(update_fields=["fetched_at", "fetched_from"])
        content = (Path(settings.VAR) / found.path).read_bytes()
        if sm3(content) != found.delivery.digest:
            raise Refused(
                "文件包内容与登记的摘要不符，没有交付。请联系接口管理员。", rule="交付须可核对", code="digest"
            )
        ledger.record(
            actor, "sharing.fetch", ("sharing.delivery", found.delivery_id), after={"digest": found.delivery.digest}
        )
    return found, content


def opened(content: bytes, key: str) -> tuple[dict[str, object], list[list[str]]]:
    """Manifest and rows of a package: what a receiver does with it. Raises InvalidTag when anything was changed."""
    from_manifest = content.index(b"\n", len(MAGIC)) + 1
    head, body = content[:from_manifest], content[from_manifest:]
    plain = unseal(bytes.fromhex(key), body, head)
    manifest = json.loads(head[len(MAGIC) :])
    return manifest, list(csv.reader(plain.decode().splitlines()))
