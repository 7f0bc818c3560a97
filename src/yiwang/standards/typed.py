"""Text as received read as a declared type, in DuckDB's SQL: the usual writing is seen cheaply, the rest is read with care.

Types: text integer decimal(p,s) date timestamp boolean. What cannot be read is NULL.
"""

from yiwang.kernel.lake.dialects import DUCKDB
from yiwang.kernel.lake.expressions.tree import Call, Node
from yiwang.kernel.lake.functions import named
from yiwang.kernel.lake.terms import engine_type
from yiwang.standards import functions  # noqa: F401 - registers the library

TRUE_WORDS = ("是", "有", "真", "Y", "y", "1", "true", "TRUE", "True", "√")
FALSE_WORDS = ("否", "无", "没有", "假", "N", "n", "0", "false", "FALSE", "False", "×")
# The digits that DuckDB keeps of a decimal in one machine word.
NARROW = 18
USUAL = {"date": "____-__-__", "timestamp": "____-__-__ __:__:__"}
NUMBERS = r"-?[0-9]{1,18}(?:[.]0{1,8})?"


def call(name: str, *arguments: Node) -> Node:
    function = named(name)
    if function is None:
        raise ValueError(f"function {name} is not registered")
    return Call(function, arguments, function.returns)


def changed_sql(written: str, kind: str, text: str, read: str, typed: str) -> str:
    """Whether a value is kept otherwise than it was written. Noughts that a decimal's type adds are no change."""
    if kind.startswith("decimal"):
        unread = f"{written} IS NOT NULL AND {typed} IS NULL"
        return f"{written} IS DISTINCT FROM {read} OR {unread} OR {_rounded(kind, read)}"
    other = f"{written} IS DISTINCT FROM {text if kind == 'text' else f'CAST({typed} AS VARCHAR)'}"
    if kind in USUAL:
        return f"CASE WHEN {_usual(kind, written)} THEN {typed} IS NULL ELSE {other} END"
    return other


def _rounded(kind: str, read: str) -> str:
    return f"instr({read}, '.') > 0 AND length({read}) - instr({read}, '.') > {_digits(kind)[1]}"


def _usual(kind: str, text: str) -> str:
    """Whether a date or time is written as the engine would write it, if it is one: far cheaper to see than to write."""
    return f"(strlen({text}) = {len(USUAL[kind])} AND {text} LIKE {DUCKDB.text(USUAL[kind])} AND {text} < '3')"


def plain_value_sql(kind: str, text: str) -> str:
    """The value of a text of which `plain_sql` is TRUE: as `reader` and `value_sql` have it, sooner."""
    if kind == "date":
        return f"CAST(TRY_CAST({text} AS TIMESTAMP) AS DATE)"
    if kind == "boolean":
        return f"{text} = 'true'"
    if kind.startswith("decimal"):
        return f"CAST(TRY_CAST({text} AS {_narrow(kind)}) AS {engine_type(kind)})"
    return text if kind == "text" else f"TRY_CAST({text} AS {engine_type(kind)})"


def plain_sql(kind: str, text: str, value: str) -> str:
    """Whether a text is written as its type's value would be, so that nothing is changed in reading it, and it is no word for
    nothing; not TRUE of some that are. `value`: its `plain_value_sql`, which numerals as short as these always have."""
    if kind in USUAL:
        return f"({_usual(kind, text)} AND {text} >= '1' AND {value} IS NOT NULL)"
    if kind == "integer":
        return DUCKDB.matches(text, "0|-?[1-9][0-9]{0,14}")
    if kind.startswith("decimal"):
        digits, scale = _digits(_narrow(kind))
        whole = f"-?[0-9]{{1,{min(digits - scale, 15)}}}" if digits > scale else "-?0"
        return DUCKDB.matches(text, whole + f"(?:[.][0-9]{{1,{min(scale, 8)}}})?" * (scale > 0))
    return f"({text} IN ('true', 'false'))" if kind == "boolean" else "TRUE"


def reader(kind: str, value: Node) -> Node | None:
    """What reads the text for a type, computed once per row."""
    if kind == "date":
        return call("date_or_null", value)
    if kind == "integer" or kind.startswith("decimal"):
        return call("number_text", value)
    return call("norm_text", value) if kind in ("boolean", "timestamp") else None


def _narrow(kind: str) -> str:
    """The decimal type of as many digits as fit into one word."""
    digits, scale = _digits(kind)
    return f"DECIMAL({max(min(digits, NARROW), scale)},{scale})"


def _digits(kind: str) -> tuple[int, int]:
    """(all digits, those after the point) of a decimal type."""
    digits, _, scale = kind[len("decimal(") : -1].partition(",")
    return int(digits), int(scale)


def _decimal(kind: str, read: str) -> str:
    """More than 18 digits are read a hundred times slower; only what does not fit into those pays for it."""
    whole = f"TRY_CAST({read} AS {engine_type(kind)})"
    if _narrow(kind) == engine_type(kind):
        return whole
    return f"coalesce(CAST(TRY_CAST({read} AS {_narrow(kind)}) AS {engine_type(kind)}), {whole})"


def value_sql(kind: str, text: str, read: str = "") -> str:
    """The declared type's value, NULL when the text is none; `read` is the text as the kind's own reader has it."""
    if kind == "date":
        return read
    if kind == "integer":
        whole = f"regexp_full_match({read}, {DUCKDB.text(NUMBERS)})"
        return f"CASE WHEN {whole} THEN TRY_CAST(regexp_replace({read}, '[.]0+$', '') AS BIGINT) END"
    if kind.startswith("decimal"):
        return _decimal(kind, read)
    if kind == "timestamp":
        return (
            f"CASE WHEN {_usual(kind, text)} THEN TRY_CAST({text} AS TIMESTAMP) "
            f"ELSE TRY_CAST(replace({read}, '/', '-') AS TIMESTAMP) END"
        )
    if kind == "boolean":
        true, false = (", ".join(map(DUCKDB.text, words)) for words in (TRUE_WORDS, FALSE_WORDS))
        return f"CASE WHEN {read} IN ({true}) THEN TRUE WHEN {read} IN ({false}) THEN FALSE END"
    return text
