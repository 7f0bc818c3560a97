"""The sharing gateway: signed keyed reads with field policy and durable audit, the load on the same cores.

Peer in the same run: the same server, pool and rows, answering row_to_json of one key without signature, policy,
quota or audit (what a bare PostgREST-like read does).

Run with `./run bench gateway`. It makes a database of its own and drops it again; commits are durable.
"""

import argparse
import asyncio
import contextlib
import os
import resource
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bench import report, scratch  # isort: skip - sets Django up before any model

import psycopg
from django.db import connection
from django.utils import timezone

from yiwang.data.sharing.gateway.client import Client
from yiwang.data.sharing.models import Grant, Request
from yiwang.data.sharing.services import keys, serving
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.orgs.services import create_organisation

ROWS, CLIENTS, KILLS = 1_000_000, 32, 20
HOST = "127.0.0.1"
COLUMNS = (("id_number", "text"), ("name", "text"), ("phone", "text"), ("address", "text"), ("born_on", "date"),
           ("status", "text"), ("income", "decimal(12,2)"), ("secret_note", "text"))  # fmt: skip
SHOWN = ["id_number", "name", "phone", "born_on", "status"]
FREE = 10**9


@dataclass
class Run:
    latencies: list[float] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    bad: int = 0
    seconds: float = 0.0
    processor: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        return sorted(self.latencies)[int(len(self.latencies) * share)] * 1000


def chunks() -> Iterator[bytes]:
    for start in range(0, ROWS, 10_000):
        yield "".join(
            f"{number:018d},姓名{number},138{number:08d},望江街道{number % 999}号,1990-01-01,在册,1000.50,不得外出\n"
            for number in range(start, start + 10_000)
        ).encode()


