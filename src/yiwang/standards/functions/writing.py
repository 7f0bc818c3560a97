"""How people write dates, numbers and “nothing” in spreadsheets: GB/T 7408.1 dates, GB/T 15835 numerals."""

import re
from datetime import date, timedelta

from yiwang.kernel.lake.basics import BLANKS, half_width, trim_sql
from yiwang.kernel.lake.dialects import Dialect
from yiwang.kernel.lake.functions import Function, portable, register

NULL_WORDS = (
    "", "无", "没有", "暂无", "暂缺", "空", "缺", "缺失", "不详", "未知", "未填", "未填写", "待补", "待补充", "待定", "不明",
    "-", "--", "---", "—", "——", "―", "/", "\\", ".", "?", "*", "null", "none", "nil", "nan", "n/a", "na", "#n/a", "#value!",
    "#ref!", "(null)", "<null>", "undefined", "空值", "无数据", "无信息", "不适用",
)  # fmt: skip


def _variants(sign: str) -> str:
    """A class of the sign in either case, half or full width."""
    if not "!" <= sign <= "~":
        return sign
    forms = dict.fromkeys((sign.lower(), sign.upper()))
    return (
        "["
        + "".join(f"\\{form}" if not form.isalnum() else form for form in forms)
        + "".join(chr(ord(form) + 0xFEE0) for form in forms)
        + "]"
    )


_WORDS = "|".join("".join(map(_variants, word)) for word in sorted(NULL_WORDS, key=len, reverse=True))
_EDGE = f"[{BLANKS}]*"
# One look at the first letters decides for nearly every value.
NULL_PATTERN = f"{_EDGE}(?:{_WORDS}){_EDGE}"


# From … to before …: texts that begin so are no such word. Two comparisons cost a fraction of a pattern.
PLAIN_STARTS = (("0", ":"), ("A", "N"), ("O", "U"), ("V", "["))
# Nor are those that begin with another Chinese character than these words do: one bit of a constant tells, for a list of
# so many would be joined.
FIRST_CHINESE, LAST_CHINESE = 0x4E00, 0x9FFF
CHINESE_STARTS = {ord(word[0]) for word in NULL_WORDS if word and FIRST_CHINESE <= ord(word[0]) <= LAST_CHINESE}
CHINESE_BITS = "".join("01"[place in CHINESE_STARTS] for place in range(FIRST_CHINESE, LAST_CHINESE + 1))


# What leaves alone a code written in plain digits and signs of half width, without a letter O.
TIDYING = ("zero_for_o", "norm_text", "half_width", "trim", "upper")


def is_null_word(text: str | None) -> bool:
    return text is None or re.fullmatch(NULL_PATTERN, text) is not None


def _null_word_sql(dialect: Dialect, text: str) -> str:
    plain = " ".join(f"WHEN {text} >= '{first}' AND {text} < '{end}' THEN FALSE" for first, end in PLAIN_STARTS)
    if not dialect.spark:
        chinese = f"{text} >= '{chr(FIRST_CHINESE)}' AND {text} < '{chr(LAST_CHINESE + 1)}'"
        bit = f"get_bit('{CHINESE_BITS}'::BIT, CAST(unicode({text}) - {FIRST_CHINESE} AS INT))"
        plain = f"WHEN CASE WHEN {chinese} THEN {bit} ELSE 1 END = 0 THEN FALSE {plain}"
    return f"CASE {plain} ELSE coalesce({dialect.matches(text, NULL_PATTERN)}, TRUE) END"


register(Function(
    "is_null_word", ("text",), "boolean", is_null_word, strict=False, **portable(_null_word_sql),
    doc="是否空白或表示“没有”的词：无、—、不详、null、N/A 等；总有结论。",
))  # fmt: skip


def _tidy(text: str) -> str:
    return half_width(text).strip(BLANKS)


