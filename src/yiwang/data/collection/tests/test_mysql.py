"""Pulling from a MySQL or MariaDB server: every type, every way it can go wrong, in words and with nothing half taken.

Needs a server, whose address is in YIWANG_TEST_MYSQL_URL (mysql://account:password@host:port, an account that may
create databases and accounts); without it these tests are skipped. YIWANG_TEST_MYSQL_CA: the file of the certificate that signed the server's, to try its checking. How to start one of your own: docs/operations.md,
三之三. They make a database and two accounts of their own there and drop them.
"""

# ruff: noqa: S608 - statements of the tests' own

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import pymysql
import pytest
from django.utils import timezone
from pymysql.constants import FIELD_TYPE
from pymysql.cursors import DictCursor

from yiwang.data.catalog import contract as catalog
from yiwang.data.catalog import services as cataloguing
from yiwang.data.collection.models import Package, Source, Step
from yiwang.data.collection.services import adapters, intake, publishing, sources, sweeping
from yiwang.data.collection.services.adapters import basics, mysql
from yiwang.data.collection.tests.world import District
from yiwang.kernel.access.actors import SYSTEM, Conflict, Invalid, Refused
from yiwang.kernel.jobs.testing import run_all
from yiwang.kernel.lake import queries as lake

ADDRESS = os.environ.get("YIWANG_TEST_MYSQL_URL", "")
NOW = timezone.now()
PASSWORD = "Zhi-Du-9876"
MASK = "******"
pytestmark = pytest.mark.skipif(not ADDRESS, reason="YIWANG_TEST_MYSQL_URL 没有设置：没有可试的 MySQL／MariaDB")

ODD = """CREATE TABLE odd (
  code BIGINT UNSIGNED PRIMARY KEY, name VARCHAR(60) CHARACTER SET utf8mb4, birth DATE, people INT,
  price DECIMAL(12, 3), ratio DOUBLE, seen DATETIME(3), stamped TIMESTAMP NULL, yes TINYINT(1), bits BIT(12), flag BIT(1),
  facts JSON, raw BLOB, took TIME, born YEAR, colour ENUM('红', '蓝'), memo LONGTEXT
) CHARACTER SET utf8mb4"""
PEOPLE = """CREATE TABLE people (
  code VARCHAR(20) PRIMARY KEY, name VARCHAR(60), birth DATE, people INT, changed DATETIME(6)
) CHARACTER SET utf8mb4"""
FULL = "SELECT code, name, birth, people FROM people"
SINCE = "SELECT code, name, birth, people, changed FROM people WHERE changed > :cursor ORDER BY changed"


@dataclass
class Server:
    host: str
    port: int
    username: str
    password: str
    database: str
    reader: str

    def connect(self) -> Any:
        return pymysql.connect(
            host=self.host,
            port=self.port,
            user=self.username,
            password=self.password,
            charset="utf8mb4",
            autocommit=True,
        )

    def run(self, *statements: str) -> list[dict[str, Any]]:
        with self.connect() as connection, connection.cursor(DictCursor) as cursor:
            cursor.execute("SET SESSION sql_mode = ''")
            if self.database in {row["Database"] for row in _all(cursor, "SHOW DATABASES")}:
                cursor.execute(f"USE {self.database}")
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def given(self, **other: Any) -> dict[str, Any]:
        return {
            "driver": "mysql", "host": self.host, "port": self.port, "database": self.database, "username": self.reader,
            "password": PASSWORD, **other,
        }  # fmt: skip

    def target(self, query: str, **other: Any) -> basics.Target:
        facts = self.given(cursor=None, **other)
        facts.pop("driver")
        return basics.Target(query=query, **facts)


def _all(cursor: Any, statement: str) -> list[dict[str, Any]]:
    cursor.execute(statement)
    return list(cursor.fetchall())


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    parts = urlsplit(ADDRESS)
    mark = f"yiwang_test_{os.getpid()}"
    made = Server(
        parts.hostname or "127.0.0.1", parts.port or 3306, unquote(parts.username or "root"), unquote(parts.password or ""), mark, mark
    )  # fmt: skip
    made.run(
        f"CREATE DATABASE {mark} CHARACTER SET utf8mb4",
        f"CREATE USER {mark}@'%' IDENTIFIED BY '{PASSWORD}'",
        f"GRANT ALL ON {mark}.* TO {mark}@'%'",  # more than a reader: the session must be what protects
        f"CREATE USER {mark}_tls@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL",
        f"GRANT SELECT ON {mark}.* TO {mark}_tls@'%'",
    )
    try:
        yield made
    finally:
        made.run(f"DROP DATABASE {mark}", f"DROP USER {mark}@'%'", f"DROP USER {mark}_tls@'%'")


