"""Rules and rows on which every engine must give the verdict of the Python reference; see `kernel.lake.parity`.

Rows are made from a seed: valid values, the dirt of real spreadsheets, edge cases of each function.
"""

import random
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from yiwang.kernel.lake import functions
from yiwang.standards.functions import organisations, persons
from yiwang.standards.functions.writing import NULL_WORDS

COLUMNS = {
    "id": "text", "uscc": "text", "code": "text", "name": "text", "when": "text", "amount": "text", "phone": "text", "备注": "text",
    "count": "integer", "level": "integer", "price": "decimal(18,4)", "paid": "decimal(18,4)",
    "born": "date", "joined": "date", "seen": "timestamp", "active": "boolean",
}  # fmt: skip
AS_OF = date(2026, 6, 30)
TEXTS = [name for name, kind in COLUMNS.items() if kind == "text"]
ODD = [
    None, "", " ", "\u3000", "a", "A", "é", "ß", "İ", "张三", "欧阳·娜", "𠀀𠮷", "🤦🏼‍♂️", "％", "'", "\\", "%", "_", "x%y", "x_y", "a\nb",
    "\t张 三\u3000", "ＡＢＣ１２３", "\u200b零宽", "1e3", "1_000", "0x1F", " 12", "+5", "1,234.50", "1,23", "￥3,000元", "１２３．５", "-0", "007",
    "12345678901234567890", "O1O2", "10OX", "OO", "1.", ".5", "NaN", "inf", "true", "2024-02-29", "2023-02-29", "2024/1/5", "2024年1月5日",
    "2024.01.05 8:30", "2024-01-05", "2024/01/05", "2024年01月05日", "2024-01-3O", "2024/01/3x", "2024年01月3月日", "2024-01-3 ", "20240105", "20240105123000", "45296", "45296.5", "19999", "99-1-1", "2024-13-01", "二〇二四年", "2024-1-5T01:02:03.5",
    "0000-00-00", "5/1/2024", "2024年1 月5日", "a@b.cn", "a@b", ".a@b.cn", "027-85750000", "13900000000", "400-800-8820", "12345", "10086",
    "鄂A12345", "鄂AD12345", "鄂A1234学", "430000", "420104", "999999", "110001", "E12345678", "430051", "8:30", "24:00",
    "500105194912310022", "50_105194912310022", "5010519491231002  ", *NULL_WORDS[:24],
]  # fmt: skip


def _identity(random_: random.Random) -> str:
    province = random_.choice(persons.PROVINCES)
    day = date(1930, 1, 1) + timedelta(days=random_.randrange(34000))
    seventeen = f"{province}{random_.randrange(10000):04d}{day:%Y%m%d}{random_.randrange(1000):03d}"
    return seventeen + persons.check_character(seventeen)


def _uscc(random_: random.Random) -> str:
    body = f"9{random_.choice('123')}420104" + "".join(random_.choice(organisations.ALPHABET) for _ in range(9))
    return next(body + sign for sign in organisations.ALPHABET if organisations.uscc_ok(body + sign))


def _card(random_: random.Random) -> str:
    digits = "622" + "".join(str(random_.randrange(10)) for _ in range(15))
    return digits + str(random_.randrange(10))


def _damaged(random_: random.Random, text: str) -> str:
    place = random_.randrange(len(text))
    return {
        0: text, 1: text.lower(), 2: f" {text}", 3: text[:place] + random_.choice("0123456789XOI张") + text[place + 1 :],
        4: text[:6] + text[8:17], 5: text.replace("0", "O"), 6: text[:-1], 7: "'" + text,
        8: "".join(chr(ord(sign) + 0xFEE0) for sign in text), 9: text,
    }[random_.randrange(10)]  # fmt: skip


def _text(random_: random.Random) -> str | None:
    roll = random_.random()
    if roll < 0.35:
        return random_.choice(ODD)
    if roll < 0.55:
        return _damaged(random_, _identity(random_))
    if roll < 0.7:
        return _damaged(random_, _uscc(random_))
    if roll < 0.75:
        return _card(random_)
    if roll < 0.85:
        day = date(1990, 1, 1) + timedelta(days=random_.randrange(14000))
        return random_.choice(
            [
                f"{day:%Y-%m-%d}",
                f"{day.year}/{day.month}/{day.day}",
                f"{day:%Y%m%d}",
                f"{day.year}年{day.month}月{day.day}日",
            ]
        )
    if roll < 0.92:
        return f"{random_.randrange(-(10**6), 10**6) / 100:,.2f}"
    return "".join(random_.choice("0123456789") for _ in range(random_.choice([6, 9, 11, 15, 18])))


