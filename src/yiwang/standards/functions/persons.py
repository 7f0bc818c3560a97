"""公民身份号码：GB 11643-1999《公民身份号码》。

18 digits: a division code of GB/T 2260, the date of birth, a sequence number (odd: male), a check character by
ISO 7064 MOD 11-2. Before 1999-10-01 numbers had 15 digits: two-digit year, no check character.
"""

import calendar
import re
from collections.abc import Iterable
from datetime import date

from yiwang.kernel.lake.basics import BLANKS, half_width
from yiwang.kernel.lake.dialects import Dialect
from yiwang.kernel.lake.functions import Function, portable, register, verdict
from yiwang.standards.functions import packed, writing

STANDARD = "GB 11643-1999"
PROVINCES = (
    "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44", "45",
    "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71", "81", "82", "83", "91",
)  # fmt: skip
CHECKS = "10X98765432"
SHAPE = "[1-9][0-9]{16}[0-9X]"
# ISO 7064: the digit at place i from the right, the check character being place 0, weighs 2^i.
WEIGHTS = [2**place % 11 for place in range(1, 18)]


# Month and day as one number, the 29th of February included.
DAYS = [month * 100 + day for month in range(1, 13) for day in range(1, calendar.monthrange(2000, month)[1] + 1)]


def check_character(seventeen: str) -> str:
    total = sum(int(digit) * weight for digit, weight in zip(reversed(seventeen), WEIGHTS, strict=True))
    return CHECKS[total % 11]


def real_day(year: int, month: int, day: int) -> bool:
    try:
        return 1900 <= date(year, month, day).year <= 2099
    except ValueError:
        return False


def cn_id_ok(text: str) -> bool:
    if not re.fullmatch(SHAPE, text) or text[:2] not in PROVINCES:
        return False
    return real_day(int(text[6:10]), int(text[10:12]), int(text[12:14])) and check_character(text[:17]) == text[17]


def _seventeen(text: str) -> int | None:
    return int(text[:17]) if re.fullmatch("[1-9][0-9]{16}.*", text, re.DOTALL) else None


def remainder_sql(dialect: Dialect, number: str) -> str:
    """The weighted sum of 17 digits modulo 11, from quotients alone: 10 is -1 modulo 11, so the digit
    q[i] - 10 q[i+1] with weight w[i] adds up to q[i] (w[i] + w[i-1]). It stays below 2^63."""
    terms = [f"{number} * {WEIGHTS[0]}"]
    for place in range(1, 17):
        weight = (WEIGHTS[place] + WEIGHTS[place - 1]) % 11
        if weight:
            terms.append(f"{dialect.divide(number, 10**place)} * {weight}")
    return f"(({' + '.join(terms)}) % 11)"


def _flag_sql(dialect: Dialect, number: str, size: int, members: Iterable[int]) -> str:
    """Whether a number from 0 below `size` is a member: one bit of a constant, where the engine can read bits."""
    wanted = set(members)
    if dialect.spark:
        return f"{number} IN ({', '.join(map(str, sorted(wanted)))})"
    bits = "".join("01"[place in wanted] for place in range(size))
    return f"get_bit('{bits}'::BIT, CAST({number} AS INT)) = 1"


def real_day_sql(dialect: Dialect, number: str) -> str:
    """Whether digits 7 to 14 of 17 are a day of 1900-2099."""
    month_day = f"({dialect.divide(number, 1000)} % 10000)"
    year = f"({dialect.divide(number, 10**7)} % 10000)"
    leap = f"({month_day} <> 229 OR ({year} % 4 = 0 AND {year} <> 1900))"
    return f"{year} BETWEEN 1900 AND 2099 AND {_flag_sql(dialect, month_day, 10000, DAYS)} AND {leap}"


