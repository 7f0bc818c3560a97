"""What the gateway answers, what it refuses, and that both are on disk first. Real process, real HTTP."""

import json
import signal
import socket
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from yiwang.data.sharing.gateway import signing
from yiwang.data.sharing.gateway.client import Answer, Client
from yiwang.data.sharing.gateway.store import mark_key
from yiwang.data.sharing.models import ApiKey, Grant, Mark, Usage, UsageDay
from yiwang.data.sharing.services import keys, serving
from yiwang.data.sharing.tests.gate import COLUMNS, PEOPLE, SHOWN, Gate, lines
from yiwang.kernel.access.actors import SYSTEM

KEPT = [row for row in PEOPLE if row[4] == "在册"]
SOMEBODY, STRUCK_OFF = KEPT[0], next(row for row in PEOPLE if row[4] == "注销")


@pytest.fixture(scope="module")
def given(gate: Gate) -> Iterator[tuple[Grant, Client]]:
    yield gate.grant()


def refused(gate: Gate, answer: Answer, status: int, code: str) -> None:
    """A refusal explains itself and is audited."""
    assert (answer.status, answer.content.get("error")) == (status, code), answer
    assert all(answer.content[part] for part in ("what", "rule", "todo", "request"))
    assert gate.audited(answer.content["request"])[0] == code


# What is answered


def test_按键查询只出授权字段_脱敏_带快照号_先记账(gate: Gate, given: tuple[Grant, Client]) -> None:
    grant, client = given
    answer = client.rows(grant.code, id_number=SOMEBODY[0])
    assert answer.status == 200
    assert answer.content["rows"] == [
        {
            "id_number": SOMEBODY[0],
            "name": SOMEBODY[1],
            "phone": SOMEBODY[2][:3] + "****" + SOMEBODY[2][-4:],
            "status": "在册",
        }
    ]
    assert answer.content["snapshot"] == 3
    assert gate.audited(answer.content["request"]) == ("answered", 1, ",".join(SHOWN), grant.pk, 200)


def test_行条件以外的行查不到(given: tuple[Grant, Client]) -> None:
    grant, client = given
    assert client.rows(grant.code, id_number=STRUCK_OFF[0]).content["rows"] == []


def test_请求体方式同样答复(given: tuple[Grant, Client]) -> None:
    grant, client = given
    answer = client.query(grant.code, {"id_number": SOMEBODY[0], "fields": ["name"]})
    assert answer.content["rows"] == [{"name": SOMEBODY[1]}]


def test_分页走遍全部且不重不漏(given: tuple[Grant, Client]) -> None:
    grant, client = given
    seen, after = [], ""
    while True:
        answer = client.rows(grant.code, limit=20, **({"after": after} if after else {}))
        seen += [row["id_number"] for row in answer.content["rows"]]
        after = answer.content["next"]
        if not after:
            break
    assert seen == sorted(row[0] for row in KEPT)


def test_翻页标记不透露键值_也不能伪造和挪用(gate: Gate) -> None:
    grant, client = gate.grant(projection=["name"], page_rows=20)
    mark = client.rows(grant.code, limit=1).content["next"]
    padded = mark.rpartition(".")[2]
    assert KEPT[0][0] not in mark and KEPT[0][0].encode() not in b64decode(padded + "=" * (-len(padded) % 4), b"-_")
    other, holder = gate.grant()
    forged = urlsafe_b64encode(json.dumps([KEPT[0][0]]).encode()).decode()
    refused(gate, holder.rows(other.code, limit=1, after=mark), 400, "query")
    refused(gate, client.rows(grant.code, limit=1, after=forged), 400, "query")


def test_一页的账只记给出的行(gate: Gate) -> None:
    grant, client = gate.grant()
    answer = client.rows(grant.code, limit=7)
    assert len(answer.content["rows"]) == 7
    assert gate.audited(answer.content["request"])[1] == 7
    assert UsageDay.objects.get(grant=grant).rows == 7


def test_异议标注随应答给出_只限返回的字段(gate: Gate, given: tuple[Grant, Client]) -> None:
    grant, client = given
    Mark.objects.create(resource_id=1, key=mark_key(SOMEBODY[0]), field="name", text="异议核实中")
    Mark.objects.create(resource_id=1, key=mark_key(SOMEBODY[0]), field="diagnosis", text="异议核实中")
    serving.touch(1)
    assert client.rows(grant.code, id_number=SOMEBODY[0]).content["objections"] == {"0": {"name": "异议核实中"}}
    assert client.rows(grant.code, id_number=SOMEBODY[0], fields="phone").content["objections"] == {}