def _value(random_: random.Random, kind: str) -> Any:
    if random_.random() < 0.12:
        return None
    if kind == "text":
        return _text(random_)
    if kind == "integer":
        return random_.choice([0, 1, 2, 3, -1, 17, 10**12, random_.randrange(-50, 200)])
    if kind == "date":
        return date(1940, 1, 1) + timedelta(days=random_.randrange(32000))
    if kind == "timestamp":
        return datetime.combine(date(2020, 1, 1), time()) + timedelta(seconds=random_.randrange(200_000_000))
    if kind == "boolean":
        return random_.random() < 0.5
    return Decimal(
        random_.choice(["0", "0.1", "0.2", "0.3", "100", "99.9999", str(random_.randrange(-500, 5000) / 4)])
    ).quantize(Decimal("0.0001"))


def rows(count: int, seed: int = 7) -> list[dict[str, Any]]:
    """The same rows for the same seed."""
    random_ = random.Random(seed)  # noqa: S311 - test data
    return [{name: _value(random_, kind) for name, kind in COLUMNS.items()} for _ in range(count)]


LITERALS = {
    "text": "'a'",
    "integer": "2",
    "number": "1.5",
    "date": "DATE '2020-02-29'",
    "timestamp": "TIMESTAMP '2022-01-01 00:00:00'",
    "pattern": "'\\d{4}.*'",
}
HAND_WRITTEN = """
active|NOT active|active AND level > 1|active OR level > 1|NOT (active AND born IS NULL)|born IS NOT NULL AND born <= today()
count = 3|count <> 3|count < level|count <= level|count > level|count >= level|count IN (1, 2, 3)|count NOT IN (1, -1)
price = 0.3|price <> 0.1|price < paid|price <= paid|price > paid|price >= paid|price IN (0.1, 100)|price BETWEEN 0 AND 100
price + paid = 0.3|price - paid > 0|price * count >= paid|price / paid < 2|count % 2 = 0|-price < 0|count + level = 3|price = count
price / (count - 1) IS NULL|abs(price - paid) <= 0.5|floor(price) = price|ceil(price) > paid|abs(count) = 1|floor(price / 3) * 3 = price
born < joined|joined BETWEEN DATE '2000-01-01' AND DATE '2020-12-31'|seen >= TIMESTAMP '2022-01-01 00:00:00'|date_of(seen) > joined
years_between(born, joined) >= 18|years_between(born, today()) BETWEEN 0 AND 120|days_between(joined, today()) > 365|year(born) = 1980
month(born) = 2 AND day(born) = 29|days_between(born, joined) < 0|joined = DATE '2001-01-01'|born <> joined
name LIKE '张%'|name NOT LIKE '%三'|name LIKE '_'|name LIKE '%\u3000%'|备注 LIKE 'x%y'|name = ''|name <> 'a'|name < 'b'|name >= '张'
name || 备注 = 'aa'|length(name || '张') = 2|coalesce(name, 备注, '无') = '无'|nullif(name, '') IS NULL|coalesce(price, 0) >= 0
coalesce(count, price) > 1|nullif(count, 3) IS NULL|nullif(price, 0.1) IS NULL
CASE WHEN active THEN count > 1 ELSE level > 1 END|CASE WHEN level > 1 THEN price WHEN level = 1 THEN count END > 2
CASE WHEN name IS NULL THEN '空' WHEN length(name) > 3 THEN name ELSE 'x' END <> 'x'|CASE WHEN active THEN born ELSE joined END < today()
cn_id_ok(id) AND cn_id_birth(id) = born|cn_id_birth(id) <= today()|cn_id_sex(id) = '男'|cn_id_sex(id) IN ('男', '女')|division_known(cn_id_division(id))
cn_id_ok(cn_id_upgrade(id))|cn_id_ok(cn_id_upgrade(zero_for_o(id)))|cn_id_upgrade(id) = id|cn_id_clean(id) = id|length(cn_id_upgrade(id)) = 18
uscc_ok(uscc)|uscc_ok(upper(trim(uscc)))|uscc_ok(norm_text(uscc)) OR org_code_ok(uscc)|substr(uscc, 3, 6) = '420104'|division_ok(substr(id, 1, 6))
division_ok(code)|division_known(code)|division_known(code) AND NOT division_ok(code)|division_ok(half_width(code))
date_or_null(when) IS NOT NULL|date_or_null(when) <= today()|date_or_null(when) = DATE '2024-01-05'|year(date_or_null(when)) = 2024
date_or_null(norm_text(when)) = date_or_null(when)|is_null_word(when) OR date_or_null(when) IS NOT NULL|years_between(date_or_null(when), today()) > 3
number_or_null(amount) > 0|number_or_null(amount) IS NULL|number_or_null(amount) = price|number_text(amount) = amount|number_or_null(zero_for_o(amount)) >= 7
number_or_null(amount) % 2 = 0|number_or_null(amount) / number_or_null(code) > 1|floor(number_or_null(amount)) = number_or_null(amount)
is_null_word(备注)|NOT is_null_word(name) AND length(trim(name)) >= 2|is_blank(备注)|NOT is_blank(name)|is_blank(trim(name)) = is_blank(name)
norm_text(name) = name|half_width(name) = name|trim(name) = name|upper(name) = name|lower(name) = name|length(norm_text(备注)) < length(备注)
upper(lower(name)) = upper(name)|replace(name, 'a', '') = ''|replace(name, '', 'x') = name|contains(name, '三')|contains(name, '')|starts_with(name, '张')
ends_with(name, 'b')|substr(name, 2) = '三'|substr(name, 0, 2) IS NULL|substr(name, 1, 1) = 'a'|substr(name, count, 2) <> ''|length(substr(name, 1, 2)) = 2
matches(name, '[\u4e00-\u9fff·]{2,4}')|matches(name, '\\p{Han}+')|matches(name, '\\w+')|matches(name, '\\d*')|matches(name, '.*')|matches(name, '[^a-z]')
matches(name, '\\s*[^ ]?') = FALSE|matches(备注, 'x.y')|matches(备注, 'x[%_]y')|matches(id, '\\d{17}[\\dX]')|matches(id, '(?:11|42)\\d{13,16}.?')
matches(code, '\\d{6}|\\d{12}')|matches(when, '(19|20)\\d\\d-[01]\\d-[0-3]\\d')|matches(amount, '-?[\\d,]+[.]\\d{2}')|matches(name, '[\\w\\p{Han}]+')
phone_ok(phone)|mobile_ok(phone) OR phone_ok(norm_text(phone))|email_ok(备注)|postcode_ok(code)|plate_ok(备注)|passport_ok(备注)|person_name_ok(name)
bank_card_ok(id)|bank_card_ok(code)|org_code_ok(uscc)|licence_number_ok(uscc)|division12_ok(code)|time_ok(when)|bank_card_ok(zero_for_o(id))
zero_for_o(id) = id|zero_for_o(code) <> code|active = TRUE|active <> (level > 1)|(level > 1) = (count > 1)|active = FALSE OR seen IS NULL
"""