def _packed_ok_sql(text: str, digits: str, in_twos: str) -> str:
    """The check over sixteen packed digits, those after the first, and the character that must then follow."""
    first, year, month_day = f"(unicode({text}) - 48)", packed.group_sql(digits, 9), packed.group_sql(digits, 13)
    check = f"{list(CHECKS)}[(2 * {in_twos} + {2**17 % 11} * {first}) % 11 + 1]"
    return verdict(" AND ".join((
        f"strlen({text}) = 18", packed.decimal_sql(digits, f"regexp_full_match({text}, '{SHAPE}')"),
        f"{first} BETWEEN 1 AND 9", f"ends_with({text}, {check})",
        f"{year} BETWEEN {packed.packed(1900)} AND {packed.packed(2099)}", packed.member_sql(month_day, 8192, DAYS),
        packed.member_sql(f"({first} * 16 + {packed.group_sql(digits, 1, 1)})", 256, map(int, PROVINCES)),
        f"({month_day} <> {packed.packed(229)} OR ({packed.number_sql(year)} % 4 = 0 AND {year} <> {packed.packed(1900)}))",
    )), text)  # fmt: skip


def _ok_sql(dialect: Dialect, text: str, number: str, in_twos: str = "") -> str:
    """A cast of 17 signs that gives at least 10^16 has read digits only, or an exponent."""
    if not dialect.spark:
        return _packed_ok_sql(text, number, in_twos)
    check = f"substr('{CHECKS}', CAST({remainder_sql(dialect, number)} AS INT) + 1, 1) = substr({text}, 18, 1)"
    province = _flag_sql(dialect, f"(coalesce({dialect.divide(number, 10**15)}, 0) % 100)", 100, map(int, PROVINCES))
    digits = f"NOT contains({text}, 'e') AND NOT contains({text}, 'E')"
    parts = (f"length({text}) = 18", f"{number} >= {10**16}", check, real_day_sql(dialect, number), province, digits)
    return verdict(" AND ".join(parts), text)


SEVENTEEN = register(Function(
    "cn_id_seventeen", ("text",), "integer", _seventeen, doc="前 17 位。", internal=True,
    **portable(lambda dialect, text: dialect.integer(f"substr({text}, 1, 17)")),
))  # fmt: skip
# These two are for DuckDB only.
DIGITS = register(Function(
    "cn_id_digits", ("text",), "integer", lambda text: None, doc="第 2 至 17 位，每位四个二进制位。", internal=True,
    **portable(lambda dialect, text: "NULL" if dialect.spark else packed.digits_sql(text, 2)),
))  # fmt: skip
IN_TWOS = register(Function(
    "cn_id_in_twos", ("text",), "integer", lambda text: None, doc="第 2 至 17 位按二进位权相加。", internal=True,
    **portable(lambda dialect, text, digits="": "NULL" if dialect.spark else packed.in_twos_sql(digits)),
    prepared_duckdb=(DIGITS,),
))  # fmt: skip
OK = register(Function(
    "cn_id_ok", ("text",), "boolean", cn_id_ok, **portable(_ok_sql),
    doc="18 位公民身份号码是否正确：省级代码、出生日期、校验码；字母须为大写 X。", standard=STANDARD, prepared=(SEVENTEEN,),
    prepared_duckdb=(DIGITS, IN_TWOS), leaves=(*writing.TIDYING, "cn_id_upgrade"),
))  # fmt: skip


def _birth(text: str) -> date | None:
    return date(int(text[6:10]), int(text[10:12]), int(text[12:14])) if cn_id_ok(text) else None


def _birth_sql(dialect: Dialect, text: str, ok: str, digits: str = "") -> str:
    if not dialect.spark:
        year, month_day = (packed.number_sql(packed.group_sql(digits, last)) for last in (9, 13))
        return f"CASE WHEN {ok} THEN make_date({year}, {month_day} // 100, {month_day} % 100) END"
    written = f"concat(substr({text}, 7, 4), '-', substr({text}, 11, 2), '-', substr({text}, 13, 2))"
    return f"CASE WHEN {ok} THEN {dialect.day(written)} END"


def _sex(text: str) -> str | None:
    return "男女"[int(text[16]) % 2 == 0] if cn_id_ok(text) else None


def _sex_sql(dialect: Dialect, text: str, ok: str) -> str:
    odd = f"substr({text}, 17, 1) IN ('1', '3', '5', '7', '9')"
    return f"CASE WHEN {ok} THEN CASE WHEN {odd} THEN '男' ELSE '女' END END"