def test_换快照后应答带新快照号(gate: Gate) -> None:
    grant, client = gate.grant()
    assert client.rows(grant.code, id_number=SOMEBODY[0]).content["snapshot"] == 3
    serving.build(SYSTEM, 1, COLUMNS, ["id_number"], lines(PEOPLE), snapshot=4)
    assert client.rows(grant.code, id_number=SOMEBODY[0]).content["snapshot"] == 4


def test_键重复的快照不切换(gate: Gate) -> None:
    grant, client = gate.grant()
    before = client.rows(grant.code, id_number=SOMEBODY[0]).content["snapshot"]
    with pytest.raises(Exception, match="有重复或空值"):
        serving.build(SYSTEM, 1, COLUMNS, ["id_number"], lines([PEOPLE[0], PEOPLE[0]]), snapshot=9)
    assert client.rows(grant.code, id_number=SOMEBODY[0]).content["snapshot"] == before


# No undeclared field by any door of the gateway


@pytest.mark.parametrize(
    "wanted", ["diagnosis", "name,diagnosis", "*", "born_on", "name, phone", "NAME", "name\x00", ""]
)
def test_授权以外的字段一律拒绝(gate: Gate, given: tuple[Grant, Client], wanted: str) -> None:
    grant, client = given
    refused(gate, client.rows(grant.code, id_number=SOMEBODY[0], fields=wanted), 403, "field")


def test_授权了但目录不再允许的字段不出(gate: Gate) -> None:
    grant, client = gate.grant(projection=["name"])
    answer = client.rows(grant.code, id_number=SOMEBODY[0])
    assert answer.content["rows"] == [{"name": SOMEBODY[1]}]
    refused(gate, client.rows(grant.code, id_number=SOMEBODY[0], fields="phone"), 403, "field")


def test_没有一个字段可出时整体拒绝(gate: Gate) -> None:
    grant, client = gate.grant(projection=[])
    refused(gate, client.rows(grant.code, id_number=SOMEBODY[0]), 403, "withheld")


def test_任何应答里都没有未授权字段的名和值(gate: Gate, given: tuple[Grant, Client]) -> None:
    grant, client = given
    answers = [
        client.rows(grant.code, id_number=SOMEBODY[0]), client.rows(grant.code, limit=20), client.rows(grant.code),
        client.query(grant.code, {"id_number": SOMEBODY[0]}), client.rows(grant.code, diagnosis="x"),
        client.rows(grant.code, limit=20, after=json.dumps(["0"])),
    ]  # fmt: skip
    for answer in answers[:4]:
        assert all(set(row) <= set(SHOWN) for row in answer.content["rows"])
    assert not any("机密病历" in json.dumps(answer.content, ensure_ascii=False) for answer in answers)


def test_不认识的脱敏种类整值隐藏(gate: Gate) -> None:
    grant, client = gate.grant(masks={"name": "no_such_kind"})
    assert client.rows(grant.code, id_number=SOMEBODY[0], fields="name").content["rows"] == [{"name": "****"}]


# Signature


def sent(client: Client, grant: Grant, headers: dict[str, str], query: str = f"id_number={SOMEBODY[0]}") -> Answer:
    return client.send("GET", f"/v1/{grant.code}/rows?{query}", headers)


def signed(client: Client, grant: Grant, query: str = f"id_number={SOMEBODY[0]}", **more: object) -> dict[str, str]:
    return client.headers("GET", f"/v1/{grant.code}/rows", query, **more)  # type: ignore[arg-type]


def test_重放被拒_重启之后也拒(gate: Gate) -> None:
    grant, client = gate.grant()
    headers = signed(client, grant)
    assert sent(client, grant, headers).status == 200
    refused(gate, sent(client, grant, headers), 409, "replay")
    gate.stop(signal.SIGKILL)
    gate.start()
    refused(gate, sent(client, grant, headers), 409, "replay")
    assert client.rows(grant.code, id_number=SOMEBODY[0]).status == 200


def test_两个进程同时重放只有一个成功(gate: Gate) -> None:
    grant, client = gate.grant()
    other = Gate(giver=gate.giver, taker=gate.taker)
    other.start()
    try:
        outcomes = []
        for _ in range(6):
            headers = signed(client, grant)
            here, there = client, Client(client.key, client.secret, port=other.port)
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda one, mine=headers: sent(one, grant, mine), [here, there] * 4))
            outcomes.append(sorted(answer.status for answer in answers))
        assert outcomes == [[200, *[409] * 7]] * 6
    finally:
        other.stop()


