"""A small client: signs calls and reads answers. Standard library only, so that a department may copy it."""

import http.client
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from yiwang.data.sharing.gateway import signing


@dataclass(frozen=True)
class Answer:
    status: int
    content: dict[str, Any]
    headers: dict[str, str]


@dataclass
class Client:
    """`key` and `secret` as the platform showed them once."""

    key: str
    secret: str
    host: str = "127.0.0.1"
    port: int = 8090
    timeout: float = 30.0

    def headers(
        self,
        method: str,
        path: str,
        query: str = "",
        body: bytes = b"",
        *,
        timestamp: int | None = None,
        nonce: str = "",
    ) -> dict[str, str]:
        stamp = str(int(time.time()) if timestamp is None else timestamp)
        once = nonce or secrets.token_urlsafe(18)
        text = signing.text_to_sign(method, path.encode(), query.encode(), signing.body_digest(body), stamp, once)
        signature = signing.sign(self.secret.encode(), text)
        return dict(zip(signing.HEADERS, (self.key, stamp, once, signature), strict=True))

    def send(self, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            connection.request(method, target, body=body or None, headers=headers)
            answer = connection.getresponse()
            text = answer.read()
            content = json.loads(text) if text else {}
            return Answer(answer.status, content, {name.lower(): value for name, value in answer.getheaders()})
        finally:
            connection.close()

    def rows(self, grant: str, **wanted: Any) -> Answer:
        """Rows by query: a key field and its value, `fields`, `limit`, `after`."""
        path, query = f"/v1/{grant}/rows", urlencode(wanted)
        return self.send("GET", f"{path}?{query}" if query else path, self.headers("GET", path, query))

    def query(self, grant: str, wanted: dict[str, Any]) -> Answer:
        """The same with the wish in the body, so that personal data stays out of addresses and their logs."""
        path, body = f"/v1/{grant}/rows", json.dumps(wanted, ensure_ascii=False).encode()
        return self.send(
            "POST", path, {**self.headers("POST", path, "", body), "content-type": "application/json"}, body
        )
