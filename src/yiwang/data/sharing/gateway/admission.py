"""Group commit: many calls are admitted, counted and audited in one transaction; nobody is answered before it is safe.

In that transaction, under row locks, a call is checked against the key's and grant's state as committed (a key revoked
in flight is refused), its nonce is kept (a replay is refused by any process, also after a restart) and its quota is
taken (exact under races). What is audited is what is then answered.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from yiwang.data.sharing.gateway import reading, signing
from yiwang.data.sharing.gateway.reading import Wish
from yiwang.data.sharing.gateway.refusals import ANSWERED, REASONS, Refusal
from yiwang.data.sharing.gateway.store import Entry, Store
from yiwang.kernel.crypto import CryptoProblem

LOCAL = timezone(timedelta(hours=8))
BATCH, WINDOW = 512, 0.004
STALE = "stale"
STANDING = """
SELECT k.id, k.state, g.generation, u.day, u.day_answered, u.answered,
       coalesce((SELECT s.generation FROM sharing_servingtable s WHERE s.resource_id = g.resource_id AND s.current
                 AND s.synthetic = (g.kind = 'sandbox')), 0)
FROM sharing_apikey k JOIN sharing_grant g ON g.id = k.grant_id JOIN sharing_usage u ON u.grant_id = g.id
WHERE k.id = ANY(%s) ORDER BY g.id, k.id FOR UPDATE OF u FOR SHARE OF k, g
"""
NONCES = """
INSERT INTO sharing_nonce (key_id, nonce, expires_at)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) ORDER BY 1, 2
ON CONFLICT DO NOTHING RETURNING key_id, nonce
"""
USAGE = """
UPDATE sharing_usage u SET day = t.day, day_answered = t.day_answered, answered = t.answered
FROM unnest(%s::bigint[], %s::date[], %s::int[], %s::bigint[]) AS t(grant_id, day, day_answered, answered)
WHERE u.grant_id = t.grant_id
"""
DAYS = """
INSERT INTO sharing_usageday AS d (grant_id, provider_id, organisation_id, day, answered, refused, rows, created_at)
SELECT t.*, now() FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::date[], %s::int[], %s::int[], %s::bigint[])
       AS t(grant_id, provider_id, organisation_id, day, answered, refused, rows)
ORDER BY grant_id
ON CONFLICT (grant_id, day) DO UPDATE SET answered = d.answered + excluded.answered,
    refused = d.refused + excluded.refused, rows = d.rows + excluded.rows
"""
COPY = """
COPY sharing_call (at, request_id, key, grant_id, provider_id, organisation_id, outcome, status, method, path,
                   query_digest, fields, rows, snapshot, address, milliseconds) FROM STDIN
"""


@dataclass(slots=True, eq=False)
class Call:
    """One call on its way. `outcome` stays empty until something refuses it or it is answered."""

    request_id: str
    at: datetime
    method: str
    path: str
    address: str
    digest: str = ""
    public: str = ""
    nonce: str = ""
    entry: Entry | None = None
    wish: Wish | None = None
    outcome: str = ""
    what: str = ""
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    more: bool = False
    day_left: int = 0
    done: asyncio.Future[None] | None = None

    def refuse(self, code: str, what: str = "") -> None:
        self.outcome, self.what, self.rows = code, what, []


@dataclass(slots=True)
class Standing:
    """What the database says of a key while its grant's usage is locked. A grant's own change moves its generation."""

    key_state: str
    generation: int
    day: date
    day_answered: int
    answered: int
    table_generation: int


class Admission:
    def __init__(self, pool: AsyncConnectionPool[Any], store: Store) -> None:
        self.pool, self.store = pool, store
        self.waiting: list[Call] = []
        self.ready = asyncio.Event()

    async def settle(self, call: Call) -> None:
        """Return when the call's fate is on disk."""
        call.done = asyncio.get_running_loop().create_future()
        self.waiting.append(call)
        self.ready.set()
        await call.done

    async def run(self) -> None:
        while True:
            await self.ready.wait()
            if len(self.waiting) < BATCH:
                await asyncio.sleep(WINDOW)
            batch, self.waiting = self.waiting[:BATCH], self.waiting[BATCH:]
            if not self.waiting:
                self.ready.clear()
            await self._flush_or_refuse(batch)

    async def _flush_or_refuse(self, batch: list[Call]) -> None:
        try:
            async with asyncio.timeout(20), self.pool.connection() as connection:
                await read_keyed(connection, batch)
                await flush(connection, batch)
        except (psycopg.Error, OSError, TimeoutError):
            for call in batch:
                call.refuse("unavailable")
        for call in batch:
            if call.outcome == STALE and call.entry is not None:
                self.store.forget(call.entry.public)
            if call.done is not None and not call.done.done():
                call.done.set_result(None)


