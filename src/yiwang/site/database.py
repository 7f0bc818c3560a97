"""Whether a database is fit for the platform, in words."""

from urllib.parse import urlsplit

import psycopg

from yiwang.site.localdb import DatabaseProblem

OLDEST_SERVER = 160000
SAMPLE = "数据"
# Words of libpq's messages, which carry no code of their own before a connection exists.
CAUSES = (
    ("password authentication failed", "用户名或口令不正确"),
    ("no password supplied", "缺少口令"),
    ("does not exist", "库名或用户名不存在"),
    ("Connection refused", "该地址没有数据库在监听，或端口不对"),
    ("could not translate host name", "主机名无法解析"),
    ("Name or service not known", "主机名无法解析"),
    ("failed to resolve host", "主机名无法解析"),
    ("timeout", "连接超时，可能被防火墙阻断"),
    ("No such file or directory", "套接字不存在，数据库没有启动"),
    ("too many clients", "数据库连接数已满"),
    ("pg_hba.conf", "数据库的 pg_hba.conf 不允许从本机连接"),
)


def _address(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname or '本机套接字'}:{parts.port or 5432}{parts.path}"


def connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """A connection, or a sentence that says which part of DATABASE_URL is wrong."""
    if urlsplit(url).scheme not in ("postgresql", "postgres"):
        raise DatabaseProblem("DATABASE_URL 须以 postgresql:// 开头，例如 postgresql://用户:口令@主机:5432/库名。")
    try:
        return psycopg.connect(url, connect_timeout=8)
    except (psycopg.Error, UnicodeError) as error:
        said = str(error).strip()
        cause = next((cause for word, cause in CAUSES if word in said), "原因见下")
        raise DatabaseProblem(f"连不上数据库 {_address(url)}：{cause}。请检查 DATABASE_URL。\n{said}") from error


def assert_fit(url: str) -> str:
    """Refuse an old server or one without Chinese trigrams; else say what was found."""
    with connect(url) as connection:
        version = connection.info.server_version
        if version < OLDEST_SERVER:
            raise DatabaseProblem(f"PostgreSQL 版本是 {version // 10000}，至少需要 16。请升级数据库后再启动。")
        try:
            found = _trigrams(connection)
        except psycopg.Error as error:
            raise DatabaseProblem(
                "数据库不能启用 pg_trgm 扩展。请由数据库管理员执行：CREATE EXTENSION pg_trgm;\n" + str(error)
            ) from error
        finally:
            connection.rollback()
    if not found:
        raise DatabaseProblem(
            "数据库的区域设置不识别汉字：show_trgm('数据') 为空，中文检索会静默失效。请用 "
            "CREATE DATABASE yiwang TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER builtin "
            "BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C.UTF-8' 重建（PostgreSQL 16 用 LOCALE 'C.UTF-8'）。"
        )
    return f"PostgreSQL {version // 10000}.{version % 10000}，汉字三元组可用"


def _trigrams(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    row = connection.execute("SELECT cardinality(show_trgm(%s))", [SAMPLE]).fetchone()
    return bool(row and row[0])


def identity(url: str) -> str:
    """Names this very database: a dropped and re-created one differs."""
    with connect(url) as connection:
        row = connection.execute(
            "SELECT (SELECT system_identifier FROM pg_control_system()), oid FROM pg_database"
            " WHERE datname = current_database()"
        ).fetchone()
    return f"{row[0]}-{row[1]}" if row else ""