def _tidied(name: str, plain: Function) -> Function:
    """Half width without blank ends, for texts that are not `plain` already."""

    def body(dialect: Dialect, text: str, known: str) -> str:
        read = known if plain.returns == "boolean" else f"{known} IS NOT NULL"
        return f"CASE WHEN {read} THEN {text} ELSE {trim_sql(dialect, dialect.half_width(text))} END"

    return register(Function(
        name, ("text",), "text", _tidy, **portable(body), doc="全角改半角，去掉首尾空白。", prepared=(plain,), internal=True,
    ))  # fmt: skip


YEAR = "[12][0-9]{3}"
CLOCK = r"(?:[ T]*[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]{1,9})?)?)?"
SPLIT = f"({YEAR})[-/.年] ?([0-9]{{1,2}})[-/.月] ?([0-9]{{1,2}})日?{CLOCK}"
ISO = f"{YEAR}-[0-9]{{2}}-[0-9]{{2}}"
PACKED = f"{YEAR}[0-9]{{4}}(?:[0-9]{{6}})?"
# Excel's day 0 for days after February 1900. Below 20000 (1954) a number is more likely a count than a day.
SERIAL = r"[2-7][0-9]{4}(?:[.][0-9]{1,12})?"
EPOCH = date(1899, 12, 30)


def _plain_date(text: str) -> date | None:
    return date_or_null(text) if re.fullmatch(ISO, text) else None


# The shapes of ten signs, bytes of each, and how the day is cut out of it.
USUAL = (("____-__-__", "{0}"), ("____/__/__", "{0}"),
         ("____年__月__日", "concat(substr({0}, 1, 4), '-', substr({0}, 6, 2), '-', substr({0}, 9, 2))"))  # fmt: skip


def _plain_date_sql(dialect: Dialect, text: str) -> str:
    """The usual writings. DuckDB looks at the shape alone and leaves the digits to its cast: whatever that reads as a
    moment in ten signs of such a shape, the patterns below read alike. Its cast to a day reads 2024-01-3O as the 3rd."""
    if dialect.spark:
        return f"CASE WHEN {dialect.matches(text, ISO)} THEN {dialect.day(text)} END"
    ways = " ".join(
        f"WHEN strlen({text}) = {len(shape.encode())} AND {text} LIKE '{shape}' "
        f"THEN CAST(TRY_CAST({cut.format(text)} AS TIMESTAMP) AS DATE)"
        for shape, cut in USUAL
    )
    return f"CASE WHEN NOT ({text} >= '1' AND {text} < '3') THEN NULL {ways} END"


PLAIN_DATE = register(Function(
    "date_plain", ("text",), "date", _plain_date, **portable(_plain_date_sql), doc="写作 2024-01-05 的日期。", internal=True,
))  # fmt: skip
TIDY_DATE = _tidied("date_tidy", PLAIN_DATE)


def date_or_null(text: str) -> date | None:
    tidy = _tidy(text)
    try:
        if found := re.fullmatch(SPLIT, tidy):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if re.fullmatch(PACKED, tidy):
            return date(int(tidy[:4]), int(tidy[4:6]), int(tidy[6:8]))
    except ValueError:
        return None
    return EPOCH + timedelta(days=int(tidy[:5])) if re.fullmatch(SERIAL, tidy) else None


def _date_sql(dialect: Dialect, text: str, plain: str, tidy: str) -> str:
    year, month, day = (dialect.extract(tidy, SPLIT, group) for group in (1, 2, 3))
    split = f"concat({year}, '-', lpad({month}, 2, '0'), '-', lpad({day}, 2, '0'))"
    packed = f"concat(substr({tidy}, 1, 4), '-', substr({tidy}, 5, 2), '-', substr({tidy}, 7, 2))"
    days = f"CAST(substr({tidy}, 1, 5) AS INT)"
    epoch = dialect.literal(EPOCH)
    serial = f"date_add({epoch}, {days})" if dialect.spark else f"CAST({epoch} + {days} AS DATE)"
    return (
        f"CASE WHEN {plain} IS NOT NULL THEN {plain}"
        f" WHEN {dialect.matches(tidy, SPLIT)} THEN {dialect.day(split)}"
        f" WHEN {dialect.matches(tidy, PACKED)} THEN {dialect.day(packed)}"
        f" WHEN {dialect.matches(tidy, SERIAL)} THEN {serial} END"
    )


