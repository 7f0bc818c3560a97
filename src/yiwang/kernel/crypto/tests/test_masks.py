"""Masks hide what they should and keep what officers need."""

import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yiwang.kernel.crypto.masks import FORMS, KINDS, STARS, in_form, mask


@pytest.mark.parametrize(
    ("kind", "clear", "shown"),
    [
        ("name", "张三", "张*"),
        ("name", "覃小妹", "覃**"),
        ("name", "欧阳娜", "欧阳*"),
        ("name", "欧阳", "欧*"),
        ("name", "司徒小明", "司徒**"),
        ("name", "买买提·艾力", "买**·**"),
        ("name", "阿卜杜热依木·库尔班江", "阿*****·****"),
        ("name", "John Smith", "J*** S****"),
        ("name", "甲", "*"),
        ("phone", "13812345678", "138****5678"),
        ("phone", "+86 138-1234-5678", "138****5678"),
        ("phone", "0772-2812345", "0772-****345"),
        ("phone", "(0772)2812345转801", "0772-****345"),
        ("phone", "010-12345678", "010-****678"),
        ("phone", "2812345", "****345"),
        ("phone", "12345", "****"),
        ("id_number", "450202199001011234", "450202********1234"),
        ("id_number", "45020219900101123X", "450202********123X"),
        ("id_number", "450202900101123", "450202******123"),
        ("id_number", "E12345678", "E****78"),
        ("id_number", "123", "****"),
        ("address", "广西柳州市柳北区胜利小区12号", "广西柳州市柳北区****"),
        ("address", "湖南省长沙市雨花区黎托街道花侯路8号", "湖南省长沙市雨花区黎托街道****"),
        (
            "address",
            "广西壮族自治区柳州市三江侗族自治县古宜镇江峰街5号",
            "广西壮族自治区柳州市三江侗族自治县古宜镇****",
        ),
        ("address", "胜利小区3栋", "****"),
        ("address", "菜市场东门", "****"),
        ("account", "6222 0212 3456 7890 123", "****0123"),
        ("account", "qin@example.cn", "q****@example.cn"),
        ("account", "zhangsan", "z****"),
        ("account", "abc", "****"),
        ("email", "wang.xiaoming@liubei.gov.cn", "w****@liubei.gov.cn"),
        ("email", "不是邮箱", "****"),
        ("bank_card", "6222 0212 3456 7890 123", "****0123"),
        ("bank_card", "62220212", "****"),
        ("document", "E12345678", "E****78"),
        ("document", "军字第12", "****"),
        ("plate", "桂B12345", "桂B****5"),
        ("plate", "桂BD12345", "桂B*****5"),
        ("plate", "桂B1", "****"),
        ("birthday", "1990-01-31", "1990年"),
        ("birthday", "19900131", "1990年"),
        ("birthday", "1990年1月", "1990年"),
        ("birthday", "450202199001", "****"),
        ("uscc", "91450200MA5K12345X", "91450200******345X"),
        ("uscc", "450200123456789", "****"),
        ("organisation", "柳州市某某贸易有限公司", "柳州市****有限公司"),
        ("organisation", "利民小卖部", "****"),
        ("finance", "8,500.50", "1000～10000"),
        ("finance", "0.5", "1 以下"),
        ("finance", "-3", "****"),
        ("finance", "约八千", "****"),
        ("finance", "1e400", "****"),
        ("location", "109.41234,24.31234", "109.4,24.3"),
        ("location", "-0.98765", "-0.9"),
        ("location", "柳州市柳北区胜利路12号", "柳州市柳北区****"),
        ("text", "张三因病住院", "（6 字，不显示）"),
    ],
)
def test_各类遮蔽(kind, clear, shown):
    assert mask(kind, clear) == shown


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_空值仍为空(kind):
    assert mask(kind, "") == mask(kind, None) == mask(kind, "  ") == ""


def test_未知类别是编程错误():
    with pytest.raises(KeyError):
        mask("salary", "1")


# The other kinds show a coarser value in place of stars; what they may show is asserted for each below.
STARRED = sorted(set(KINDS) - {"finance", "birthday", "location", "text"})