def _each_function() -> list[str]:
    """Every registered function on every column it fits, so that one added later is compared from its first day."""
    found = []
    for function in functions.registered():
        first = function.arguments[0]
        fitting = [
            name for name, kind in COLUMNS.items() if ("number" if kind.startswith("decimal") else kind) == first
        ]
        rest = [LITERALS[kind] for kind in function.arguments[1 : len(function.arguments) - function.optional]]
        for column in fitting[:3] if first == "text" else fitting[:1]:
            call = f"{function.name}({', '.join([_quoted(column), *rest])})"
            found.append(call if function.returns == "boolean" else f"coalesce({call} = {call}, {call} IS NULL)")
            if function.returns != "boolean":
                found.append(f"{call} IS NULL")
    return found


def _quoted(name: str) -> str:
    return f'"{name}"'


def rules() -> list[str]:
    """At least 200 conditions over COLUMNS."""
    written = [
        rule.replace("when)", '"when")').replace("(when,", '("when",')
        for line in HAND_WRITTEN.strip().splitlines()
        for rule in _split(line)
    ]
    return list(dict.fromkeys([*written, *_each_function()]))


def _split(line: str) -> list[str]:
    """At bars that stand between rules: not doubled, not inside a quoted text."""
    parts, quoted, start = [], False, 0
    for place, sign in enumerate(line):
        quoted ^= sign == "'"
        if sign == "|" and not quoted and "|" not in (line[place - 1 : place], line[place + 1 : place + 2]):
            parts.append(line[start:place])
            start = place + 1
    return [*parts, line[start:]]
