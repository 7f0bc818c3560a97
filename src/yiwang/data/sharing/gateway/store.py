"""What the gateway knows of a key, read from the platform's tables and kept until the platform says otherwise."""

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from yiwang.data.sharing.gateway.cells import Rows
from yiwang.kernel.crypto import decrypt, mac

CHANNEL = "sharing_changed"
SECRET_CONTEXT = "sharing.apikey"  # noqa: S105 - where a sealed secret belongs, not a secret
KEPT = 4096
ENTRY = """
SELECT k.id AS key_id, k.public, k.sealed, k.state AS key_state, k.valid_until AS key_until,
       g.id AS grant_id, g.kind, g.state AS grant_state, g.generation, g.projection, g.masks, g.filter_sql,
       g.filter_values, g.daily_quota, g.total_quota, g.rate, g.page_rows, g.valid_from, g.valid_until, g.way,
       g.provider_id, g.organisation_id, g.resource_id, g.resource_name,
       s.table_name, s.columns, s.keys, s.sealed AS sealed_names, s.sealed_with, s.snapshot, s.built_at, coalesce(s.generation, 0) AS table_generation
FROM sharing_apikey k JOIN sharing_grant g ON g.id = k.grant_id
LEFT JOIN sharing_servingtable s
       ON s.resource_id = g.resource_id AND s.current AND s.synthetic = (g.kind = 'sandbox')
WHERE k.public = %s
"""
MARKS = "SELECT key, field, text FROM sharing_mark WHERE resource_id = %s"
Marks = dict[str, dict[str, str]]
MARK = "sharing.mark"


def mark_key(key: str) -> str:
    """What the marks of a row are kept by: its key values, joined, are not to be read from the table."""
    return mac(key.encode(), MARK)


@dataclass(slots=True)
class Entry:
    """A key with its grant and the serving table behind it, as of `generation` and `table_generation`."""

    key_id: int
    public: str
    secret: bytes
    key_state: str
    key_until: date
    grant_id: int
    synthetic: bool
    grant_state: str
    generation: int
    way: str
    shown: tuple[str, ...]
    masks: dict[str, str]
    filter_sql: str
    filter_values: tuple[str, ...]
    daily_quota: int
    total_quota: int | None
    rate: int
    page_rows: int
    valid_from: date
    valid_until: date
    provider_id: int
    organisation_id: int
    resource_id: int
    resource_name: str
    table: str
    types: dict[str, str]
    keys: tuple[str, ...]
    sealed: Rows | None
    snapshot: int | None
    as_of: str
    table_generation: int
    marks: Marks

    @property
    def path(self) -> str:
        return f"/v1/g{self.grant_id}/rows"


def _entry(found: dict[str, Any], marks: Marks) -> Entry:
    types = dict(found["columns"] or [])
    return Entry(
        key_id=found["key_id"], public=found["public"],
        secret=decrypt(found["sealed"], SECRET_CONTEXT).encode(), key_state=found["key_state"],
        key_until=found["key_until"], grant_id=found["grant_id"], synthetic=found["kind"] == "sandbox",
        grant_state=found["grant_state"], generation=found["generation"], way=found["way"],
        # Both must hold: what the grant may show now, and what the table has.
        shown=tuple(name for name in found["projection"] if name in types),
        masks=dict(found["masks"]), filter_sql=found["filter_sql"], filter_values=tuple(found["filter_values"]),
        daily_quota=found["daily_quota"], total_quota=found["total_quota"], rate=found["rate"],
        page_rows=found["page_rows"], valid_from=found["valid_from"], valid_until=found["valid_until"],
        provider_id=found["provider_id"], organisation_id=found["organisation_id"],
        resource_id=found["resource_id"], resource_name=found["resource_name"], table=found["table_name"] or "",
        types=types, keys=tuple(found["keys"] or ()), sealed=_sealed(found), snapshot=found["snapshot"],
        as_of=found["built_at"].isoformat(timespec="seconds") if found["built_at"] else "",
        table_generation=found["table_generation"], marks=marks,
    )  # fmt: skip


def _sealed(found: dict[str, Any]) -> Rows | None:
    if not found["sealed_names"]:
        return None
    return Rows(found["resource_id"], found["keys"], frozenset(found["sealed_names"]), found["sealed_with"])


class Store:
    """Entries by public key. A notice on the channel empties the memory; the admission checks generations besides."""

    def __init__(self, pool: AsyncConnectionPool[Any], url: str) -> None:
        self.pool, self.url = pool, url
        self.entries: dict[str, Entry] = {}
        self.epoch = 0
        self.listening = False

    async def entry(self, public: str) -> Entry | None:
        known = self.entries.get(public)
        if known is not None:
            return known
        epoch = self.epoch
        async with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(ENTRY, [public])
            found = await cursor.fetchone()
            if found is None:
                return None
            await cursor.execute(MARKS, [found["resource_id"]])
            marks: Marks = {}
            for row in await cursor.fetchall():
                marks.setdefault(row["key"], {})[row["field"]] = row["text"]
        made = _entry(found, marks)
        # Something changed while this was read: use it once, remember nothing.
        if epoch == self.epoch and self.listening:
            if len(self.entries) >= KEPT:
                self.entries.clear()
            self.entries[public] = made
        return made

    def forget(self, public: str = "") -> None:
        self.epoch += 1
        if public:
            self.entries.pop(public, None)
        else:
            self.entries.clear()

    async def listen(self) -> None:
        """Forget at every notice; without a listening connection nothing is remembered at all."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self.forget()
                    self.listening = True
                    async for _ in connection.notifies():
                        self.forget()
            except psycopg.Error:
                pass
            self.listening = False
            self.forget()
            await asyncio.sleep(0.5)
