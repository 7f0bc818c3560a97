"""The gateway's peer: a bare keyed read over the same server, driver and pool; no key, no policy, no audit."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

from psycopg_pool import AsyncConnectionPool

READ = "SELECT row_to_json(t)::text FROM serving.r1_s1_1 t WHERE id_number = %s"


class Peer:
    def __init__(self, url: str) -> None:
        self.url = url

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        if scope["type"] == "lifespan":
            await receive()
            self.pool = AsyncConnectionPool(self.url, min_size=6, max_size=6, open=False, kwargs={"autocommit": True})
            await self.pool.open()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await self.pool.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
        key = scope["query_string"].decode().partition("=")[2]
        async with self.pool.connection() as connection:
            row = await (await connection.execute(READ, [key], prepare=True)).fetchone()
        body = (row[0] if row else "{}").encode()
        await send({"type": "http.response.start", "status": 200,
                    "headers": [(b"content-length", str(len(body)).encode())]})  # fmt: skip
        await send({"type": "http.response.body", "body": body})


def create() -> Peer:
    return Peer(os.environ["DATABASE_URL"])
