"""县级以上行政区划代码：GB/T 2260。The codes, withdrawn ones included, come from python-stdnum."""

import re
from collections.abc import Iterator
from functools import cache

from stdnum import numdb

from yiwang.kernel.lake.dialects import DUCKDB, Dialect
from yiwang.kernel.lake.functions import Function, portable, register, verdict
from yiwang.standards.functions import writing

STANDARD = "GB/T 2260"
FIRST, LAST = 110000, 829999
# No division has it; what stands for “not a code” in the engine's look-up.
NEVER = 110001


def _entries() -> Iterator[tuple[str, bool]]:
    """(code, still in force): `[1983-2014]` before a name is its time in force, an open end means today."""
    for _, province, _, _, counties in numdb.get("cn/loc").prefixes:
        for _, rest, _, described, _ in counties:
            spans = [re.match(r"\[(\d*)-(\d*)\]", name) for name in described.get("county", "").split(",")]
            if spans:
                yield province + rest, any(span is None or not span[2] for span in spans)


@cache
def known_codes() -> frozenset[str]:
    return frozenset(code for code, _ in _entries())


@cache
def current_codes() -> frozenset[str]:
    return frozenset(code for code, current in _entries() if current)


@cache
def _bits(current: bool) -> str:
    bits = bytearray(b"0") * (LAST - FIRST + 1)
    for code in current_codes() if current else known_codes():
        bits[int(code) - FIRST] = ord("1")
    return bits.decode()


def warm() -> None:
    """Read the codes now: a process that forks for each job would read them again in every child."""
    _bits(True)
    _bits(False)


def _number_sql(dialect: Dialect, text: str) -> str:
    """Six signs that make a number of six digits, when no exponent is among them."""
    shape = f"strlen({text}) = 6 AND NOT contains({text}, 'e') AND NOT contains({text}, 'E')"
    return "NULL" if dialect.spark else f"CASE WHEN {shape} THEN TRY_CAST({text} AS INTEGER) END"


# For DuckDB only.
NUMBER = register(Function(
    "division_number", ("text",), "integer", lambda text: int(text) if re.fullmatch("[1-8][0-9]{5}", text) else None,
    **portable(_number_sql), doc="6 位代码的数。", internal=True,
))  # fmt: skip


def _member_sql(dialect: Dialect, text: str, number: str, current: bool) -> str:
    """A long IN list costs DuckDB four seconds a million rows, one bit of a constant 0.05."""
    if dialect != DUCKDB:
        codes = sorted(current_codes() if current else known_codes())
        return verdict(f"{text} IN ({', '.join(map(dialect.text, codes))})", text)
    place = f"CASE WHEN {number} BETWEEN {FIRST} AND {LAST} THEN {number} ELSE {NEVER} END"
    return verdict(f"get_bit('{_bits(current)}'::BIT, CAST({place} - {FIRST} AS INT)) = 1", text)


register(Function(
    "division_ok", ("text",), "boolean", lambda text: text in current_codes(),
    **portable(lambda dialect, text, number="": _member_sql(dialect, text, number, True)), prepared_duckdb=(NUMBER,), leaves=writing.TIDYING,
    doc="是否现行的 6 位行政区划代码。", standard=STANDARD,
))  # fmt: skip
register(Function(
    "division_known", ("text",), "boolean", lambda text: text in known_codes(),
    **portable(lambda dialect, text, number="": _member_sql(dialect, text, number, False)), prepared_duckdb=(NUMBER,), leaves=writing.TIDYING,
    doc="是否现行或曾经使用的 6 位行政区划代码（撤并前的也算）。", standard=STANDARD,
))  # fmt: skip
