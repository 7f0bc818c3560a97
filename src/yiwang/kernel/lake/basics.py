"""The functions of the rule language that follow no standard: text, numbers, dates."""

import re
from collections.abc import Callable
from datetime import date, datetime
from math import ceil, floor
from typing import Any

from yiwang.kernel.lake.dialects import HALF_WIDTH, LOWER, UPPER, Dialect
from yiwang.kernel.lake.functions import Engines, Function, Type, portable, register

BLANKS = " \t\n\r\x0b\x0c\u00a0\u3000\ufeff\u200b"
FARTHEST = 100_000
LARGE = 1e15
TEXT: tuple[Type, ...] = ("text",)
DAY: tuple[Type, ...] = ("date",)
_HALF = {**{0xFF01 + number: sign for number, sign in enumerate(HALF_WIDTH)}, 0x3000: " "}
_LOWER, _UPPER = str.maketrans(UPPER, LOWER), str.maketrans(LOWER, UPPER)
_UNUSUAL = "[^ -~\u4e00-\u9fff]|^ | $|  "
_INVISIBLE = "[\u200b-\u200f\u2060\ufeff\x01-\x08\x0e-\x1f\x7f]"
_SPACES = "[ \t\n\r\x0b\x0c\u00a0]+"


def half_width(text: str) -> str:
    return text.translate(_HALF)


def norm_text(text: str) -> str:
    return re.sub(_SPACES, " ", re.sub(_INVISIBLE, "", half_width(text))).strip(" ")


def norm_text_sql(dialect: Dialect, text: str) -> str:
    """Plain text, the usual case, is only looked at."""
    visible = dialect.substitute(dialect.half_width(text), _INVISIBLE, "")
    clean = f"trim({dialect.substitute(visible, _SPACES, ' ')})"
    return f"CASE WHEN {dialect.finds(text, _UNUSUAL)} THEN {clean} ELSE {text} END"


def trim_sql(dialect: Dialect, text: str) -> str:
    """Trimming by a set is slow; whether the ends are blank is seen sooner."""
    if dialect.spark:
        return f"trim(BOTH {dialect.text(BLANKS)} FROM {text})"
    seen = f"unicode({text}) BETWEEN 33 AND 126 AND unicode({text}[-1]) BETWEEN 33 AND 126"
    ends = dialect.finds(text, f"^[{BLANKS}]|[{BLANKS}]$")
    return f"CASE WHEN {seen} THEN {text} WHEN {ends} THEN trim({text}, {dialect.text(BLANKS)}) ELSE {text} END"


def _substr(text: str, start: int, length: int = FARTHEST) -> str | None:
    within = 1 <= start <= FARTHEST and 0 <= length <= FARTHEST
    return text[start - 1 : start - 1 + length] if within else None


def _substr_sql(dialect: Dialect, text: str, start: str, length: str = str(FARTHEST)) -> str:
    inside = f"{start} BETWEEN 1 AND {FARTHEST} AND {length} BETWEEN 0 AND {FARTHEST}"
    return f"CASE WHEN {inside} THEN substr({text}, CAST({start} AS INT), CAST({length} AS INT)) END"


def _replace_sql(dialect: Dialect, text: str, old: str, new: str) -> str:
    return f"CASE WHEN {old} = '' THEN {text} WHEN {new} IS NOT NULL THEN replace({text}, {old}, {new}) END"


def _whole(step: str) -> Engines:
    """Numbers without a fraction a double can hold stay as they are."""
    return portable(
        lambda dialect, number: (
            f"CASE WHEN abs({number}) < {LARGE} THEN CAST({step}({number}) AS DOUBLE) ELSE {number} END"
        )
    )


def _part(name: str) -> Engines:
    return portable(lambda dialect, day: f"CAST({name}({day}) AS BIGINT)")


def _two(duckdb: str, spark: str) -> Engines:
    return portable(lambda dialect, first, second: f"{spark if dialect.spark else duckdb}({first}, {second})")


def _add(
    name: str,
    arguments: tuple[Type, ...],
    returns: Type,
    python: Callable[..., Any],
    sql: Engines,
    doc: str,
    **more: Any,
) -> None:
    more = {"costly": False, **more}
    register(Function(name, arguments, returns, python, doc=doc, **sql, **more))


def _cased_sql(dialect: Dialect, text: str, old: str, new: str) -> str:
    """Translating is slow, looking is fast."""
    return f"CASE WHEN {dialect.finds(text, f'[{old[0]}-{old[-1]}]')} THEN {dialect.translate(text, old, new)} ELSE {text} END"


def _blank_sql(dialect: Dialect, text: str) -> str:
    return f"({text} IS NULL OR {trim_sql(dialect, text)} = '')"