@pytest.mark.parametrize("name", signing.HEADERS)
def test_缺一个签名头或写错都不行(gate: Gate, given: tuple[Grant, Client], name: str) -> None:
    grant, client = given
    headers = signed(client, grant)
    refused(gate, sent(client, grant, {key: value for key, value in headers.items() if key != name}), 401, "headers")
    refused(gate, sent(client, grant, {**headers, name: "x'; DROP TABLE sharing_call;--"}), 401, "headers")


def test_伪造的签名与密钥不行(gate: Gate, given: tuple[Grant, Client]) -> None:
    grant, client = given
    forged = Client(client.key, "guess", port=gate.port)
    refused(gate, forged.rows(grant.code, id_number=SOMEBODY[0]), 401, "key")
    unknown = Client("ywt_" + "0" * 20, client.secret, port=gate.port)
    refused(gate, unknown.rows(grant.code, id_number=SOMEBODY[0]), 401, "key")


@pytest.mark.parametrize("seconds", [-signing.SKEW - 5, signing.SKEW + 5, -500_000_000])
def test_时钟偏差过大被拒(gate: Gate, given: tuple[Grant, Client], seconds: int) -> None:
    grant, client = given
    refused(gate, sent(client, grant, signed(client, grant, timestamp=int(time.time()) + seconds)), 401, "skew")


def test_签的是这个_送的是那个(gate: Gate, given: tuple[Grant, Client]) -> None:
    grant, client = given
    refused(gate, sent(client, grant, signed(client, grant), f"id_number={KEPT[1][0]}"), 401, "key")
    path, body = f"/v1/{grant.code}/rows", json.dumps({"id_number": SOMEBODY[0]}).encode()
    headers = client.headers("POST", path, "", body)
    refused(gate, client.send("POST", path, headers, body.replace(b"0", b"1")), 401, "key")
    refused(gate, client.send("GET", path, headers), 401, "key")
    other, _ = gate.grant()
    refused(gate, client.send("POST", f"/v1/{other.code}/rows", headers, body), 401, "key")


def test_密钥只开自己的授权(gate: Gate, given: tuple[Grant, Client]) -> None:
    _, client = given
    other, _ = gate.grant()
    refused(gate, client.rows(other.code, id_number=SOMEBODY[0]), 403, "other_grant")


# Standing


def test_密钥作废后立即拒绝(gate: Gate) -> None:
    grant, client = gate.grant()
    assert client.rows(grant.code, id_number=SOMEBODY[0]).status == 200
    keys.revoke_key(SYSTEM, ApiKey.objects.get(grant=grant).pk, reason="人员离岗")
    refused(gate, client.rows(grant.code, id_number=SOMEBODY[0]), 403, "key_revoked")


def test_在途时作废的也拒绝(gate: Gate) -> None:
    """The call has passed every check and waits for the admission; the revocation commits first."""
    grant, client = gate.grant()
    assert client.rows(grant.code, id_number=SOMEBODY[0]).status == 200
    answers: list[Answer] = []
    with transaction.atomic():
        Usage.objects.select_for_update().get(grant=grant)
        caller = threading.Thread(target=lambda: answers.append(client.rows(grant.code, id_number=SOMEBODY[0])))
        caller.start()
        time.sleep(0.3)
        assert not answers
        # Straight to the row, without the notice: only the check under lock can tell.
        ApiKey.objects.filter(grant=grant).update(state="revoked")
    caller.join()
    refused(gate, answers[0], 403, "key_revoked")


def test_授权变动时在途的调用按新授权重做(gate: Gate) -> None:
    grant, client = gate.grant()
    assert "phone" in client.rows(grant.code, id_number=SOMEBODY[0]).content["rows"][0]
    answers: list[Answer] = []
    with transaction.atomic():
        Usage.objects.select_for_update().get(grant=grant)
        caller = threading.Thread(target=lambda: answers.append(client.rows(grant.code, id_number=SOMEBODY[0])))
        caller.start()
        time.sleep(0.3)
        Grant.objects.filter(pk=grant.pk).update(projection=["name"], generation=grant.generation + 1)
    caller.join()
    assert answers[0].content["rows"] == [{"name": SOMEBODY[1]}]
    assert gate.audited(answers[0].content["request"])[2] == "name"


