"""MySQL／MariaDB：不缓存的游标逐行取；除数字外，值都取服务器写出的文字。"""

import ssl
import struct
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pymysql
from pymysql.constants import FIELD_TYPE
from pymysql.converters import encoders
from pymysql.cursors import SSCursor

from yiwang.data.collection.services.adapters import basics
from yiwang.data.collection.services.adapters.basics import Rows, Target
from yiwang.data.collection.terms import Encryption
from yiwang.kernel.access.actors import Refused

ZERO_DATE = "0000-00-00"
INTEGERS = (FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.INT24, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG)
DECIMALS = (FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL, FIELD_TYPE.FLOAT, FIELD_TYPE.DOUBLE)
DATES = (FIELD_TYPE.DATE, FIELD_TYPE.NEWDATE, FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP)
CLEAR = ("mysql_clear_password", "dialog")
DENIED, ABSENT, AWAY = "账号或口令不对，或对方不许该账号从平台登录", "连不上，请核对主机、端口、网络", "连接中断"
MEANINGS = {
    1044: DENIED, 1045: DENIED, 1698: DENIED, 1129: "对方因多次连接失败封锁了平台的地址，请来源单位解除（FLUSH HOSTS）", 1049: "没有这个库名",
    1040: "对方的连接数已满", 1203: "对方的连接数已满", 1142: "该账号没有读取权限", 1143: "该账号没有读取权限", 1370: "该账号没有执行权限", 1227: "该账号没有权限",
    1146: "没有语句里的表或视图，来源可能改了名", 1054: "没有语句里的字段，来源可能改了字段名", 1064: "语句写法不对", 1792: "语句想写数据，抽取只许读",
    1290: "语句想写数据，抽取只许读", 1317: "对方停止了执行", 1969: "超过时限，对方已停止执行", 3024: "超过时限，对方已停止执行", 1205: "等对方的锁超时",
    1292: "有值不能按语句比较；增量抽取第一次没有上次位置，请在来源页填写起始位置，如 0 或 1900-01-01",
    1525: "有值不能按语句比较；增量抽取第一次没有上次位置，请在来源页填写起始位置，如 0 或 1900-01-01",
    2002: ABSENT, 2003: ABSENT, 2006: AWAY, 2013: AWAY, 2014: AWAY, 2026: "对方不支持加密连接，或加密没有建立",
}  # fmt: skip
# What the driver raises when the other side does not speak the protocol as it should.
GARBLED = (OSError, RuntimeError, ValueError, IndexError, AssertionError, NotImplementedError, struct.error)


Rowwise = Generator[tuple[Any, ...], None, None]


