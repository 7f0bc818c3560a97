"""The audit of the gateway: nothing is answered that is not on disk, and the process needs nothing else."""

import http.client
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection

from yiwang.data.sharing.gateway.client import Client
from yiwang.data.sharing.gateway.server import build
from yiwang.data.sharing.models import Usage, UsageDay
from yiwang.data.sharing.tests.gate import PEOPLE, Gate
from yiwang.kernel.files import restored

SOMEBODY = next(row for row in PEOPLE if row[4] == "在册")


def test_大量无效调用被限速(gate: Gate) -> None:
    other = Gate(giver=gate.giver, taker=gate.taker)
    other.start()
    try:
        forged = Client("ywt_" + "1" * 20, "guess", port=other.port)
        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(lambda _: forged.rows("g1", id_number="1").status, range(150)))
    finally:
        other.stop()
    assert statuses.count(401) >= 100
    assert 429 in statuses


def test_强杀不丢账(gate: Gate) -> None:
    grant, client = gate.grant()
    answered: list[str] = []

    def hammer() -> None:
        while True:
            try:
                answer = client.rows(grant.code, id_number=SOMEBODY[0])
            except (OSError, http.client.HTTPException):
                return
            answered.append(answer.content["request"])

    for _ in range(2):
        workers = [threading.Thread(target=hammer) for _ in range(6)]
        for worker in workers:
            worker.start()
        time.sleep(0.4)
        gate.stop(signal.SIGKILL)
        for worker in workers:
            worker.join()
        gate.start()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM sharing_call WHERE request_id = ANY(%s) AND outcome = 'answered'", [answered]
        )
        assert (cursor.fetchone()[0], len(answered) > 20) == (len(answered), True)
    assert UsageDay.objects.get(grant=grant).answered >= len(answered)


def test_记不了账就不给数据(gate: Gate) -> None:
    grant, client = gate.grant()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE sharing_call ADD CONSTRAINT no_more CHECK (id < 0) NOT VALID")
    try:
        answer = client.rows(grant.code, id_number=SOMEBODY[0])
        assert (answer.status, answer.content["error"], "rows" in answer.content) == (503, "unavailable", False)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE sharing_call DROP CONSTRAINT no_more")
    assert Usage.objects.get(grant=grant).answered == 0
    assert client.rows(grant.code, id_number=SOMEBODY[0]).status == 200


def test_调用记录不能改不能删(gate: Gate) -> None:
    grant, client = gate.grant()
    client.rows(grant.code, id_number=SOMEBODY[0])
    for statement in ("UPDATE sharing_call SET rows = 0", "DELETE FROM sharing_call", "TRUNCATE sharing_call"):
        with pytest.raises(Exception, match=r"append|只增|不能|refuse"), connection.cursor() as cursor:
            cursor.execute(statement)


def test_网关进程不装载Django() -> None:
    script = (
        "import sys, yiwang.data.sharing.gateway.server as s; s.build({'DATABASE_URL': 'x'});"
        "print([m for m in sys.modules if m.split('.')[0] in ('django', 'duckdb', 'pyarrow')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_恢复后还欠删除时网关不启动_在运行的不给数据(gate: Gate) -> None:
    grant, client = gate.grant()
    mark = Path(gate.var) / restored.DUE
    assert client.rows(grant.code, id_number=SOMEBODY[0]).status == 200
    before = gate.calls()
    mark.touch()
    try:
        for answer in (client.rows(grant.code, id_number=SOMEBODY[0]), client.rows("g999999", limit=5)):
            assert (answer.status, answer.content["error"], "rows" in answer.content) == (503, "restored", False)
            assert answer.content["what"].startswith(restored.WHY)
        assert client.send("GET", "/health", {}).status == 503
        with pytest.raises(SystemExit, match="delete_again"):
            build({"DATABASE_URL": "x", "YIWANG_VAR": gate.var})
    finally:
        mark.unlink()
    assert gate.calls() == before
    assert client.rows(grant.code, id_number=SOMEBODY[0]).status == 200


def test_生产环境没有密钥不启动() -> None:
    script = (
        "import yiwang.data.sharing.gateway.server as s; s.build({'YIWANG_ENV': 'production', 'DATABASE_URL': 'x'})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "YIWANG_SECRET_KEY" in done.stderr