@pytest.mark.parametrize(("facts", "code"), [
    ({"state": "revoked"}, "grant_ended"), ({"state": "suspended"}, "grant_ended"), ({"state": "pending"}, "grant_ended"),
    ({"valid_from": timezone.localdate() - timedelta(9), "valid_until": timezone.localdate() - timedelta(1)}, "grant_expired"),
    ({"valid_from": timezone.localdate() + timedelta(1)}, "grant_ended"), ({"resource_id": 77}, "no_table"),
])  # fmt: skip
def test_授权无效的原因各不相同(gate: Gate, facts: dict[str, object], code: str) -> None:
    grant, client = gate.grant()
    Grant.objects.filter(pk=grant.pk).update(**facts)
    if code == "grant_expired":
        ApiKey.objects.filter(grant=grant).update(valid_until=timezone.localdate())
    refused(gate, client.rows(grant.code, id_number=SOMEBODY[0]), 503 if code == "no_table" else 403, code)


def test_密钥过期(gate: Gate) -> None:
    grant, client = gate.grant()
    ApiKey.objects.filter(grant=grant).update(valid_until=timezone.localdate() - timedelta(days=1))
    refused(gate, client.rows(grant.code, id_number=SOMEBODY[0]), 403, "key_expired")


# Quota


def test_八个客户端抢限额_恰好用完(gate: Gate) -> None:
    grant, client = gate.grant(daily_quota=40)
    other = Gate(giver=gate.giver, taker=gate.taker)
    other.start()
    try:
        ports = [gate.port, other.port] * 4

        def race(port: int) -> list[int]:
            mine = Client(client.key, client.secret, port=port)
            return [mine.rows(grant.code, id_number=SOMEBODY[0]).status for _ in range(10)]

        with ThreadPoolExecutor(8) as pool:
            statuses = [status for found in pool.map(race, ports) for status in found]
    finally:
        other.stop()
    assert (statuses.count(200), statuses.count(429)) == (40, 40)
    day = UsageDay.objects.get(grant=grant)
    assert (day.answered, day.refused, day.rows) == (40, 40, 40)
    assert Usage.objects.get(grant=grant).day_answered == 40


def test_总限额与新的一天(gate: Gate) -> None:
    grant, client = gate.grant(daily_quota=2, total_quota=3)
    assert [client.rows(grant.code, id_number=SOMEBODY[0]).status for _ in range(3)] == [200, 200, 429]
    Usage.objects.filter(grant=grant).update(day=timezone.localdate() - timedelta(days=1))
    assert client.rows(grant.code, id_number=SOMEBODY[0]).status == 200
    refused(gate, client.rows(grant.code, id_number=SOMEBODY[0]), 429, "quota_total")


def test_每秒限次(gate: Gate) -> None:
    grant, client = gate.grant(rate=3)
    statuses = [client.rows(grant.code, id_number=SOMEBODY[0]).status for _ in range(8)]
    assert statuses[:3] == [200] * 3
    assert 429 in statuses


# Bad input


@pytest.mark.parametrize("value", [
    "' OR 1=1 --", "0'; DELETE FROM sharing_grant; --", "\\", "%", "$$", "{}", "0) UNION SELECT diagnosis, '', '', ''--",
])  # fmt: skip
def test_值里的SQL只是值(gate: Gate, given: tuple[Grant, Client], value: str) -> None:
    grant, client = given
    assert client.rows(grant.code, id_number=value).content["rows"] == []
    assert client.query(grant.code, {"id_number": value}).content["rows"] == []


@pytest.mark.parametrize(("query", "status", "code"), [
    ("limit=1000000", 413, "size"), ("limit=0", 400, "query"), ("limit=-1", 400, "query"), ("limit=1e3", 400, "query"),
    ("limit=٣", 400, "query"), ("after=xx", 400, "query"), ("after=WyIwIl0&after=WyIwIl0", 400, "query"),
    ("status=1", 400, "query"), ("select=diagnosis", 400, "query"), ("id_number=1&id_number=2", 400, "query"),
    ("id_number=" + "1" * 500, 400, "query"), ("id_number=%00", 400, "query"), ("id_number=%ff", 400, "query"),
    ("id_number", 400, "query"), ("&".join(f"a{n}=1" for n in range(60)), 400, "query"), ("id_number=" + "1" * 9000, 413, "size"),
    ("id_number=1&limit=5", 400, "query"), ("after=W1tbW1tbW1tbW10", 400, "query"),
])  # fmt: skip
def test_不合规的参数(gate: Gate, given: tuple[Grant, Client], query: str, status: int, code: str) -> None:
    grant, client = given
    from_wire = query.encode("utf-8")
    path = f"/v1/{grant.code}/rows"
    text = query if query.isascii() else "".join(f"%{byte:02X}" if byte > 127 else chr(byte) for byte in from_wire)
    refused(gate, client.send("GET", f"{path}?{text}", client.headers("GET", path, text)), status, code)


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"id_number": {"a": 1}}', b'{"fields": "diagnosis"}', b"[" * 60000,
                                  b'{"id_number": true}', b"x" * 70000])  # fmt: skip
