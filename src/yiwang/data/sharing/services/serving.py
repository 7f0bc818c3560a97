"""Serving tables: the only module that creates and drops tables at run time (docs/adr/0014-serving-tables.md).

They are data of the schema `serving`, not models: one a resource and snapshot, built beside the old one and switched to
in one transaction. Only columns that some grant needs are in them.
"""

import re
from collections.abc import Iterable, Sequence

import psycopg
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone
from psycopg import sql

from yiwang.data.sharing.gateway import cells
from yiwang.data.sharing.models import Call, ServingTable
from yiwang.data.sharing.services.keys import announce
from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.crypto.cells import current as key_name

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
DECIMAL = re.compile(r"decimal\((\d{1,2}), ?(\d{1,2})\)")
TYPES = {"text": "text", "integer": "bigint", "date": "date", "timestamp": "timestamp", "boolean": "boolean"}
# Old tables stay for calls that were reading them.
KEPT_TABLES = 1
Columns = Sequence[tuple[str, str]]


def postgres_type(kind: str) -> str:
    """The PostgreSQL type of a lake type."""
    found = DECIMAL.fullmatch(kind)
    if found:
        return f"numeric({int(found[1])},{int(found[2])})"
    if kind not in TYPES:
        raise Refused(f"字段类型“{kind}”不能建服务表。", rule="服务表的类型与湖表相同", code="type")
    return TYPES[kind]


def build(
    actor: Actor, resource_id: int, columns: Columns, keys: Sequence[str], chunks: Iterable[bytes], *, snapshot: int,
    lake_table: str = "", synthetic: bool = False, keep_old: bool = True, sealed: frozenset[str] = frozenset(),
) -> ServingTable:  # fmt: skip
    """Make the table of a snapshot from CSV (no header, \\N is null) and switch to it.

    With `sealed` columns the CSV has its rows as `gateway.cells` stores them. Without `keep_old` nothing of earlier snapshots stays: they hold somebody who has been deleted.
    """
    if not actor.system:
        actor.require("sharing.serving", "build")
    _refuse_names(columns, keys)
    try:
        with transaction.atomic():
            _lock(resource_id)
            last = ServingTable.objects.filter(resource_id=resource_id, synthetic=synthetic).order_by("-id").first()
            generation = last.generation + 1 if last else 1
            name = f"r{resource_id}_{'x' if synthetic else 's'}{snapshot}_{generation}"
            held = cells.stored(columns, keys, sealed)
            rows = _fill(name, held, keys, chunks)
            ServingTable.objects.filter(resource_id=resource_id, synthetic=synthetic, current=True).update(
                current=False
            )
            made = ServingTable.objects.create(
                resource_id=resource_id, synthetic=synthetic, table_name=name, lake_table=lake_table, snapshot=snapshot,
                columns=[list(column) for column in columns], keys=list(keys), rows=rows,
                digest=digest(name, held), current=True, generation=generation, sealed=sorted(sealed),
                sealed_with=key_name() if sealed else "",
            )  # fmt: skip
            _drop_old(made, KEPT_TABLES if keep_old else 0)
            announce()
    except IntegrityError as error:
        raise Refused(
            f"快照 {snapshot} 的键字段（{'、'.join(keys)}）有重复或空值，服务表没有切换，仍用原来的。请先治理主键。",
            rule="服务表按键唯一", code="duplicate_key",
        ) from error  # fmt: skip
    except DatabaseError as error:
        raise Refused(
            f"快照 {snapshot} 的数据与声明的字段类型不符，服务表没有切换：{str(error).splitlines()[0][:200]}",
            rule="服务表的类型与湖表相同", code="type",
        ) from error  # fmt: skip
    return made


def _refuse_names(columns: Columns, keys: Sequence[str]) -> None:
    names = [name for name, _ in columns]
    bad = [name for name in names if not NAME.fullmatch(name)]
    if bad or len(set(names)) != len(names) or not keys or not set(keys) <= set(names):
        raise Refused(
            f"字段名或键字段不合规：{'、'.join(bad) or '键字段缺失或字段重复'}。", rule="服务表字段", code="columns"
        )


def _lock(resource_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [0x73657276, resource_id % 2**31])


