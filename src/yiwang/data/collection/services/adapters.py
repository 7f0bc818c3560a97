"""别人的数据库怎样读：只读、限时、逐批。别的数据库照 Adapter 的约定加一个。"""

import importlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from yiwang.data.collection.terms import Driver
from yiwang.kernel.access import foreign
from yiwang.kernel.access.actors import Refused

TIMEOUT_SECONDS, CONNECT_SECONDS, BATCH = 600, 10, 5000
CURSOR = ":cursor"
RULE = "只读抽取"


@dataclass(frozen=True)
class Target:
    """Where and what to read. `cursor`: the value of the last row read before, or None the first time."""

    host: str
    port: int | None
    database: str
    username: str
    password: str
    query: str
    cursor: str | None


# (names of the columns, rows) while the connection is open; raises Refused with a sentence.
Rows = tuple[list[str], Iterator[tuple[Any, ...]]]
Adapter = Callable[[Target], AbstractContextManager[Rows]]


def query_problem(query: str, *, cursor: bool) -> str:
    """Why a declared query is not accepted; empty when it is. The read-only session is what really protects."""
    text = query.strip().rstrip(";")
    if not text.lower().startswith(("select ", "select\n", "with ", "with\n")):
        return "须是一条以 SELECT 或 WITH 开头的查询。"
    if ";" in text or "--" in text or "/*" in text:
        return "只能有一条查询，不能含分号和注释。"
    if cursor and CURSOR not in text:
        return f"增量抽取的查询里须用 {CURSOR} 表示上次的位置。"
    return ""


def prepared(target: Target) -> tuple[str, list[str]]:
    """The query in the drivers' placeholder style, with its values."""
    text = target.query.strip().rstrip(";").replace("%", "%%")
    count = text.count(CURSOR)
    return text.replace(CURSOR, "%s"), [target.cursor or ""] * count


def reachable(host: str) -> None:
    """A source declared before the rule is refused as well."""
    if problem := foreign.host_problem(host):
        raise Refused(f"来源的主机{problem}没有抽取，请改正来源。", rule=foreign.RULE, code="source")


def failed(error: Exception) -> Refused:
    words = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return Refused(f"来源数据库没有读成：{words}。本次没有留下数据，下次按原位置重读。", rule=RULE, code="source")


@contextmanager
def _postgresql(target: Target) -> Iterator[Rows]:
    reachable(target.host)
    options = f"-c default_transaction_read_only=on -c statement_timeout={TIMEOUT_SECONDS * 1000}"
    try:
        with psycopg.connect(
            host=target.host, port=target.port or 5432, dbname=target.database, user=target.username, password=target.password,
            connect_timeout=CONNECT_SECONDS, options=options, application_name="yiwang-collection",
        ) as connection, connection.cursor(name="collection") as cursor:  # fmt: skip
            foreign.refuse_own(connection)
            cursor.itersize = BATCH
            cursor.execute(*prepared(target))
            yield [column.name for column in cursor.description or ()], iter(cursor)
    except psycopg.Error as error:
        raise failed(error) from error


@contextmanager
def _mysql(target: Target) -> Iterator[Rows]:
    reachable(target.host)
    try:
        driver = importlib.import_module("pymysql")
        cursors = importlib.import_module("pymysql.cursors")
    except ImportError as error:
        raise Refused(
            "本机没有安装 MySQL 驱动，没有抽取。请系统管理员执行 uv sync --extra mysql 后重试。",
            rule=RULE,
            code="driver",
        ) from error
    try:
        with closing(driver.connect(
            host=target.host, port=target.port or 3306, database=target.database, user=target.username,
            password=target.password, charset="utf8mb4", connect_timeout=CONNECT_SECONDS, read_timeout=TIMEOUT_SECONDS,
            cursorclass=cursors.SSCursor, init_command="SET SESSION TRANSACTION READ ONLY",
        )) as connection, connection.cursor() as cursor:  # fmt: skip
            cursor.execute(*prepared(target))
            yield [column[0] for column in cursor.description or ()], iter(cursor.fetchone, None)
    except driver.MySQLError as error:
        raise failed(error) from error


ADAPTERS: dict[str, Adapter] = {Driver.POSTGRESQL: _postgresql, Driver.MYSQL: _mysql}