@pytest.fixture
def people(server: Server) -> Server:
    server.run(
        "DROP TABLE IF EXISTS people", PEOPLE,
        "INSERT INTO people VALUES ('A1', '甲', '1990-01-01', 1, '2026-01-01 08:00:00.000001'), "
        "('A2', '乙', '1991-01-01', 2, '2026-01-01 08:00:00.000002'), ('A3', '丙', '1992-01-01', 3, '2026-01-01 08:00:00.000003')",
    )  # fmt: skip
    return server


def read(target: basics.Target) -> tuple[list[str], list[tuple[str, ...]], list[str]]:
    with adapters.ADAPTERS["mysql"](target) as found:
        rows = [tuple(map(basics.text, row)) for row in found.rows]
    return found.names, rows, found.notes


def refused(target: basics.Target) -> str:
    with pytest.raises(Refused) as problem:
        read(target)
    assert problem.value.rule in (basics.RULE, "外部数据库不得是平台自己的库")
    return problem.value.message


def test_every_type_is_read_as_it_is_written(server: Server) -> None:
    server.run(
        "DROP TABLE IF EXISTS odd", ODD,
        "SET time_zone = '+00:00'",
        "INSERT INTO odd VALUES (18446744073709551615, '𠮷野家😀㐂', '1990-02-28', -5, 12345678.900, 1e20, '2026-03-01 23:59:59.250', "
        "'2026-03-01 00:00:00', 1, b'100000000001', b'1', '{\"名\": [1, null]}', x'00ff41', '-12:30:00', 2026, '蓝', "
        "'第一行\\n第二行,\"引号\"')",
        "INSERT INTO odd (code, birth, seen, stamped, yes) VALUES (2, '0000-00-00', '0000-00-00 00:00:00', NULL, 0)",
    )  # fmt: skip
    names, rows, notes = read(server.target("SELECT * FROM odd ORDER BY code DESC"))
    first = dict(zip(names, rows[0], strict=True))
    assert first.pop("facts") == '{"名": [1, null]}'
    assert first == {
        "code": "18446744073709551615", "name": "𠮷野家😀㐂", "birth": "1990-02-28", "people": "-5", "price": "12345678.900",
        "ratio": "100000000000000000000", "seen": "2026-03-01 23:59:59.250", "stamped": "2026-03-01 08:00:00", "yes": "1",
        "bits": "2049", "flag": "1", "raw": "00ff41", "took": "-12:30:00", "born": "2026", "colour": "蓝",
        "memo": '第一行\n第二行,"引号"',
    }  # fmt: skip
    second = dict(zip(names, rows[1], strict=True))
    assert (second["birth"], second["seen"], second["stamped"], second["name"], second["yes"]) == ("", "", "", "", "0")
    assert notes == ["2 格日期为 0000-00-00（MySQL 的零日期），按空值读取。"]


def test_a_table_in_gbk_and_one_whose_bytes_are_mislabelled(server: Server) -> None:
    server.run(
        "DROP TABLE IF EXISTS old", "CREATE TABLE old (code INT, name VARCHAR(40)) CHARACTER SET gbk", "INSERT INTO old VALUES (1, '镕锟')",
        "DROP TABLE IF EXISTS older", "CREATE TABLE older (code INT, name VARCHAR(40)) CHARACTER SET latin1",
        "INSERT INTO older SELECT code, CONVERT(CAST(CONVERT(name USING gbk) AS BINARY) USING latin1) FROM old",
    )  # fmt: skip
    assert read(server.target("SELECT code, name FROM old"))[1] == [("1", "镕锟")]
    # Bytes of GBK in a column that says latin1, as old systems have: the query says what they are.
    mended = "SELECT code, CONVERT(CAST(CONVERT(name USING latin1) AS BINARY) USING gbk) AS name FROM older"
    assert read(server.target(mended))[1] == [("1", "镕锟")]