def _raw() -> psycopg.Connection[tuple[object, ...]]:
    """The driver's connection in the caller's transaction, for COPY and composed names."""
    connection.ensure_connection()
    raw: psycopg.Connection[tuple[object, ...]] = connection.connection
    return raw


def _fill(name: str, columns: Columns, keys: Sequence[str], chunks: Iterable[bytes]) -> int:
    table = sql.Identifier("serving", name)
    defined = sql.SQL(", ").join(
        sql.Identifier(column) + sql.SQL(f" {postgres_type(kind)}" + (" NOT NULL" if column in keys else ""))
        for column, kind in columns
    )
    key = sql.SQL(", ").join(map(sql.Identifier, keys))
    with connection.wrap_database_errors, _raw().cursor() as cursor:
        cursor.execute(sql.SQL("CREATE TABLE {} ({})").format(table, defined))
        with cursor.copy(sql.SQL("COPY {} FROM STDIN (FORMAT csv, NULL '\\N')").format(table)) as copy:
            for chunk in chunks:
                copy.write(chunk)
        rows = cursor.rowcount
        cursor.execute(sql.SQL("CREATE UNIQUE INDEX ON {} ({})").format(table, key))
        cursor.execute(sql.SQL("ANALYZE {}").format(table))
    return rows


def _drop_old(made: ServingTable, kept: int) -> None:
    """All but the last; none that shows what is sealed now."""
    old = ServingTable.objects.filter(resource_id=made.resource_id, synthetic=made.synthetic, current=False)
    gone = [each for place, each in enumerate(old.order_by("-id")) if place >= kept or each.sealed != made.sealed]
    for each in gone:
        with _raw().cursor() as cursor:
            cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier("serving", each.table_name)))
        each.delete()


# The same text on both sides: md5 of the row's values, each as text, joined; summed, so that order does not matter.
ABSENT = "~"


def row_text(columns: Columns) -> str:
    """A SQL expression, alike in PostgreSQL and DuckDB, for the text of a row."""
    return (
        "concat_ws('|', " + ", ".join(f"coalesce(CAST(\"{name}\" AS varchar), '{ABSENT}')" for name, _ in columns) + ")"
    )


def digest(name: str, columns: Columns) -> str:
    """`<rows>:<sum>` of a serving table, comparable with the lake's."""
    _refuse_names(columns, [columns[0][0]])
    text = sql.SQL(
        "SELECT count(*), coalesce(sum(('x' || substr(md5({}), 1, 15))::bit(60)::bigint::numeric), 0) FROM {}"
    )
    with connection.wrap_database_errors, _raw().cursor() as cursor:
        cursor.execute(text.format(sql.SQL(row_text(columns)), sql.Identifier("serving", name)))
        row = cursor.fetchone()
    return f"{row[0]}:{row[1]}" if row else "0:0"


def checked(actor: Actor, table: ServingTable, lake_digest: str) -> bool:
    """Keep the result of the nightly comparison: the table as it is now against the lake's snapshot."""
    if not actor.system:
        actor.require("sharing.serving", "build")
    columns = [(str(name), str(kind)) for name, kind in table.columns]
    agrees = digest(table.table_name, cells.stored(columns, table.keys, frozenset(table.sealed))) == lake_digest
    ServingTable.objects.filter(pk=table.pk).update(checked_at=timezone.now(), agrees=agrees)
    return agrees


def ensure_partitions(actor: Actor) -> int:
    """Partitions of the call audit three months ahead."""
    if not actor.system:
        actor.require("sharing.serving", "build")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {Call._meta.db_table}_partitions(%s, 4)", [timezone.localdate()])
        return int(cursor.fetchone()[0])


def forget_nonces(actor: Actor) -> int:
    """A nonce older than the skew window can't come back: its timestamp would be refused."""
    if not actor.system:
        actor.require("sharing.serving", "build")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM sharing_nonce WHERE expires_at < now()")
        return int(cursor.rowcount)


def touch(resource_id: int) -> None:
    """Make the gateways read a resource's entries and marks again."""
    ServingTable.objects.filter(resource_id=resource_id, current=True).update(generation=F("generation") + 1)
    announce()