def _division(text: str) -> str | None:
    return text[:6] if cn_id_ok(text) else None


register(Function(
    "cn_id_birth", ("text",), "date", _birth, **portable(_birth_sql), doc="身份号码中的出生日期；号码不对则为空。",
    standard=STANDARD, prepared=(OK,), prepared_duckdb=(OK, DIGITS),
))  # fmt: skip
register(Function(
    "cn_id_sex", ("text",), "text", _sex, **portable(_sex_sql), doc="身份号码中的性别（男、女）；号码不对则为空。",
    standard=STANDARD, prepared=(OK,),
))  # fmt: skip
register(Function(
    "cn_id_division", ("text",), "text", _division,
    **portable(lambda dialect, text, ok: f"CASE WHEN {ok} THEN substr({text}, 1, 6) END"),
    doc="身份号码中的 6 位地址码；号码不对则为空。", standard=STANDARD, prepared=(OK,),
))  # fmt: skip


def _clean(text: str) -> str:
    return half_width(text).translate(dict.fromkeys(map(ord, BLANKS + "'-"))).replace("x", "X")


def _clean_sql(dialect: Dialect, text: str, plain: str) -> str:
    cleaned = dialect.translate(dialect.half_width(text), "x" + BLANKS + "'-", "X")
    return f"CASE WHEN {plain} THEN {text} WHEN {dialect.finds(text, '[^0-9X]')} THEN {cleaned} ELSE {text} END"


PLAIN = register(Function(
    "cn_id_plain", ("text",), "boolean", lambda text: re.fullmatch(SHAPE, text) is not None, doc="18 位的样子。", internal=True,
    **portable(lambda dialect, text: f"length({text}) = 18 AND {dialect.matches(text, SHAPE)}"),
))  # fmt: skip
CLEAN = register(Function(
    "cn_id_clean", ("text",), "text", _clean, **portable(_clean_sql), doc="去掉空白、撇号、横线，全角改半角，x 改 X。",
    standard=STANDARD, prepared=(PLAIN,),
))  # fmt: skip


def _old_seventeen(text: str) -> int | None:
    clean = _clean(text)
    return int(f"{clean[:6]}19{clean[6:]}") if re.fullmatch("[1-9][0-9]{14}", clean) else None


def _old_seventeen_sql(dialect: Dialect, text: str, clean: str) -> str:
    whole = dialect.integer(f"concat(substr({clean}, 1, 6), '19', substr({clean}, 7, 9))")
    return f"CASE WHEN length({clean}) = 15 AND {dialect.matches(clean, '[1-9][0-9]{14}')} THEN {whole} END"


OLD_SEVENTEEN = register(Function(
    "cn_id_old_seventeen", ("text",), "integer", _old_seventeen, **portable(_old_seventeen_sql), doc="15 位号码补为 17 位。",
    prepared=(CLEAN,), internal=True,
))  # fmt: skip


def cn_id_upgrade(text: str) -> str | None:
    number, clean = _old_seventeen(text), _clean(text)
    if number is None:
        return clean if re.fullmatch(SHAPE, clean) else None
    seventeen = str(number)
    valid = real_day(int(seventeen[6:10]), int(seventeen[10:12]), int(seventeen[12:14]))
    return seventeen + check_character(seventeen) if valid else None


def _upgrade_sql(dialect: Dialect, text: str, plain: str, clean: str, number: str) -> str:
    check = f"substr('{CHECKS}', CAST({remainder_sql(dialect, number)} AS INT) + 1, 1)"
    made = f"concat(CAST({number} AS STRING), {check})"
    return (
        f"CASE WHEN {plain} THEN {text} WHEN {dialect.matches(clean, SHAPE)} THEN {clean}"
        f" WHEN {number} IS NOT NULL AND {real_day_sql(dialect, number)} THEN {made} END"
    )


register(Function(
    "cn_id_upgrade", ("text",), "text", cn_id_upgrade, **portable(_upgrade_sql),
    doc="清理身份号码并把 15 位升为 18 位（补世纪 19 与校验码）；不是身份号码则为空。", standard=STANDARD,
    prepared=(PLAIN, CLEAN, OLD_SEVENTEEN),
))  # fmt: skip