async def read_keyed(connection: psycopg.AsyncConnection[Any], batch: list[Call]) -> None:
    """One statement a grant for all keys asked in the batch."""
    groups: dict[tuple[int, int, int], list[Call]] = {}
    for call in batch:
        if not call.outcome and call.entry is not None and call.wish is not None and call.wish.key is not None:
            key = (call.entry.grant_id, call.entry.generation, call.entry.table_generation)
            groups.setdefault(key, []).append(call)
    for calls in groups.values():
        entry = calls[0].entry
        assert entry is not None  # noqa: S101 - grouped by it
        asked = {call.wish.key for call in calls if call.wish is not None and call.wish.key is not None}
        text, values = reading.lookup(entry, sorted(asked, key=repr))
        try:
            found = reading.opened(entry, await (await connection.execute(text, values, prepare=True)).fetchall())
        except (psycopg.DatabaseError, CryptoProblem, Refusal):
            await connection.rollback()
            for call in calls:
                call.refuse("failed")
            continue
        width = len(entry.keys)
        by_key: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
        for row in found:
            by_key.setdefault(row[:width], []).append(row)
        for call in calls:
            call.rows = by_key.get(call.wish.key, []) if call.wish is not None and call.wish.key is not None else []


async def flush(connection: psycopg.AsyncConnection[Any], batch: list[Call]) -> None:
    """Admit, count and audit; on return it is committed. The connection is in autocommit outside."""
    today = datetime.now(LOCAL).date()
    live = [call for call in batch if not call.outcome and call.entry is not None]
    async with connection.transaction():
        standings: dict[int, Standing] = {}
        if live:
            ids = sorted({call.entry.key_id for call in live if call.entry is not None})
            rows = await (await connection.execute(STANDING, [ids], prepare=True)).fetchall()
            standings = {row[0]: Standing(*row[1:]) for row in rows}
            await _refuse_replays(connection, live)
            _judge(live, standings, today)
        # A stale call is read again and settled then; it has left no trace but its nonce, which it keeps.
        stale = [call for call in live if call.outcome == STALE]
        if stale:
            await connection.execute(
                "DELETE FROM sharing_nonce n USING unnest(%s::bigint[], %s::text[]) AS t(k, v) "
                "WHERE n.key_id = t.k AND n.nonce = t.v",
                [[call.entry.key_id for call in stale if call.entry], [call.nonce for call in stale]],
            )
        kept = [call for call in batch if call.outcome != STALE]
        await _count(connection, kept, standings, today)
        await _audit(connection, kept)
    for call in kept:
        call.outcome = call.outcome or ANSWERED


