"""The ASGI application. Order of a call: address, headers, signature, standing, wish, rows, audit on disk, answer."""

import asyncio
import json
import os
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg_pool import AsyncConnectionPool

from yiwang.data.sharing.gateway import reading, signing
from yiwang.data.sharing.gateway.admission import LOCAL, STALE, Admission, Call, read_page
from yiwang.data.sharing.gateway.refusals import ANSWERED, REASONS, Refusal, explained
from yiwang.data.sharing.gateway.store import Entry, Store
from yiwang.kernel.crypto import keys
from yiwang.kernel.files import restored
from yiwang.kernel.files.restored import deletions_due

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
ROWS = re.compile(rb"/v1/g([1-9][0-9]{0,17})/rows")
LONGEST_HEADER, LONGEST_QUERY, TRIES = 200, 8192, 3
INVALID_PER_SECOND, INVALID_BURST = 20, 100
CONTENT = [(b"content-type", b"application/json; charset=utf-8"), (b"cache-control", b"no-store"),
           (b"x-content-type-options", b"nosniff")]  # fmt: skip
DEMO_KEY = "demo-only-not-secret"


class Bucket:
    """Tokens by name; `take` is False when too many were taken lately."""

    def __init__(self) -> None:
        self.levels: dict[object, tuple[float, float]] = {}

    def take(self, name: object, per_second: float, burst: float) -> bool:
        now = time.monotonic()
        level, last = self.levels.get(name, (burst, now))
        level = min(burst, level + (now - last) * per_second)
        if len(self.levels) > 20_000:
            self.levels.clear()
        self.levels[name] = (level - 1 if level >= 1 else level, now)
        return level >= 1


