"""法人和其他组织统一社会信用代码：GB 32100-2015；组织机构代码：GB 11714-1997。"""

import re

from yiwang.kernel.lake.dialects import Dialect
from yiwang.kernel.lake.functions import Function, portable, register, verdict

STANDARD = "GB 32100-2015"
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
SHAPE = "[1-9ANY][1-9A-HJ-NPQRTUWXY][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}"
WEIGHTS = [3**place % 31 for place in range(17)]
OLD_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def uscc_ok(text: str) -> bool:
    if not re.fullmatch(SHAPE, text):
        return False
    total = sum(ALPHABET.index(sign) * weight for sign, weight in zip(text[:17], WEIGHTS, strict=True))
    return ALPHABET[-total % 31] == text[17]


def _division(text: str) -> int:
    return int(text[2:8]) if re.fullmatch("[0-9]{6}", text[2:8]) else 0


DIVISION = register(Function(
    "uscc_division", ("text",), "integer", _division, doc="第 3 至 8 位的数。", internal=True,
    **portable(lambda dialect, text: f"coalesce({dialect.integer(f'substr({text}, 3, 6)')}, 0)"),
))  # fmt: skip


def _uscc_sql(dialect: Dialect, text: str, number: str) -> str:
    """The six digits of the division come in one number: modulo 31 the digit q[i] - 10 q[i+1] with weight w[i]
    (from the right) adds up to q[i] (w[i] - 10 w[i-1])."""
    digits = WEIGHTS[2:8][::-1]
    terms = [f"{number} * {digits[0]}"]
    terms += [
        f"{dialect.divide(number, 10**place)} * {(digits[place] - 10 * digits[place - 1]) % 31}"
        for place in range(1, 6)
    ]
    for place in (0, 1, *range(8, 17)):
        terms.append(f"(instr('{ALPHABET}', substr({text}, {place + 1}, 1)) - 1) * {WEIGHTS[place]}")
    check = f"(31 - ({' + '.join(terms)}) % 31) % 31"
    condition = (
        f"{dialect.matches(text, SHAPE)} AND substr('{ALPHABET}', CAST({check} AS INT) + 1, 1) = substr({text}, 18, 1)"
    )
    return verdict(condition, text)


def org_code_ok(text: str) -> bool:
    if not re.fullmatch("[0-9A-Z]{8}-?[0-9X]", text):
        return False
    total = sum(int(sign, 36) * weight for sign, weight in zip(text[:8], OLD_WEIGHTS, strict=True))
    return "0123456789X"[(11 - total % 11) % 11] == text[-1]


def _org_code_sql(dialect: Dialect, text: str) -> str:
    signs = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    terms = [
        f"(instr('{signs}', substr({text}, {place + 1}, 1)) - 1) * {weight}" for place, weight in enumerate(OLD_WEIGHTS)
    ]
    check = f"substr('0123456789X', CAST((11 - ({' + '.join(terms)}) % 11) % 11 AS INT) + 1, 1)"
    return verdict(
        f"{dialect.matches(text, '[0-9A-Z]{8}-?[0-9X]')} AND {check} = substr({text}, length({text}), 1)", text
    )


register(Function(
    "uscc_ok", ("text",), "boolean", uscc_ok, **portable(_uscc_sql),
    doc="18 位统一社会信用代码是否正确：字符集、行政区划位、校验码。", standard=STANDARD, prepared=(DIVISION,),
))  # fmt: skip
register(Function(
    "org_code_ok", ("text",), "boolean", org_code_ok, **portable(_org_code_sql),
    doc="9 位组织机构代码是否正确，可带横线。", standard="GB 11714-1997",
))  # fmt: skip
