"""A gateway process over the test database, with two grants and their keys."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from yiwang.data.sharing.gateway.client import Client
from yiwang.data.sharing.models import Grant, Request
from yiwang.data.sharing.services import keys, serving
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.orgs.services import create_organisation

HOST = "127.0.0.1"
COLUMNS = (("id_number", "text"), ("name", "text"), ("phone", "text"), ("born_on", "date"), ("status", "text"),
           ("diagnosis", "text"))  # fmt: skip
SHOWN = ["id_number", "name", "phone", "status"]
PEOPLE = [(f"{number:018d}", f"王小{number}", f"1380000{number:04d}", "1990-01-01", "在册" if number % 5 else "注销",
           f"机密病历{number}") for number in range(200)]  # fmt: skip


def url() -> str:
    settings = connection.settings_dict
    user = quote(settings["USER"]) + (":" + quote(settings["PASSWORD"]) if settings["PASSWORD"] else "")
    port = f"&port={settings['PORT']}" if settings["PORT"] else ""
    return f"postgresql://{user}@/{settings['NAME']}?host={quote(settings['HOST'], safe='')}{port}"


def lines(rows: list[tuple[str, ...]]) -> list[bytes]:
    return ["".join(",".join(row) + "\n" for row in rows).encode()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@dataclass
class Gate:
    """What a test may do: call, look at the audit, make grants."""

    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    giver: Any = None
    taker: Any = None
    clients: dict[int, Client] = field(default_factory=dict)
    var: str = field(default_factory=tempfile.mkdtemp)

    def start(self) -> None:
        self.port = free_port()
        command = [str(Path(sys.executable).parent / "granian"), "--interface", "asgi", "--factory", "--host", HOST,
                   "--port", str(self.port), "--workers", "1", "--log-level", "error",
                   "yiwang.data.sharing.gateway.server:create"]  # fmt: skip
        self.process = subprocess.Popen(
            command, env={**os.environ, "DATABASE_URL": url(), "YIWANG_VAR": self.var}, start_new_session=True
        )
        deadline = time.monotonic() + 30
        while Client("", "", port=self.port).send("GET", "/health", {}).status != 200 if self._listens() else True:
            assert time.monotonic() < deadline, "the gateway did not start"
            time.sleep(0.02)
        for client in self.clients.values():
            client.port = self.port

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), 1):
            return True
        return False

    def stop(self, signum: int = signal.SIGTERM) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signum)
            self.process.wait(20)

    def grant(self, **more: Any) -> tuple[Grant, Client]:
        """A grant of the people resource with a key."""
        today = timezone.localdate()
        facts = {"fields": SHOWN, "projection": SHOWN, "masks": {"phone": "phone"}, "filter_sql": '"status" = %s',
                 "filter_values": ["在册"], "daily_quota": 10_000, "rate": 10_000, "page_rows": 20,
                 "valid_from": today, "valid_until": today + timedelta(days=30), "state": "active", "way": "api", **more}  # fmt: skip
        made = Grant.objects.create(
            request=self.request(), organisation=self.taker, provider=self.giver, resource_id=1, resource_name="人口",
            purpose="核验", **facts,
        )  # fmt: skip
        issued = keys.make_key(SYSTEM, made, made.valid_until)
        self.clients[made.pk] = Client(issued.key.public, issued.secret, port=self.port)
        return made, self.clients[made.pk]

    def request(self) -> Request:
        """Grants are made here without the flow: what is tested is the gateway."""
        asked = Request(
            organisation=self.taker, provider=self.giver, resource_id=1, resource_code="101/1", resource_name="人口",
            share_type="conditional", purpose="核验", matter="救助", fields=SHOWN, legal_basis="办法",
            wanted_until=timezone.localdate(),
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            asked.case_id = -Request.objects.count() - 1
            asked.save()
            cursor.execute("SET session_replication_role = origin")
        return asked

    def audited(self, request_id: str) -> tuple[Any, ...]:
        """(outcome, rows, fields, grant, status) as on disk."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT outcome, rows, fields, grant_id, status FROM sharing_call WHERE request_id = %s",
                           [request_id])  # fmt: skip
            found = cursor.fetchall()
        assert len(found) == 1, found
        return found[0]

    def calls(self, outcome: str = "") -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM sharing_call WHERE %s IN ('', outcome)", [outcome])
            return int(cursor.fetchone()[0])


@contextlib.contextmanager
def opened() -> Iterator[Gate]:
    """Committed rows, a process, and an empty database afterwards."""
    made = Gate()
    try:
        city = create_organisation(SYSTEM, code="GCITY", name="网关市")
        made.giver, made.taker = (
            create_organisation(SYSTEM, code=code, name=name, parent_id=city.pk)
            for code, name in (("GGIVE", "公安局"), ("GTAKE", "民政局"))
        )
        serving.build(SYSTEM, 1, COLUMNS, ["id_number"], lines(PEOPLE), snapshot=3)
        made.start()
        yield made
    finally:
        made.stop()
        empty()


def empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA serving CASCADE")
        cursor.execute("CREATE SCHEMA serving")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("TRUNCATE sharing_call, sharing_nonce")
    call_command("flush", verbosity=0, interactive=False, allow_cascade=True)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = origin")
    assert not Organisation.objects.exists()