def _days_sql(dialect: Dialect, start: str, end: str) -> str:
    days = f"datediff({end}, {start})" if dialect.spark else f"date_diff('day', {start}, {end})"
    return f"CAST({days} AS BIGINT)"


_add(
    "length", TEXT, "integer", len, portable(lambda d, text: f"CAST(length({text}) AS BIGINT)"), "字数，一个汉字算一个。",
)  # fmt: skip
_add(
    "substr", ("text", "integer", "integer"), "text", _substr, portable(_substr_sql), "从第几个字起取几个字。", optional=1,
)  # fmt: skip
_add(
    "upper", TEXT, "text", lambda text: text.translate(_UPPER),
    portable(lambda d, text: _cased_sql(d, text, LOWER, UPPER)), "英文字母改为大写。", costly=True,
)  # fmt: skip
_add(
    "lower", TEXT, "text", lambda text: text.translate(_LOWER),
    portable(lambda d, text: _cased_sql(d, text, UPPER, LOWER)), "英文字母改为小写。", costly=True,
)  # fmt: skip
_add(
    "trim", TEXT, "text", lambda text: text.strip(BLANKS), portable(trim_sql), "去掉首尾空白，包括全角空格。", costly=True,
)  # fmt: skip
_add(
    "replace",
    ("text", "text", "text"),
    "text",
    lambda text, old, new: text.replace(old, new) if old else text,
    portable(_replace_sql),
    "把一段文字换成另一段。",
)
_add(
    "contains",
    ("text", "text"),
    "boolean",
    lambda text, part: part in text,
    _two("contains", "contains"),
    "是否含有一段文字。",
)
_add(
    "starts_with",
    ("text", "text"),
    "boolean",
    str.startswith,
    _two("starts_with", "startswith"),
    "是否以一段文字开头。",
)
_add("ends_with", ("text", "text"), "boolean", str.endswith, _two("ends_with", "endswith"), "是否以一段文字结尾。")
_add(
    "matches",
    ("text", "pattern"),
    "boolean",
    lambda text, pattern: re.fullmatch(pattern, text) is not None,
    portable(Dialect.matches),
    "整个内容是否符合正则表达式。",
    costly=True,
)
_add(
    "is_blank",
    TEXT,
    "boolean",
    lambda text: text is None or not text.strip(BLANKS),
    portable(_blank_sql),
    "是否为空或只有空白；总有结论。",
    strict=False,
)
_add(
    "half_width",
    TEXT,
    "text",
    half_width,
    portable(Dialect.half_width),
    "全角字母、数字、标点改为半角。",
    standard="GB/T 1988",
    costly=True,
)
_add(
    "norm_text",
    TEXT,
    "text",
    norm_text,
    portable(norm_text_sql),
    "全角改半角，去掉看不见的字符，连续空白合为一个空格，去掉首尾空白。",
    costly=True,
)
_add("abs", ("number",), "number", abs, portable(lambda d, number: f"abs({number})"), "绝对值。")
_add(
    "floor",
    ("number",),
    "number",
    lambda number: float(floor(number)) if abs(number) < LARGE else number,
    _whole("floor"),
    "向下取整。",
)
_add(
    "ceil",
    ("number",),
    "number",
    lambda number: float(ceil(number)) if abs(number) < LARGE else number,
    _whole("ceil"),
    "向上取整。",
)
_add("year", DAY, "integer", lambda day: day.year, _part("year"), "日期的年。")
_add("month", DAY, "integer", lambda day: day.month, _part("month"), "日期的月。")
_add("day", DAY, "integer", lambda day: day.day, _part("day"), "日期的日。")
_add(
    "days_between",
    ("date", "date"),
    "integer",
    lambda start, end: (end - start).days,
    portable(_days_sql),
    "从第一个日期到第二个日期的天数，早于则为负。",
)
_add(
    "date_of",
    ("timestamp",),
    "date",
    lambda moment: moment.date() if isinstance(moment, datetime) else moment,
    portable(lambda d, moment: f"CAST({moment} AS DATE)"),
    "日期时间中的日期。",
)


def whole_years(birth: date, day: date) -> int:
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def _years_sql(dialect: Dialect, birth: str, day: str) -> str:
    earlier = f"month({day}) * 100 + day({day}) < month({birth}) * 100 + day({birth})"
    return f"CAST(year({day}) - year({birth}) - CASE WHEN {earlier} THEN 1 ELSE 0 END AS BIGINT)"


_add(
    "years_between", ("date", "date"), "integer", whole_years, portable(_years_sql), "周岁：从出生日期到某一天满几年。"
)
