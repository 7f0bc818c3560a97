"""Masks hide what they should and keep what officers need."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yiwang.kernel.crypto.masks import KINDS, mask


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


@given(kind=st.sampled_from(sorted(KINDS)), text=st.text(min_size=1))
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