register(Function(
    "date_or_null", ("text",), "date", date_or_null, **portable(_date_sql), prepared=(PLAIN_DATE, TIDY_DATE), standard="GB/T 7408.1-2023",
    doc="各种写法的日期：2024-01-05、2024/1/5、2024年1月5日、20240105、Excel 序号；读不出或不存在的日期为空。",
))  # fmt: skip

PLAIN_NUMBER = r"-?[0-9]{1,15}(?:[.][0-9]{1,8})?"
PLAIN_NUMERAL = register(Function(
    "number_plain", ("text",), "boolean", lambda text: re.fullmatch(PLAIN_NUMBER, text) is not None,
    **portable(lambda dialect, text: dialect.matches(text, PLAIN_NUMBER)), doc="只有数字、负号和小数点。", internal=True,
))  # fmt: skip
TIDY_NUMBER = _tidied("number_tidy", PLAIN_NUMERAL)
NUMBER = r"[+-]?[¥￥]? ?(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:[.][0-9]{1,8})? ?元?"


def number_text(text: str) -> str | None:
    tidy = _tidy(text)
    return tidy.translate(dict.fromkeys(map(ord, ",+¥￥ 元"))) if re.fullmatch(NUMBER, tidy) else None


def _number_text_sql(dialect: Dialect, text: str, plain: str, tidy: str) -> str:
    stripped = dialect.substitute(tidy, "[,+¥￥ 元]", "")
    return f"CASE WHEN {plain} THEN {text} WHEN {dialect.matches(tidy, NUMBER)} THEN {stripped} END"


def number_or_null(text: str) -> float | None:
    written = number_text(text)
    return None if written is None else float(written)


NUMBER_TEXT = register(Function(
    "number_text", ("text",), "text", number_text, **portable(_number_text_sql), prepared=(PLAIN_NUMERAL, TIDY_NUMBER), standard="GB/T 15835-2011",
    doc="数字的标准写法：去掉千分位、货币符号和“元”，全角改半角；不是数字则为空。",
))  # fmt: skip
register(Function(
    "number_or_null", ("text",), "number", number_or_null, standard="GB/T 15835-2011", prepared=(NUMBER_TEXT,),
    **portable(lambda dialect, text, written: dialect.double(written)),
    doc="读作数值：认全角数字、千分位逗号、货币符号；不是数字则为空。",
))  # fmt: skip

MISTAKEN = "[0-9OoＯｏ〇０-９]{2,}[Xx]?"


def zero_for_o(text: str) -> str:
    """Only where everything else is a digit, so a word is never changed."""
    wrong = re.fullmatch(MISTAKEN, text) and re.search("[0-9０-９]", text)
    return text.translate(str.maketrans("OoＯｏ〇", "00000")) if wrong else text


def _zero_sql(dialect: Dialect, text: str) -> str:
    plain = f"{dialect.ascii(text)} AND NOT contains({text}, 'O') AND NOT contains({text}, 'o')"
    wrong = f"{dialect.finds(text, '[OoＯｏ〇]')} AND {dialect.matches(text, MISTAKEN)} AND {dialect.finds(text, '[0-9０-９]')}"
    changed = dialect.translate(text, "OoＯｏ〇", "00000")
    return f"CASE WHEN {plain} THEN {text} WHEN {wrong} THEN {changed} ELSE {text} END"


register(Function(
    "zero_for_o", ("text",), "text", zero_for_o, **portable(_zero_sql),
    doc="编号中误作字母 O 的零改回 0；只用于修复，含其他文字的不动。",
))  # fmt: skip