async def _refuse_replays(connection: psycopg.AsyncConnection[Any], live: list[Call]) -> None:
    """The first of equal nonces wins, in this batch, in other processes and for ever within the skew window."""
    first: dict[tuple[int, str], Call] = {}
    for call in live:
        if call.entry is not None and first.setdefault((call.entry.key_id, call.nonce), call) is not call:
            call.refuse("replay")
    until = datetime.now(UTC) + timedelta(seconds=2 * signing.SKEW + 60)
    values = [[key for key, _ in first], [nonce for _, nonce in first], [until] * len(first)]
    rows = await (await connection.execute(NONCES, values, prepare=True)).fetchall()
    fresh = {(row[0], row[1]) for row in rows}
    for key, call in first.items():
        if key not in fresh:
            call.refuse("replay")


def _judge(live: list[Call], standings: dict[int, Standing], today: date) -> None:
    """In order of arrival; what one call takes the next one of the same grant no longer has."""
    taken: dict[int, list[int]] = {}
    for call in live:
        entry = call.entry
        if call.outcome or entry is None:
            continue
        standing = standings.get(entry.key_id)
        if standing is None or standing.key_state != "active":
            call.refuse("key_revoked")
            continue
        if (standing.generation, standing.table_generation) != (entry.generation, entry.table_generation):
            call.refuse(STALE)
            continue
        counts = taken.setdefault(entry.grant_id, [
            standing.day_answered if standing.day == today else 0, standing.answered])  # fmt: skip
        if counts[0] >= entry.daily_quota:
            call.refuse("quota_day")
        elif entry.total_quota is not None and counts[1] >= entry.total_quota:
            call.refuse("quota_total")
        else:
            counts[0] += 1
            counts[1] += 1
            call.day_left = entry.daily_quota - counts[0]


async def _count(
    connection: psycopg.AsyncConnection[Any], batch: list[Call], standings: dict[int, Standing], today: date
) -> None:
    days: dict[int, list[int]] = {}
    entries: dict[int, Entry] = {}
    for call in batch:
        if call.entry is None:
            continue
        entries[call.entry.grant_id] = call.entry
        counts = days.setdefault(call.entry.grant_id, [0, 0, 0])
        counts[1 if call.outcome else 0] += 1
        counts[2] += len(call.rows)
    if not days:
        return
    used = [(key, days[key][0], standings[entries[key].key_id]) for key in sorted(days) if days[key][0]]
    if used:
        await connection.execute(USAGE, _columns(
            (key, today, count + (standing.day_answered if standing.day == today else 0), count + standing.answered)
            for key, count, standing in used
        ), prepare=True)  # fmt: skip
    await connection.execute(DAYS, _columns(
        (key, entries[key].provider_id, entries[key].organisation_id, today, *days[key]) for key in sorted(days)
    ), prepare=True)  # fmt: skip


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


async def _audit(connection: psycopg.AsyncConnection[Any], batch: list[Call]) -> None:
    now = datetime.now(UTC)
    async with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for call in batch:
            entry, answered = call.entry, not call.outcome
            await copy.write_row((
                call.at, call.request_id, call.public, entry.grant_id if entry else None,
                entry.provider_id if entry else None, entry.organisation_id if entry else None,
                call.outcome or ANSWERED, 200 if answered else REASONS[call.outcome].status, call.method, call.path,
                call.digest, ",".join(call.wish.fields) if answered and call.wish else "", len(call.rows),
                entry.snapshot if entry else None, call.address, int((now - call.at).total_seconds() * 1000),
            ))  # fmt: skip


async def read_page(pool: AsyncConnectionPool[Any], call: Call, seconds: int = 5) -> None:
    """A page of the table, apart from the shared transaction because it may take longer."""
    if call.entry is None or call.wish is None:
        return
    text, values = reading.page(call.entry, call.wish)
    try:
        async with asyncio.timeout(seconds), pool.connection() as connection:
            found = reading.opened(call.entry, await (await connection.execute(text, values)).fetchall())
    except (psycopg.Error, TimeoutError, CryptoProblem, Refusal):
        call.refuse("failed")
        return
    # The row beyond the page only tells that there is one: it neither leaves nor counts.
    call.rows, call.more = found[: call.wish.limit], len(found) > call.wish.limit