class Gateway:
    def __init__(self, url: str, var: Path, *, proxies: int = 0, connections: int = 6) -> None:
        self.url, self.var, self.proxies, self.connections = url, var, proxies, connections
        self.rates, self.invalid = Bucket(), Bucket()
        self.tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        self.pool = AsyncConnectionPool(
            self.url, min_size=2, max_size=self.connections, open=False, timeout=10,
            kwargs={"autocommit": True, "options": "-c statement_timeout=8000 -c jit=off -c random_page_cost=1.1",
                    "application_name": "yiwang-gateway"},
        )  # fmt: skip
        await self.pool.open()
        self.store = Store(self.pool, self.url)
        self.admission = Admission(self.pool, self.store)
        self.tasks = [asyncio.create_task(self.store.listen()), asyncio.create_task(self.admission.run())]

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.pool.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            if scope["path"] == "/health":
                await self._health(send)
            else:
                await self._answer(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.open()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _health(self, send: Send) -> None:
        """200 when the database answers, notices arrive and the audit writer runs."""
        good = self.store.listening and not any(task.done() for task in self.tasks) and not deletions_due(self.var)
        try:
            async with asyncio.timeout(3), self.pool.connection() as connection:
                await connection.execute("SELECT 1")
        except Exception:  # noqa: BLE001 - whatever it is, the answer is the same
            good = False
        await _send(send, 200 if good else 503, {"status": "ok" if good else "unavailable"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = scope["headers"]
        call = Call(
            request_number(), datetime.now(UTC), scope["method"][:8], _printable(scope["path"]), self._address(scope)
        )
        if deletions_due(self.var):
            # Not audited: the ledger of calls is of another time until the platform is in order again.
            call.refuse("restored")
            await _refused(send, call)
            return
        try:
            await self._admit(call, scope, headers, receive)
        except Refusal as refusal:
            call.refuse(refusal.code, refusal.what)
            if call.outcome == "flood":
                await _refused(send, call)
                return
            await self.admission.settle(call)
        if call.outcome == ANSWERED:
            await self._rows(send, call)
        else:
            await _refused(send, call)

    async def _admit(self, call: Call, scope: Scope, headers: list[tuple[bytes, bytes]], receive: Receive) -> None:
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        query: bytes = scope["query_string"]
        try:
            found = _shape(raw, query, scope["method"])
            public, timestamp, nonce, signature = _credentials(headers)
            body = await _body(receive, scope["method"])
            call.public, call.nonce, digest = public, nonce, signing.body_digest(body)
            call.digest = signing.body_digest(query + b"\n" + digest.encode()) if query or body else ""
            entry = await self.store.entry(public)
            text = signing.text_to_sign(scope["method"], raw, query, digest, timestamp, nonce)
            if entry is None or not signing.matches(entry.secret, text, signature):
                raise Refusal("key")
            if abs(time.time() - int(timestamp)) > signing.SKEW:
                raise Refusal("skew")
        except Refusal:
            # Anybody may send these, so they are limited by address; each of them is audited until then.
            if not self.invalid.take(call.address, INVALID_PER_SECOND, INVALID_BURST):
                raise Refusal("flood") from None
            raise
        await self._settle(call, entry, found, scope["method"], query, body)

    async def _settle(self, call: Call, entry: Entry, grant_id: int, method: str, query: bytes, body: bytes) -> None:
        """Read and settle; again from the start when grant or table changed meanwhile."""
        for _ in range(TRIES):
            call.entry, call.outcome = entry, ""
            _standing(entry, grant_id)
            if not self.rates.take(entry.key_id, entry.rate, max(entry.rate, 1)) and call.wish is None:
                raise Refusal("rate")
            call.wish = reading.wish(entry, method, query, body)
            if call.wish.key is None:
                await read_page(self.pool, call)
            await self.admission.settle(call)
            if call.outcome != STALE:
                return
            again = await self.store.entry(call.public)
            if again is None:
                raise Refusal("key")
            entry = again
        raise Refusal("unavailable")

    async def _rows(self, send: Send, call: Call) -> None:
        entry, asked = call.entry, call.wish
        assert entry is not None and asked is not None  # noqa: S101 - answered calls have both
        following = reading.after(entry, call.rows[-1][: len(entry.keys)]) if call.more else ""
        shown, marks = reading.shown(entry, asked, call.rows)
        content: dict[str, Any] = {
            "request": call.request_id, "resource": entry.resource_name, "snapshot": entry.snapshot,
            "as_of": entry.as_of, "rows": shown, "objections": marks, "next": following,
            "quota": {"day_left": call.day_left},
        }  # fmt: skip
        if entry.synthetic:
            content["synthetic"] = "合成数据，仅供调试"
        await _send(send, 200, content)

    def _address(self, scope: Scope) -> str:
        """The peer, or what the trusted proxies in front of it say, counted from the right."""
        peer = str((scope.get("client") or ("", 0))[0])[:64]
        if not self.proxies:
            return peer
        given = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")
        hops = [hop.strip() for hop in given.split(",") if hop.strip()]
        return _printable(hops[-self.proxies])[:64] if len(hops) >= self.proxies else peer


def request_number() -> str:
    """Random, but grows with time: the first 12 digits are milliseconds, by which the audit finds it."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(6)}"


def _printable(text: str) -> str:
    return "".join(letter for letter in text[:120] if letter.isprintable())


def _shape(raw: bytes, query: bytes, method: str) -> int:
    found = ROWS.fullmatch(raw)
    if found is None:
        raise Refusal("path")
    if method not in ("GET", "POST"):
        raise Refusal("method")
    if len(query) > LONGEST_QUERY:
        raise Refusal("size")
    return int(found[1])


def _credentials(headers: list[tuple[bytes, bytes]]) -> tuple[str, str, str, str]:
    """The four headers, each exactly once and of its shape."""
    given: dict[str, str] = {}
    for name, value in headers:
        key = name.decode("latin-1").lower()
        if key in signing.HEADERS:
            if key in given or len(value) > LONGEST_HEADER:
                raise Refusal("headers")
            given[key] = value.decode("latin-1")
    shapes = (signing.KEY_SHAPE, signing.TIMESTAMP_SHAPE, signing.NONCE_SHAPE, signing.SIGNATURE_SHAPE)
    for key, shape in zip(signing.HEADERS, shapes, strict=True):
        if not shape.fullmatch(given.get(key, "")):
            raise Refusal("headers")
    return given[signing.KEY], given[signing.TIMESTAMP], given[signing.NONCE], given[signing.SIGNATURE]


async def _body(receive: Receive, method: str) -> bytes:
    body, more = b"", method != "GET"
    if not more:
        message = await receive()
        return bytes(message.get("body", b""))[: reading.MOST_BODY + 1]
    while more:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > reading.MOST_BODY:
            raise Refusal("size")
        more = bool(message.get("more_body")) and message["type"] != "http.disconnect"
    return body


def _standing(entry: Entry, grant_id: int) -> None:
    """What can be refused before asking the database; the admission asks it again under lock."""
    today = datetime.now(LOCAL).date()
    checks = (
        (entry.grant_id == grant_id, "other_grant"), (entry.key_state == "active", "key_revoked"),
        (today <= entry.key_until, "key_expired"), (entry.grant_state == "active", "grant_ended"),
        (today >= entry.valid_from, "grant_ended"), (today <= entry.valid_until, "grant_expired"),
        (bool(entry.table), "no_table"), (bool(entry.shown), "withheld"),
    )  # fmt: skip
    for holds, code in checks:
        if not holds:
            raise Refusal(code)


async def _refused(send: Send, call: Call) -> None:
    await _send(send, REASONS[call.outcome].status, explained(call.outcome, call.request_id, call.what))


async def _send(send: Send, status: int, content: dict[str, Any]) -> None:
    body = json.dumps(content, ensure_ascii=False, default=str, separators=(",", ":")).encode()
    await send({"type": "http.response.start", "status": status,
                "headers": [*CONTENT, (b"content-length", str(len(body)).encode())]})  # fmt: skip
    await send({"type": "http.response.body", "body": body})


def build(environment: dict[str, str]) -> Gateway:
    """The gateway of an environment; production refuses to start without the site's own secret."""
    secret = environment.get("YIWANG_SECRET_KEY") or DEMO_KEY
    if environment.get("YIWANG_ENV") == "production" and secret == DEMO_KEY:
        raise SystemExit("YIWANG_SECRET_KEY 没有设置：生产环境的共享网关不得使用演示密钥。")
    if not environment.get("DATABASE_URL"):
        raise SystemExit("DATABASE_URL 没有设置：共享网关不知道连哪个数据库。")
    var = restored.folder(environment)
    if deletions_due(var):
        raise SystemExit(restored.REFUSED)
    keys.use([secret, *(key for key in environment.get("YIWANG_OLD_SECRET_KEYS", "").split(",") if key)])
    return Gateway(
        environment["DATABASE_URL"], var, proxies=int(environment.get("YIWANG_TRUSTED_PROXIES", "0")),
        connections=int(environment.get("YIWANG_GATEWAY_CONNECTIONS", "6")),
    )  # fmt: skip


def create() -> Gateway:
    """What the server calls in its worker process."""
    return build(dict(os.environ))