class _Untold:
    """A server on an unencrypted line may not ask for the password itself."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def authenticate(self, packet: Any) -> Any:
        raise pymysql.OperationalError(2059, "the server asks for the password in the clear")


def _failed(target: Target, error: Exception) -> Refused:
    code = error.args[0] if isinstance(error, pymysql.MySQLError) and error.args else None
    words = str(error.args[-1] if error.args else type(error).__name__).splitlines()[0:1]
    said = words[0] if words else type(error).__name__
    if "EOF occurred" in said:
        meaning = AWAY
    elif "SSL" in said or "certificate" in said.lower():
        meaning = "加密连接没有建立，或证书核对不上"
    elif code == 2059:
        meaning = "对方要求用明文传口令，平台没有给。请来源单位改用加密连接或别的认证方式"
    elif code is None:
        meaning = "对方的应答不像 MySQL，或中途出错，请核对主机和端口"
    else:
        meaning = MEANINGS.get(code if isinstance(code, int) else 0, "对方报错")
    return basics.failed(target, meaning, said)


def _secured(target: Target) -> ssl.SSLContext | None:
    """None: encrypted when the server offers it, without looking at its certificate."""
    if target.encryption == Encryption.PREFER:
        return None
    context = ssl.create_default_context(cadata=target.authority or None)
    if target.encryption == Encryption.REQUIRE:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@contextmanager
def _answering(target: Target) -> Iterator[None]:
    """Around what only the driver does: whatever goes wrong in here came from the other side."""
    try:
        yield
    except (pymysql.MySQLError, *GARBLED) as error:
        raise _failed(target, error) from error


def _readers(zeros: list[int]) -> dict[int, Callable[[Any], Any]]:
    """How values are read, by type; others are the text that the server writes. Zero dates are counted."""

    def day(written: str) -> str | None:
        if not written.startswith(ZERO_DATE):
            return written
        zeros[0] += 1
        return None

    return {
        FIELD_TYPE.BIT: lambda raw: int.from_bytes(raw, "big"), **dict.fromkeys(INTEGERS, int),
        **dict.fromkeys(DECIMALS, Decimal), **dict.fromkeys(DATES, day),
    }  # fmt: skip


def _converted(target: Target, cursor: Any, zeros: list[int]) -> Rowwise:
    """The rows as the platform reads them. A value that it can't read is its own failing and said to be."""
    known = _readers(zeros)
    names, readers = zip(*((column[0], known.get(column[1])) for column in cursor.description or ()), strict=True)
    while True:
        with _answering(target):
            row = cursor.fetchone()
        if row is None:
            return
        made = list(row)
        for at, read in enumerate(readers):
            if read is not None and made[at] is not None:
                try:
                    made[at] = read(made[at])
                except (ValueError, ArithmeticError) as error:
                    why = f"平台没能把字段“{names[at]}”的值读成数据库所说的类型，这不是对方的故障，请把这句话报给平台的维护单位"
                    raise basics.failed(target, why, "") from error
        yield tuple(made)


def _read(target: Target, connection: Any, zeros: list[int], notes: list[str]) -> Rowwise:
    """The rows; the first thing given is the row of names."""
    statement = basics.prepared(target)
    cursor = connection.cursor(SSCursor)
    try:
        with _answering(target):
            seconds, maria = basics.TIMEOUT_SECONDS, "MariaDB" in connection.get_server_info()
            limit = f"max_statement_time={seconds}" if maria else f"max_execution_time={seconds * 1000}"
            connection.query(f"SET SESSION {limit}, time_zone='{basics.OFFSET}'")
            connection.query("SET SESSION TRANSACTION READ ONLY")
            cursor.execute(*statement)
        yield tuple(column[0] for column in cursor.description or ())
        yield from basics.limited(_converted(target, cursor, zeros))
        if zeros[0]:
            notes.append(f"{zeros[0]:,} 格日期为 {ZERO_DATE}（MySQL 的零日期），按空值读取。")
    finally:
        # Closed the ordinary way, the cursor would first read all that is left of the answer.
        if cursor._result is not None:
            cursor._result.unbuffered_active = False
        connection.close()


@contextmanager
def opened(target: Target) -> Iterator[Rows]:
    basics.reachable(target.host)
    zeros, notes = [0], list[str]()
    with _answering(target):
        secured = _secured(target)
        connection = pymysql.connect(
            host=target.host, port=target.port or 3306, database=target.database, user=target.username, password=target.password,
            charset="utf8mb4", connect_timeout=basics.CONNECT_SECONDS, read_timeout=basics.CONNECT_SECONDS,
            write_timeout=basics.CONNECT_SECONDS, ssl=secured, conv=dict(encoders), local_infile=False,
            program_name="yiwang-collection", auth_plugin_map={} if secured else dict.fromkeys(CLEAR, _Untold),
        )  # fmt: skip
    # Greeted; from here on the statement's own time counts, and the line may be silent while the server computes.
    connection._read_timeout = basics.TIMEOUT_SECONDS + basics.CONNECT_SECONDS
    reading = _read(target, connection, zeros, notes)
    try:
        yield Rows(list(next(reading)), reading, notes)
    finally:
        reading.close()
