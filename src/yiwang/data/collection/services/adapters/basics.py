"""各种数据库共有的：声明、检查语句、限时、值写成文字、没有读成怎样说。"""

import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from yiwang.data.collection import terms
from yiwang.kernel.access import foreign
from yiwang.kernel.access.actors import Refused

# A reading ends after TIMEOUT_SECONDS, whether the other side computes or sends; a server that does not greet sooner.
TIMEOUT_SECONDS, CONNECT_SECONDS, BATCH = 600, 10, 1000
CURSOR = ":cursor"
RULE = "只读抽取"
# Instants are read in this zone, without the offset: what an officer at the source sees on the page.
OFFSET = "+08:00"
START = re.compile(r"(select|with)\b", re.IGNORECASE)
BEYOND = re.compile(
    r"\binto\s+(outfile|dumpfile|@)|\bfor\s+(no\s+key\s+)?(update|(key\s+)?share)\b|\block\s+in\s+share\b",
    re.IGNORECASE,
)
SHORTEST_SECRET = 4


@dataclass(frozen=True)
class Target:
    """Where and what to read. `cursor`: the position read to before, or None the first time; `authority`: PEM."""

    host: str
    port: int | None
    database: str
    username: str
    password: str = field(repr=False)
    query: str
    cursor: str | None
    encryption: str = terms.Encryption.PREFER
    authority: str = ""


@dataclass(frozen=True)
class Rows:
    """What a query gives, while the connection is open: text, bytes, numbers and truth values; raises Refused.

    `notes`: sentences about values that were read otherwise than they lay there; complete after the last row.
    """

    names: list[str]
    rows: Iterator[tuple[Any, ...]]
    notes: list[str] = field(default_factory=list)


Adapter = Callable[[Target], AbstractContextManager[Rows]]


def query_problem(query: str, *, cursor: bool) -> str:
    """Why a declared query is not accepted; empty when it is. The read-only session is what really protects."""
    plain = query.strip().rstrip(";")
    if not START.match(plain):
        return "须是一条以 SELECT 或 WITH 开头的查询。"
    if ";" in plain or "--" in plain or "/*" in plain:
        return "只能有一条查询，不能含分号和注释。"
    if BEYOND.search(plain):
        return "只许读，不能写文件、写变量（INTO）或锁住来源的行（FOR UPDATE、LOCK IN SHARE MODE）。"
    if cursor and CURSOR not in plain:
        return f"增量抽取的查询里须用 {CURSOR} 表示上次的位置。"
    return ""


def authority_problem(authority: str) -> str:
    """Why certificates are not accepted; empty when they are."""
    try:
        ssl.create_default_context(cadata=authority or None)
    except (ssl.SSLError, ValueError, TypeError):
        return "不是 PEM 格式的证书，应以 -----BEGIN CERTIFICATE----- 开头。请向来源单位索取签发证书。"
    return ""


def prepared(target: Target) -> tuple[str, list[str]]:
    """The query in the drivers' placeholder style, with its values."""
    query = target.query.strip().rstrip(";").replace("%", "%%")
    count = query.count(CURSOR)
    return query.replace(CURSOR, "%s"), [target.cursor or ""] * count


def reachable(host: str) -> None:
    """A source declared before the rule is refused as well."""
    if problem := foreign.host_problem(host):
        raise Refused(f"来源的主机{problem}没有抽取，请改正来源。", rule=foreign.RULE, code="source")


def limited(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """The rows, until the time is up: each answer may come quickly and the query still have no end."""
    ends = time.monotonic() + TIMEOUT_SECONDS
    for row in rows:
        if time.monotonic() > ends:
            raise Refused(
                f"来源的查询 {TIMEOUT_SECONDS // 60} 分钟没有读完，已停止，没有留下数据。请在语句里加条件，或改为增量抽取。",
                rule=RULE, code="source",
            )  # fmt: skip
        yield row


def text(value: Any) -> str:
    """A cell of the package: numbers without exponent, bytes as hexadecimal digits."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, Decimal):
        return f"{value:f}" if value.is_finite() else ""
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def failed(target: Target, meaning: str, words: str) -> Refused:
    """`meaning`: what happened, for the officer; `words`: what the other side said, without the password."""
    if len(target.password) >= SHORTEST_SECRET:
        words = words.replace(target.password, "******")
    said = f"（对方的原话：{words[:160]}）" if words else ""
    return Refused(
        f"来源数据库没有读成：{meaning}{said}。本次没有留下数据，下次按原位置重读。", rule=RULE, code="source"
    )