@given(kind=st.sampled_from(STARRED), text=st.text(min_size=1))
def test_任何文本都不会原样显示(kind, text):
    if text.strip():
        assert "*" in mask(kind, text)
        assert mask(kind, text) != text.strip() or set(text.strip()) <= set("* ·.-")


@given(first=st.sampled_from("3456789"), rest=st.text("0123456789", min_size=9, max_size=9))
def test_手机号至多露七位(first, rest):
    assert mask("phone", f"1{first}{rest}") == f"1{first}{rest[0]}****{rest[-4:]}"


@given(birthday=st.dates(date(1900, 1, 1), date(2030, 1, 1)), sequence=st.text("0123456789", min_size=4, max_size=4))
def test_身份证号不露生日(birthday, sequence):
    assert mask("id_number", f"450202{birthday:%Y%m%d}{sequence}") == f"450202********{sequence}"


@given(text=st.text("柳州市北区号栋单元室路胜利0123456789", min_size=1, max_size=30))
def test_地址不露门牌号(text):
    assert not re.search(r"\d", mask("address", text))


@pytest.mark.parametrize(("form", "clear", "shown"), [
    ("birthday_coarse", "1990/1/31", "1990年"), ("id_number_coarse", "450205199001011234", "450205（1990年生）"),
    ("id_number_coarse", "E12345678", STARS), ("address_coarse", "柳州市柳北区胜利路12号", "柳州市柳北区"),
    ("address_coarse", "胜利小区3栋", STARS), ("finance_coarse", "99", "10～100"), ("location_coarse", "24.319", "24.3"),
    ("hidden", "什么都不给看", STARS), ("", "什么都不给看", STARS), ("nonsense", "x", STARS), ("name", "", ""),
])  # fmt: skip
def test_泛化_没有这种样子就什么也不显示(form, clear, shown):
    assert in_form(form, clear) == shown


DIGITS = st.text("0123456789", min_size=1)
WORDS = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12)
# What each form may show of any value at all: how many of its signs, from which places.
MOST = {
    "name": 4, "phone": 8, "id_number": 10, "account": 4, "bank_card": 4, "document": 3, "plate": 3, "birthday": 4, "uscc": 12,
    "text": 0, "birthday_coarse": 4, "id_number_coarse": 10,
}  # fmt: skip


@settings(max_examples=300)
@given(
    st.sampled_from(sorted(set(MOST) - {"name", "account", "text"})),
    st.one_of(WORDS, DIGITS, st.from_regex(r"[A-Z0-9]{8,18}", fullmatch=True)),
)
def test_任何值都不会多显示(form, text):
    shown = re.sub(r"[*（）年生()-]|\s", "", in_form(form, text))
    assert len(shown) <= MOST[form]
    assert text.strip() not in in_form(form, text) or (len(text.strip()) <= 4 and form.startswith("birthday"))


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=20), st.sampled_from(["example.cn", "liubei.gov.cn"]))
def test_邮箱只露首字母和主机(local, host):
    assert in_form("email", f"{local}@{host}") == f"{local[0]}{STARS}@{host}"


@given(st.integers(-179, 179), st.text("0123456789", min_size=2, max_size=8))
def test_坐标只到一位小数(whole, part):
    assert in_form("location", f"{whole}.{part}") == f"{whole}.{part[0]}"


@given(st.decimals(min_value=0, max_value=10**17, places=2))
def test_金额只露数量级(amount):
    low, _, high = in_form("finance", str(amount)).partition("～")
    assert (low == "1 以下" and amount < 1) or int(low) <= amount < int(high) == 10 * int(low)


@given(st.text("甲乙丙丁戊己庚辛", min_size=2, max_size=10), st.sampled_from(["有限公司", "店", ""]))
def test_单位字号不外露(words, form):
    assert in_form("organisation", f"柳州市{words}{form}") == f"柳州市{STARS}{form}"


@given(st.sampled_from(sorted(FORMS)), st.text(max_size=40))
def test_任何文字都有样子_自由文本一个字也不露(form, text):
    shown = in_form(form, text)
    assert bool(shown) == bool(text.strip())
    assert form != "text" or not shown or shown == f"（{len(text.strip())} 字，不显示）"
