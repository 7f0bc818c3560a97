"""PostgreSQL：命名游标逐批取；除数字和是非外，值都取服务器写出的文字。"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.types.string import TextLoader

from yiwang.data.collection.services.adapters import basics
from yiwang.data.collection.services.adapters.basics import Rows, Target
from yiwang.data.collection.terms import Encryption
from yiwang.kernel.access import foreign
from yiwang.kernel.access.actors import Refused

KEPT = {"int2", "int4", "int8", "oid", "numeric", "bool", "bytea"}
SSL_MODES = {Encryption.PREFER: "prefer", Encryption.REQUIRE: "require", Encryption.VERIFY: "verify-full"}
# By class or code of SQLSTATE, the longest that fits.
MEANINGS = {
    "28": "账号或口令不对，或对方不许该账号从平台登录", "3D": "没有这个库名", "42501": "该账号没有读取权限", "42P01": "没有语句里的表或视图，来源可能改了名",
    "42703": "没有语句里的字段，来源可能改了字段名", "42": "语句写法不对", "25006": "语句想写数据，抽取只许读", "57014": "超过时限，对方已停止执行",
    "22": "有值不能按语句比较或换算；增量抽取第一次没有上次位置，请在来源页填写起始位置，如 0 或 1900-01-01", "53": "对方的连接数或资源已满", "57": "连接中断", "08": "连接中断",
}  # fmt: skip


class MomentLoader(TextLoader):
    """The session's zone has a fixed offset, which is left out."""

    def load(self, data: Any) -> Any:
        return str(super().load(data)).removesuffix("+08")


def _meaning(error: psycopg.Error) -> str:
    state, words = error.sqlstate or "", str(error).lower()
    for length in (5, 2):
        if found := MEANINGS.get(state[:length]):
            return found
    if "ssl" in words or "certificate" in words:
        return "加密连接没有建立，或证书核对不上"
    if "password authentication failed" in words or "no pg_hba.conf entry" in words:
        return MEANINGS["28"]
    if "does not exist" in words:
        return "没有这个库名或账号"
    return "连不上或连接中断，请核对主机、端口、网络"


def _failed(target: Target, error: psycopg.Error) -> Refused:
    words = str(error).splitlines()
    return basics.failed(target, _meaning(error), words[0] if words else type(error).__name__)


def _as_written(connection: psycopg.Connection[Any]) -> None:
    """A date past the year 9999 or an infinite one is text that the rules judge, not the end of the reading."""
    for info in connection.adapters.types:
        if info.name not in KEPT:
            loader = MomentLoader if info.name == "timestamptz" else TextLoader
            connection.adapters.register_loader(info.oid, loader)
        if info.array_oid:
            connection.adapters.register_loader(info.array_oid, TextLoader)


@contextmanager
def _certificates(target: Target) -> Iterator[dict[str, str]]:
    """Settings of the encryption; the certificates lie in a file while the connection is made."""
    settings = {"sslmode": SSL_MODES[Encryption(target.encryption)]}
    if target.encryption != Encryption.VERIFY:
        yield settings
    elif not target.authority:
        yield settings | {"sslrootcert": "system"}
    else:
        with NamedTemporaryFile("w", suffix=".pem") as file:
            Path(file.name).write_text(target.authority)
            yield settings | {"sslrootcert": file.name}


@contextmanager
def opened(target: Target) -> Iterator[Rows]:
    basics.reachable(target.host)
    options = (
        f"-c default_transaction_read_only=on -c statement_timeout={basics.TIMEOUT_SECONDS * 1000} -c TimeZone=Etc/GMT-8"
        " -c DateStyle=ISO -c IntervalStyle=postgres -c bytea_output=hex"
    )
    try:
        with _certificates(target) as encryption, psycopg.connect(
            make_conninfo(**encryption), host=target.host, port=target.port or 5432, dbname=target.database, user=target.username,
            password=target.password, connect_timeout=basics.CONNECT_SECONDS, options=options, client_encoding="utf8",
            application_name="yiwang-collection", keepalives_idle=30, keepalives_interval=10, keepalives_count=3,
        ) as connection:  # fmt: skip
            foreign.refuse_own(connection)
            _as_written(connection)
            with connection.cursor(name="collection") as cursor:
                cursor.itersize = basics.BATCH
                query, values = basics.prepared(target)
                cursor.execute(query.encode(), values)
                yield Rows([column.name for column in cursor.description or ()], basics.limited(iter(cursor)))
    except psycopg.Error as error:
        raise _failed(target, error) from error