def test_不合规的请求体(gate: Gate, given: tuple[Grant, Client], body: bytes) -> None:
    grant, client = given
    path = f"/v1/{grant.code}/rows"
    answer = client.send("POST", path, client.headers("POST", path, "", body), body)
    assert answer.status in (400, 403, 413), answer
    assert gate.audited(answer.content["request"])[0] in ("query", "field", "size")


@pytest.mark.parametrize("path", [
    "/v1/g1/rows/", "/v1/g01/rows", "/v1//g1/rows", "/v1/g1/../g2/rows", "/v1/g1%2Frows", "/v1/%67{pk}/rows", "/V1/g1/rows",
    "/v1/g1/rows;x", "/", "/v1/g99999999999999999999/rows", "/health/", "/v1/g1/rows%00", "/../../etc/passwd",
])  # fmt: skip
def test_地址的花样都是没有这个地址(gate: Gate, given: tuple[Grant, Client], path: str) -> None:
    grant, client = given
    wanted = path.replace("{pk}", str(grant.pk))
    refused(gate, client.send("GET", wanted, client.headers("GET", wanted)), 404, "path")


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "HEAD", "TRACE"])
def test_别的方法不行(gate: Gate, given: tuple[Grant, Client], method: str) -> None:
    grant, client = given
    path = f"/v1/{grant.code}/rows"
    assert client.send(method, path, client.headers(method, path)).status in (400, 405)


def raw(port: int, text: bytes) -> bytes:
    """Bytes as they are; everything until the server closes or falls silent."""
    with socket.create_connection(("127.0.0.1", port), 5) as wire:
        wire.sendall(text)
        wire.settimeout(1.5)
        found = b""
        try:
            while part := wire.recv(65536):
                found += part
        except TimeoutError:
            pass
    return found


def test_重复的签名头被拒(gate: Gate, given: tuple[Grant, Client]) -> None:
    grant, client = given
    headers = signed(client, grant)
    text = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    twice = (
        f"GET /v1/{grant.code}/rows?id_number={SOMEBODY[0]} HTTP/1.1\r\nHost: x\r\n{text}X-Yiwang-Key: {client.key}\r\n"
    )
    assert b" 401 " in raw(gate.port, f"{twice}Connection: close\r\n\r\n".encode()).split(b"\r\n")[0]


def test_走私的第二个请求得不到数据(gate: Gate, given: tuple[Grant, Client]) -> None:
    """Both lengths at once: whatever the server makes of it, an unsigned second request is never answered with rows."""
    grant, client = given
    path = f"/v1/{grant.code}/rows"
    second = f"GET {path}?id_number={SOMEBODY[0]} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    headers = "".join(f"{name}: {value}\r\n" for name, value in client.headers("POST", path, "", b"").items())
    for lengths in (
        f"Content-Length: {len(second) + 5}\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 4\r\nContent-Length: 0\r\n",
        "Transfer-Encoding: xchunked\r\n", "Content-Length: 0, 0\r\n",
    ):  # fmt: skip
        found = raw(gate.port, f"POST {path} HTTP/1.1\r\nHost: x\r\n{headers}{lengths}\r\n0\r\n\r\n".encode() + second)
        assert SOMEBODY[1].encode() not in found
        assert b'"rows"' not in found


def test_改写方法与地址的头不起作用(gate: Gate, given: tuple[Grant, Client]) -> None:
    grant, client = given
    other, _ = gate.grant()
    extra = {"X-HTTP-Method-Override": "DELETE", "X-Original-URL": f"/v1/{other.code}/rows", "X-Rewrite-URL": "/health",
             "X-Forwarded-For": "10.0.0.1", "X-Yiwang-Grant": other.code}  # fmt: skip
    answer = sent(client, grant, {**signed(client, grant), **extra})
    assert gate.audited(answer.content["request"])[3] == grant.pk
    with connection.cursor() as cursor:
        cursor.execute("SELECT address FROM sharing_call WHERE request_id = %s", [answer.content["request"]])
        assert cursor.fetchone()[0] == "127.0.0.1"