def test_per_cent_signs_and_windows_line_ends_are_part_of_the_query(people: Server) -> None:
    query = "SELECT\r\n  code\r\nFROM people WHERE code LIKE 'A%' AND '100%' <> :cursor ORDER BY 1"
    assert basics.query_problem(query, cursor=True) == ""
    assert [row[0] for row in read(people.target(query))[1]] == ["A1", "A2", "A3"]


def declared(district: District, server: Server, query: str, **given: Any) -> Source:
    return district.source("pull", name="业务库", query=query, **server.given(**given))


def swept(source: Source) -> Source:
    sweeping.sweep(source, NOW)
    run_all()
    source.refresh_from_db()
    return source


def test_a_whole_table_becomes_data(district: District, people: Server) -> None:
    people.run("UPDATE people SET birth = '0000-00-00' WHERE code = 'A2'")
    source = swept(declared(district, people, FULL))
    package = Package.objects.get()
    assert (source.trouble, package.state, package.rows) == ("", "published", 3), package.message
    assert {row["code"]: (row["name"], str(row["birth"]), row["people"]) for row in district.data()} == {
        "A1": ("甲", "1990-01-01", 1), "A2": ("乙", "None", 2), "A3": ("丙", "1992-01-01", 3),
    }  # fmt: skip
    assert any("零日期" in step.message for step in Step.objects.filter(package=package))
    swept(source)
    assert Package.objects.count() == 1, "the same content is the same package"
    people.run("UPDATE people SET name = '丙二' WHERE code = 'A3'")
    swept(source)
    assert {row["name"] for row in district.data()} == {"甲", "乙", "丙二"}


def test_increments_go_on_where_they_stopped(district: District, people: Server) -> None:
    with_time(district)
    source = declared(district, people, SINCE, mode="incremental", cursor_item="changed", start="1900-01-01")
    assert swept(source).cursor == "2026-01-01 08:00:00.000003", source.trouble
    assert sweeping.sweep(source, NOW) == [], "nothing new"
    people.run(
        "UPDATE people SET name = '乙二', changed = '2026-02-01 00:00:00.5' WHERE code = 'A2'",
        "INSERT INTO people VALUES ('A4', '丁', '1993-01-01', 4, '2026-02-02')",
    )
    assert swept(source).cursor == "2026-02-02 00:00:00.000000"
    assert [package.rows for package in Package.objects.order_by("pk")] == [3, 2]
    assert {row["code"]: row["name"] for row in district.data()} == {"A1": "甲", "A2": "乙二", "A3": "丙", "A4": "丁"}


def with_time(district: District) -> None:
    """The register of persons, with the instant of the last change as an item."""
    items = (
        catalog.ItemSpec("code", "编号", length=20, is_key=True, nullable=False, share_condition="限核验"),
        catalog.ItemSpec("name", "姓名", length=50, nullable=False, share_condition="限核验"),
        catalog.ItemSpec("birth", "出生日期", "date", share_condition="限核验"),
        catalog.ItemSpec("people", "人数", "integer", share_condition="限核验"),
        catalog.ItemSpec("changed", "更新时间", "timestamp", is_timestamp=True, share_condition="限核验"),
    )
    category = cataloguing.category_of_department(SYSTEM, district.unit("住建局")).code
    content = catalog.Content(
        catalog.Description(name="人员变动", category=category, abstract="人员变动，来自业务系统。", cycle="month"),
        items,
    )
    district.resource = catalog.register_published(SYSTEM, [(district.unit("住建局"), content)], NOW)[0].id


def test_numbers_are_compared_as_numbers(district: District, server: Server) -> None:
    server.run(
        "DROP TABLE IF EXISTS numbered", "CREATE TABLE numbered (people BIGINT UNSIGNED PRIMARY KEY, name VARCHAR(20), birth DATE)",
        "INSERT INTO numbered VALUES (9, '甲', NULL), (10, '乙', NULL), (18446744073709551614, '丙', NULL)",
    )  # fmt: skip
    query = "SELECT CONCAT('N', people) AS code, name, birth, people FROM numbered WHERE people > :cursor ORDER BY people LIMIT 2"
    source = declared(district, server, query, mode="incremental", cursor_item="people")
    assert swept(source).cursor == "10", source.trouble
    assert swept(source).cursor == "18446744073709551614"
    assert sweeping.sweep(source, NOW) == []


