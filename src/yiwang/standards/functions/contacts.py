"""Ways to reach and identify that are checked by shape: telephone, mail, post code, plate, bank card, passport."""

import re

from yiwang.kernel.lake.dialects import Dialect
from yiwang.kernel.lake.functions import Function, portable, register, verdict
from yiwang.standards.functions import writing

PLATES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
MOBILE = "1[3-9][0-9]{9}"
# name, pattern, sentence, standard
SHAPES = (
    ("mobile_ok", MOBILE, "是否 11 位手机号码。", "电信网编号计划（2017年版）"),
    ("phone_ok", MOBILE + "|(?:0[1-9][0-9]{1,2}-?)?[2-9][0-9]{6,7}(?:-[0-9]{1,6})?|[48]00-?[0-9]{3}-?[0-9]{4}|1[02][0-9]{3}|9[56][0-9]{3,4}|11[0-9]",
     "是否手机、固定电话（可带区号、分机）、400/800 或短号码。", "电信网编号计划（2017年版）"),
    ("email_ok", "[A-Za-z0-9_+-]{1,64}(?:[.][A-Za-z0-9_+-]{1,64}){0,5}@[A-Za-z0-9-]{1,63}(?:[.][A-Za-z0-9-]{1,63}){0,5}[.][A-Za-z]{2,20}",
     "是否电子邮箱地址。", "RFC 5321"),
    ("postcode_ok", "[0-8][0-9]{5}", "是否 6 位邮政编码。", "GB/T 1987"),
    ("plate_ok", f"[{PLATES}][A-HJ-NP-Z](?:[A-HJ-NP-Z0-9]{{4}}[A-HJ-NP-Z0-9挂学警港澳]|[DFA-HJ-K][A-HJ-NP-Z0-9][0-9]{{4}}|[0-9]{{5}}[DFA-HJ-K])",
     "是否机动车号牌，含新能源。", "GA 36-2018"),
    ("passport_ok", "(?:[EG][0-9]{8}|E[A-HJ-NP-Z][0-9]{7}|[DSP]E?[0-9]{7,8})", "是否中国护照号码。", "GB/T 35535"),
    ("person_name_ok", "[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0002ebef]{1,20}(?:[·•][\u3400-\u4dbf\u4e00-\u9fff]{1,20}){0,4}",
     "是否汉字姓名，可有间隔号。", "GB/T 28039"),
    ("licence_number_ok", "[0-9]{15}|[0-9A-HJ-NPQRTUWXY]{18}", "是否 15 位注册号或 18 位统一社会信用代码的样子。", "GS 15"),
    ("division12_ok", "[1-8][0-9]{11}", "是否 12 位统计用区划代码的样子。", "统计用区划代码和城乡划分代码编制规则"),
    ("time_ok", "(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?", "是否 24 小时制的时间。", "GB/T 7408.1-2023"),
)  # fmt: skip


def _mobile_sql(text: str) -> str:
    """Whether it is an ordinary mobile number: eleven signs that make a number of eleven digits, no exponent among them.
    A cast costs half of what a pattern does."""
    number = f"TRY_CAST({text} AS BIGINT) BETWEEN 13000000000 AND 19999999999"
    return (
        f"strlen({text}) = 11 AND {text} < '2' AND {number} AND NOT contains({text}, 'e') AND NOT contains({text}, 'E')"
    )


def _shape_sql(dialect: Dialect, text: str, pattern: str) -> str:
    shape = dialect.matches(text, pattern)
    if dialect.spark or not pattern.startswith(MOBILE):
        return shape
    return f"CASE WHEN {_mobile_sql(text)} THEN TRUE ELSE {shape} END"


# Digits and hyphens.
NUMBERS = ("mobile_ok", "phone_ok", "postcode_ok")


def _shape(name: str, pattern: str, doc: str, standard: str) -> None:
    register(Function(
        name, ("text",), "boolean", lambda text: re.fullmatch(pattern, text) is not None,
        **portable(lambda dialect, text: _shape_sql(dialect, text, pattern)), doc=doc, standard=standard,
        leaves=writing.TIDYING if name in NUMBERS else (),
    ))  # fmt: skip


for _row in SHAPES:
    _shape(*_row)


def bank_card_ok(text: str) -> bool:
    if not re.fullmatch("[1-9][0-9]{11,18}", text):
        return False
    doubled = [int(sign) * (1 + place % 2) for place, sign in enumerate(reversed(text))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def _bank_card_sql(dialect: Dialect, text: str) -> str:
    padded = f"lpad({text}, 20, '0')"
    # Every second digit counts twice, less nine above nine: where it stands in this order.
    inverse = "0516273849"
    terms = [
        f"instr('{inverse if place % 2 else '0123456789'}', substr({padded}, {20 - place}, 1)) - 1"
        for place in range(20)
    ]
    return verdict(f"{dialect.matches(text, '[1-9][0-9]{11,18}')} AND ({' + '.join(terms)}) % 10 = 0", text)


register(Function(
    "bank_card_ok", ("text",), "boolean", bank_card_ok, **portable(_bank_card_sql),
    doc="是否 12 至 19 位银行卡号，含校验位。", standard="GB/T 19584-2010",
))  # fmt: skip