def world() -> tuple[Grant, keys.IssuedKey]:
    city = create_organisation(SYSTEM, code="CITY", name="市")
    giver, taker = (create_organisation(SYSTEM, code=code, name=code, parent_id=city.pk) for code in ("GIVER", "TAKER"))
    today = timezone.localdate()
    asked = Request(
        organisation=taker, provider=giver, resource_id=1, resource_code="1/1", resource_name="人口", share_type="conditional",
        purpose="测", matter="测", fields=SHOWN, legal_basis="测", wanted_until=today,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # the request's case is of no use here
        asked.case_id = 0
        asked.save()
        cursor.execute("SET session_replication_role = origin")
    grant = Grant.objects.create(
        request=asked, organisation=taker, provider=giver, resource_id=1, resource_name="人口", purpose="测", way="api",
        fields=SHOWN, projection=SHOWN, masks={"phone": "phone", "name": "name"}, filter_sql='"status" = %s',
        filter_values=["在册"], daily_quota=FREE, rate=FREE, valid_from=today, valid_until=today + timedelta(days=9),
        state="active",
    )  # fmt: skip
    serving.build(SYSTEM, 1, COLUMNS, ["id_number"], chunks(), snapshot=1)
    return grant, keys.make_key(SYSTEM, grant, grant.valid_until)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def served(url: str, target: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = start(url, target, port)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def start(url: str, target: str, port: int) -> subprocess.Popen[bytes]:
    command = [str(Path(sys.executable).parent / "granian"), "--interface", "asgi", "--factory", "--host", HOST, "--port",
               str(port), "--workers", "1", "--log-level", "warning", target]  # fmt: skip
    process = subprocess.Popen(command, env={**os.environ, "DATABASE_URL": url}, start_new_session=True)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
            return process
        time.sleep(0.05)
    raise SystemExit(f"{target} does not listen on {port}")


def call(client: Client, grant: str, number: int, signed: bool) -> bytes:
    path, query = f"/v1/{grant}/rows", f"id_number={number:018d}"
    head = client.headers("GET", path, query) if signed else {}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"GET {path}?{query} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode()


async def one(port: int, client: Client, grant: str, until: float, run: Run, signed: bool, reconnect: bool) -> None:
    """A caller with a connection of its own that sends the next call when the last is answered."""
    while time.monotonic() < until:
        try:
            reader, writer = await asyncio.open_connection(HOST, port)
            while time.monotonic() < until:
                request = call(client, grant, secrets.randbelow(ROWS), signed)
                began = time.perf_counter()
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                body = await reader.readexactly(size)
                run.latencies.append(time.perf_counter() - began)
                if head.startswith(b"HTTP/1.1 200"):
                    if signed:
                        run.answered.append(body[12:36].decode())
                else:
                    run.bad += 1
            writer.close()
        except (OSError, asyncio.IncompleteReadError, ValueError, IndexError):
            if not reconnect:
                raise
            await asyncio.sleep(0.02)


def load(
    port: int, client: Client, grant: str, seconds: float, *, signed: bool = True, reconnect: bool = False,
    clients: int = CLIENTS,
) -> Run:  # fmt: skip
    run = Run()

    async def all_of_them() -> None:
        until = time.monotonic() + seconds
        await asyncio.gather(*(one(port, client, grant, until, run, signed, reconnect) for _ in range(clients)))

    began, used = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    asyncio.run(all_of_them())
    run.seconds = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    run.processor = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return run


def processor_of(group: int) -> float:
    """Processor seconds of a process group so far."""
    ticks = 0
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            parts = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(parts[2]) == group:
                ticks += int(parts[11]) + int(parts[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def database_processor() -> float:
    """Processor seconds of all PostgreSQL backends so far, living and ended ones alike (the postmaster's children)."""
    total = 0.0
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, IndexError):
            text = (folder / "stat").read_text()
            if "(postgres)" in text:
                parts = text.rpartition(")")[2].split()
                total += sum(map(int, parts[11:13])) / os.sysconf("SC_CLK_TCK")
    return total


def measured(
    url: str, target: str, client: Client, grant: str, seconds: float, signed: bool
) -> tuple[Run, float, float]:
    """The run, and processor milliseconds a call of the server and of the database."""
    port = free_port()
    with served(url, target, port) as process:
        load(port, client, grant, 1.5, signed=signed)
        before, base = processor_of(process.pid), database_processor()
        run = load(port, client, grant, seconds, signed=signed)
        calls = len(run.latencies) / 1000
        return run, (processor_of(process.pid) - before) / calls, (database_processor() - base) / calls


def killed(url: str, client: Client, grant: str, times: int) -> tuple[int, int]:
    """(answers received, answers without an audit row) over so many kill -9 under load."""
    answered: list[str] = []
    for _ in range(times):
        port = free_port()
        process = start(url, "yiwang.data.sharing.gateway.server:create", port)

        async def both(port: int = port, process: subprocess.Popen[bytes] = process) -> Run:
            run, until = Run(), time.monotonic() + 0.8 + secrets.randbelow(500) / 1000
            callers = [asyncio.create_task(one(port, client, grant, until + 9, run, True, False)) for _ in range(16)]
            await asyncio.sleep(until - time.monotonic())
            os.killpg(process.pid, signal.SIGKILL)
            await asyncio.gather(*callers, return_exceptions=True)
            return run

        answered += asyncio.run(both()).answered
        process.wait()
    with psycopg.connect(url) as database:
        row = database.execute(
            "SELECT count(*) FROM unnest(%s::text[]) AS t(id) WHERE NOT EXISTS "
            "(SELECT FROM sharing_call c WHERE c.request_id = t.id AND c.outcome = 'answered')", [answered],
        ).fetchone()  # fmt: skip
    return len(answered), int(row[0]) if row else -1


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kills", type=int, default=KILLS)
    given = parser.parse_args()
    with scratch.database("gateway") as url:
        grant, issued = world()
        client = Client(issued.key.public, issued.secret)
        ours, peers = [], []
        for _ in range(given.rounds):
            ours.append(
                measured(url, "yiwang.data.sharing.gateway.server:create", client, grant.code, given.seconds, True)
            )
            peers.append(measured(url, "bench.gateway_peer:create", client, grant.code, given.seconds, False))
        answers, lost = killed(url, client, grant.code, given.kills)
    rate, peer = (statistics.median(run.rate for run, _, _ in runs) for runs in (ours, peers))
    slow = statistics.median(run.percentile(0.99) for run, _, _ in ours)
    bad = sum(run.bad for run, _, _ in ours)
    rows = [
        report.Row("signed keyed reads a second, 32 callers", f"{rate:,.0f}", "≥1,500", rate >= 1500),
        report.Row("p99", f"{slow:.1f} ms", "≤50 ms", slow <= 50),
        report.Row("p50", f"{statistics.median(run.percentile(0.5) for run, _, _ in ours):.1f} ms"),
        report.Row("refused or failed among them", f"{bad}", "0", bad == 0),
        report.Row("processor ms a call: gateway / database / caller", " / ".join(f"{value:.2f}" for value in (
            statistics.median(own for _, own, _ in ours), statistics.median(own for _, _, own in ours),
            statistics.median(run.processor / len(run.latencies) * 1000 for run, _, _ in ours)))),
        report.Row("peer: bare row_to_json reads a second", f"{peer:,.0f}"),
        report.Row("peer: processor ms a call: server / database", " / ".join(f"{value:.2f}" for value in (
            statistics.median(own for _, own, _ in peers), statistics.median(own for _, _, own in peers)))),
        report.Row(f"answers without audit row over {given.kills} kill -9", f"{lost} of {answers:,}", "0", lost == 0),
    ]  # fmt: skip
    return 0 if report.write("gateway", rows) else 1


if __name__ == "__main__":
    sys.exit(main())