def test_rows_of_a_refused_package_come_again_from_an_earlier_position(district: District, people: Server) -> None:
    with_time(district)
    source = declared(
        district, people, SINCE, mode="incremental", cursor_item="changed", start="1900-01-01", auto_publish=False
    )
    swept(source)
    intake.refuse(district["另一管理员"], Package.objects.get().pk, "测试数据，不入库")
    people.run("UPDATE people SET name = '甲二' WHERE code = 'A1'")
    assert sweeping.sweep(source, NOW) == [], "the position has moved past them"
    for given, why in ((("x" * 121, "重读"), Invalid), (("1900-01-01", " "), Invalid)):
        with pytest.raises(why):
            sources.reposition(district["管理员"], source.pk, *given)
    with pytest.raises(Refused):
        sources.reposition(district["报送员"], source.pk, "1900-01-01", "重读")
    with pytest.raises(Conflict):
        sources.reposition(district["管理员"], district.source("drop", name="投递").pk, "1900-01-01", "重读")
    sources.reposition(district["管理员"], source.pk, "1900-01-01", "退回的包要重读")
    source.refresh_from_db()
    assert source.swept_at is None
    swept(source)
    package = Package.objects.order_by("pk").last()
    assert package is not None and (package.state, package.rows) == ("waiting", 3)
    publishing.approve(district["另一管理员"], package.pk, "属实")
    assert {row["name"] for row in district.data()} == {"甲二", "乙", "丙"}


def test_a_position_changed_while_rows_were_read_wins(district: District, people: Server) -> None:
    with_time(district)
    source = declared(district, people, SINCE, mode="incremental", cursor_item="changed", start="1900-01-01")
    sources.reposition(district["管理员"], source.pk, "2026-01-01 08:00:00.000002", "只要最后一行")
    sweeping.sweep(source, NOW)  # still holds the former position
    source.refresh_from_db()
    assert "被人改动" in source.trouble and Package.objects.count() == 0
    assert swept(source).cursor == "2026-01-01 08:00:00.000003" and Package.objects.get().rows == 1


def test_a_field_renamed_at_the_source_is_named(district: District, people: Server) -> None:
    source = swept(declared(district, people, FULL))
    people.run("ALTER TABLE people CHANGE name full_name VARCHAR(60)")
    swept(source)
    assert "来源可能改了字段名" in source.trouble and "'name'" in source.trouble
    assert len(district.data()) == 3 and Package.objects.count() == 1
    people.run("DROP TABLE people")
    assert "没有语句里的表或视图" in swept(source).trouble


def test_what_a_query_may_not_do(district: District, people: Server) -> None:
    for query in (
        "DELETE FROM people", "SELECT 1; DROP TABLE people", "SELECT 1 -- x", "SELECT /*!50000 1 */", "SELECT 1 INTO OUTFILE '/tmp/x'",
        "SELECT 1 INTO  @a", "SELECT * FROM people FOR UPDATE", "SELECT * FROM people LOCK IN SHARE MODE", "SHOW TABLES", "CALL p()",
    ):  # fmt: skip
        with pytest.raises(Invalid) as problem:
            declared(district, people, query)
        assert problem.value.errors["query"], query
    people.run("CREATE FUNCTION forget() RETURNS INT BEGIN DELETE FROM people; RETURN 1; END")
    for query in ("SELECT forget()", "WITH gone AS (SELECT 1) SELECT forget() FROM gone"):
        assert "抽取只许读" in refused(people.target(query))
    people.run("DROP FUNCTION forget")
    assert len(read(people.target(FULL))[1]) == 3


