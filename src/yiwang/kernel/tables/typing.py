"""Text as received → the types of a table, as DuckDB expressions. What can't be read as its type is counted, not guessed."""

from collections.abc import Mapping, Sequence
from typing import Any

from yiwang.kernel.tables.words import NULL_WORDS, name, quoted

DATES = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d")
CLOCKS = ("%H:%M:%S", "%H:%M", "%H时%M分%S秒", "%H时%M分")
MOMENTS = (*(f"{date} {clock}" for date in DATES for clock in CLOCKS), "%Y-%m-%dT%H:%M:%S", *DATES)
# Day 0 of a spreadsheet's serial dates; 20000..69999 are the years 1954 to 2091.
SERIAL = r"[2-6][0-9]{4}(\.[0-9]+)?"
YES, NO = (
    ("是", "有", "y", "yes", "true", "t", "1", "√", "真"),
    ("否", "无", "没有", "n", "no", "false", "f", "0", "×", "假"),
)
NOTHING = ", ".join(quoted(word) for word in NULL_WORDS)


def expression(column: str, kind: str) -> str:
    """The value of a text column as `kind`, NULL where it says nothing or can't be read."""
    text = name(column)
    if kind == "text":
        return text
    plain = f"trim({text})"
    if kind == "boolean":
        yes, no = (", ".join(map(quoted, words)) for words in (YES, NO))
        return f"CASE WHEN lower({plain}) IN ({yes}) THEN true WHEN lower({plain}) IN ({no}) THEN false END"
    number = f"replace(replace({plain}, ',', ''), '，', '')"
    if kind == "integer":
        return (
            rf"CASE WHEN regexp_full_match({number}, '[-+]?[0-9]{{1,18}}(\.0*)?') THEN TRY_CAST({number} AS BIGINT) END"
        )
    if kind.startswith("decimal"):
        return f"TRY_CAST({number} AS {kind.upper()})"
    since = f"to_microseconds(CAST(round(TRY_CAST({plain} AS DOUBLE) * 86400) AS BIGINT) * 1000000)"
    serial = f"CASE WHEN regexp_full_match({plain}, '{SERIAL}') THEN TIMESTAMP '1899-12-30' + {since} END"
    formats = ", ".join(map(quoted, MOMENTS))
    moment = f"coalesce(try_strptime({plain}, [{formats}]), {serial})"
    return f"CAST({moment} AS DATE)" if kind == "date" else moment


def unread(column: str, kind: str) -> str:
    """Whether a value says something that can't be read as its type."""
    text = name(column)
    return (
        f"({text} IS NOT NULL AND trim({text}) <> '' AND lower(trim({text})) NOT IN ({NOTHING}) "
        f"AND ({expression(column, kind)}) IS NULL)"
    )


def strict_columns(columns: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    return [(column["name"], column["type"]) for column in columns if column["type"] != "text"]


def query(columns: Sequence[Mapping[str, Any]], present: Sequence[str], source: str = "package") -> str:
    """SELECT the columns in their types from a table of text; rows with an unreadable value stay out."""
    known = [column for column in columns if column["name"] in present]
    chosen = ", ".join(f"{expression(column['name'], column['type'])} AS {name(column['name'])}" for column in known)
    bad = " OR ".join(unread(*each) for each in strict_columns(known))
    return f"SELECT {chosen} FROM {source}" + (f" WHERE NOT ({bad})" if bad else "")  # noqa: S608