def test_a_query_that_never_ends_is_stopped_at_the_server(people: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(basics, "TIMEOUT_SECONDS", 1)
    tables = ", ".join(f"people {name}" for name in "abcdefghijklmnopqrstu")
    assert "超过时限" in refused(people.target(f"SELECT COUNT(*) FROM {tables}")), "it computes and says nothing"
    many = f"SELECT a.code FROM {tables}"
    begun = time.process_time()
    assert "没有读完" in (said := refused(people.target(many))) or "超过时限" in said
    assert time.process_time() - begun < 20, "the rest of the answer was read"
    assert not running(people)


def is_maria(server: Server) -> bool:
    return "MariaDB" in server.run("SELECT VERSION() AS v")[0]["v"]


def running(server: Server) -> list[str]:
    """Statements of the reader that the server still executes, a moment later."""
    for _ in range(50):
        found = [
            row["Info"] for row in server.run("SHOW FULL PROCESSLIST") if row["User"] == server.reader and row["Info"]
        ]
        if not found:
            return []
        time.sleep(0.1)
    return found


def test_the_answer_of_a_wide_query_is_not_read_to_its_end(district: District, people: Server) -> None:
    tables = ", ".join(f"people {name}" for name in "abcdefghijklmnopq")
    many = f"SELECT a.code FROM {tables} WHERE a.code > :cursor"
    source = swept(declared(district, people, many, mode="incremental", cursor_item="people"))
    assert "没有增量字段“people”" in source.trouble and not running(people)


class Relay:
    """Stands before the server and breaks the line after so many bytes of the answer."""

    def __init__(self, server: Server, after: int) -> None:
        self.server, self.after = server, after
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                near, _ = self.listening.accept()
            except OSError:
                return
            far = socket.create_connection((self.server.host, self.server.port))
            threading.Thread(target=self.copy, args=(near, far, 1 << 40), daemon=True).start()
            threading.Thread(target=self.copy, args=(far, near, self.after), daemon=True).start()

    def copy(self, one: socket.socket, other: socket.socket, most: int) -> None:
        try:
            while most > 0 and (block := one.recv(min(65536, most))):
                other.sendall(block)
                most -= len(block)
        except OSError:
            pass
        for each in (one, other):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


@pytest.mark.parametrize("after", [40, 2_000, 100_000])
def test_a_line_that_breaks_leaves_nothing(district: District, people: Server, after: int) -> None:
    people.run("INSERT INTO people WITH RECURSIVE n AS (SELECT 1 AS seq UNION ALL SELECT seq + 1 FROM n WHERE seq < 900) "
               "SELECT CONCAT('B', seq), REPEAT('人', 60), '1990-01-01', 1, '2026-01-02' FROM n")  # fmt: skip
    relay = Relay(people, after)
    with_time(district)
    source = declared(
        district, people, SINCE, mode="incremental", cursor_item="changed", start="1900-01-01", port=relay.port
    )
    swept(source)
    relay.listening.close()
    assert "来源数据库没有读成：连接中断" in source.trouble or "连不上" in source.trouble, source.trouble
    assert source.cursor == "1900-01-01" and Package.objects.count() == 0
    Source.objects.filter(pk=source.pk).update(port=people.port)
    source.refresh_from_db()
    assert swept(source).trouble == "" and Package.objects.get().rows > 3


def test_wrong_accounts_and_servers_that_are_away(server: Server) -> None:
    wrong = refused(server.target("SELECT 1", password="Nicht-Diese-1"))
    assert "账号或口令不对" in wrong and "Nicht-Diese-1" not in wrong
    own = {"username": server.username, "password": server.password}
    assert "没有这个库名" in refused(server.target("SELECT 1", database=f"{server.database}_none", **own))
    assert "没有读取权限" in refused(server.target("SELECT * FROM mysql.user", username=f"{server.reader}_tls"))
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    assert "连不上" in refused(server.target("SELECT 1", port=port))
    assert "连不上" in refused(server.target("SELECT 1", host="no-such-host.invalid"))


def test_something_else_listens_there(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that greets with nothing, or with something else, holds nobody for the whole time of a reading."""
    monkeypatch.setattr(basics, "CONNECT_SECONDS", 1)
    for greeting in (b"", b"SSH-2.0-OpenSSH\r\n", b"\x05\x00\x00\x00\xff\xff\xffno"):
        with socket.create_server(("127.0.0.1", 0)) as silent:

            def greet(listening: socket.socket = silent, words: bytes = greeting) -> None:
                taken, _ = listening.accept()
                taken.sendall(words)
                time.sleep(3 if not words else 0.2)
                taken.close()

            threading.Thread(target=greet, daemon=True).start()
            begun = time.monotonic()
            assert "来源数据库没有读成" in refused(server.target("SELECT 1", port=silent.getsockname()[1]))
            assert time.monotonic() - begun < 30


def test_a_fault_of_the_platform_is_not_said_to_be_the_servers(people: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mysql, "INTEGERS", (*mysql.INTEGERS, FIELD_TYPE.VAR_STRING))
    with pytest.raises(Refused, match=r"平台没能把字段“code”的值读成.*不是对方的故障") as refused, opened(people):
        raise AssertionError
    assert "对方的原话" not in refused.value.message
    monkeypatch.setattr(mysql, "DATES", (*mysql.DATES, FIELD_TYPE.VAR_STRING))
    monkeypatch.setattr(mysql, "ZERO_DATE", None)
    with pytest.raises(TypeError), opened(people):
        raise AssertionError


def opened(server: Server) -> Any:
    """Reads the whole table when entered."""

    @contextmanager
    def read() -> Iterator[None]:
        with mysql.opened(server.target("SELECT code FROM people")) as found:
            list(found.rows)
            yield

    return read()


def test_the_password_is_in_no_sentence(people: Server) -> None:
    said = refused(people.target(f"SELECT code FROM WHERE '{PASSWORD}' = code"))
    assert "语句写法不对" in said and PASSWORD not in said and MASK in said
    assert PASSWORD not in repr(people.target(FULL))


def test_encryption_is_what_the_source_says(people: Server) -> None:
    offers = people.run("SHOW VARIABLES LIKE 'have_ssl'")
    offered = bool(offers) and offers[0]["Value"] == "YES"
    if not offered:
        assert "加密" in refused(people.target(FULL, encryption="require"))
        pytest.skip("这台服务器没有开启加密，只能试“必须加密”被拒")
    asked = "SELECT VARIABLE_VALUE AS v FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_cipher'"
    if not is_maria(people):
        asked = "SELECT VARIABLE_VALUE AS v FROM performance_schema.session_status WHERE VARIABLE_NAME = 'Ssl_cipher'"
    assert read(people.target(asked, encryption="require"))[1][0][0]
    assert read(people.target(asked))[1][0][0], "encrypted when the server offers it"
    assert read(people.target(FULL, username=f"{people.reader}_tls"))[1]
    assert "证书核对不上" in refused(people.target(FULL, encryption="verify"))
    if given := os.environ.get("YIWANG_TEST_MYSQL_CA", ""):
        with open(given, encoding="utf-8") as file:
            authority = file.read()
        assert read(people.target(FULL, encryption="verify", authority=authority))[1]


def test_one_broken_source_does_not_hold_up_the_others(district: District, people: Server) -> None:
    source = declared(district, people, FULL)
    Source.objects.filter(pk=source.pk).update(secret="sm4g1.none.AAAA")
    source.refresh_from_db()
    assert "口令解不开" in swept(source).trouble
    Source.objects.filter(pk=source.pk).update(driver="oracle", secret="")
    source.refresh_from_db()
    assert "意外的错误（KeyError）" in swept(source).trouble and Package.objects.count() == 0


def test_certificates_are_looked_at_when_they_are_declared(district: District, people: Server) -> None:
    with pytest.raises(Invalid) as problem:
        declared(district, people, FULL, encryption="verify", authority="不是证书")
    assert "PEM" in problem.value.errors["authority"][0]


def test_the_page_declares_shows_and_repositions(district: District, people: Server) -> None:
    with_time(district)
    browser = district.client("管理员")
    form = {
        "resource": district.resource, "way": "pull", "mode": "incremental", "name": "业务库", "active": "on", "auto_publish": "on",
        "least_valid": "95", "most_change": "30", "driver": "mysql", "host": people.host, "port": people.port,
        "database": people.database, "username": people.reader, "password": PASSWORD, "encryption": "prefer", "authority": "",
        "query": SINCE.replace(" WHERE", "\r\nWHERE"), "cursor_item": "changed", "start": "1900-01-01", "every_minutes": "60",
    }  # fmt: skip
    made = browser.post("/collection/source/new/", form)
    assert made.status_code == 302, made.content.decode()[:2000]
    source = swept(Source.objects.get())
    page = browser.get(f"/collection/source/{source.pk}/").content.decode()
    assert "2026-01-01 08:00:00.000003" in page and PASSWORD not in page
    moved = browser.post(f"/collection/source/{source.pk}/position/", {"position": "2026-01-01", "reason": "重读当日"})
    assert moved.status_code == 302
    source.refresh_from_db()
    assert source.cursor == "2026-01-01"
    for who in ("报送员", "查阅"):
        answer = district.client(who).post(f"/collection/source/{source.pk}/position/", {"position": "", "reason": "x"})
        assert answer.status_code in (403, 404), who
    assert len(lake.rows(lake.current(lake.table(district.facts().table)), limit=10)) == 3
