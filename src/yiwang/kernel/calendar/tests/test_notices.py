"""Reading notices: the usual wording, a site's own, and texts that can't be right."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.calendar.notices import LONGEST, read


def said(text: str, year: int = 2026) -> dict[str, str]:
    return {f"{item.date:%m%d}": f"{item.change} {item.name}".strip() for item in read(text, year).overrides}


def test_period_makeup_days_and_asides_in_the_usual_wording() -> None:
    found = said(
        "一、春节：２月15日（农历腊月二十八、周日）至17日（周二）放假调休，共3天。2月14日（周六）、2月28日（周六）上班。"
    )
    assert found == {
        "0214": "work 春节", "0215": "rest 春节", "0216": "rest 春节", "0217": "rest 春节", "0228": "work 春节",
    }  # fmt: skip


def test_one_day_and_a_period_over_the_end_of_a_month() -> None:
    assert said("清明节：4月5日放假，与周末连休。") == {"0405": "rest 清明节"}
    assert list(said("1．国庆节、中秋节：9月30日—10月1日放假。")) == ["0930", "1001"]


@pytest.mark.parametrize(
    "text", ["元旦：12月30日至1月1日放假。", "元旦：2025年12月30日至2026年1月1日放假。", "元旦:12月30日~1月1日放假;"]
)
def test_december_of_new_year_is_of_the_year_before(text: str) -> None:
    assert [item.date for item in read(text, 2026).overrides] == [
        date(2025, 12, 30),
        date(2025, 12, 31),
        date(2026, 1, 1),
    ]


def test_a_december_period_that_is_not_new_year_runs_into_the_next_year() -> None:
    days = [item.date for item in read("防疫调整：12月31日至1月2日放假。", 2026).overrides]
    assert days == [date(2026, 12, 31), date(2027, 1, 1), date(2027, 1, 2)]


def test_a_correction_brings_a_day_back_to_the_week() -> None:
    assert said("4月21日恢复常规。4月22日上班") == {"0421": "regular", "0422": "work"}


def test_dates_that_nothing_is_said_of_are_told_not_guessed() -> None:
    reading = read("劳动节：5月9日照常。5月1日放假。\n某办公厅\n2025年11月4日", 2026)
    assert [item.date for item in reading.overrides] == [date(2026, 5, 1)]
    assert reading.unread == ("5月9日", "2025年11月4日")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2月30日放假", "没有“2026年2月30日”"),
        ("15日放假", "没有“2026年"),
        ("13月1日上班", "没有“2026年13月1日”"),
        ("5月1日放假。5月1日上班。", "两种安排"),
        ("5月5日至2月1日放假", "起止有误"),
        ("2026年5月5日至2026年5月1日放假", "起止有误"),
        ("放" * (LONGEST + 1), "超过"),
    ],
)
def test_what_cannot_be_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        read(text, 2026)


@given(
    st.text(alphabet="一、元旦春节：0123456789年月日至到—（）放假上班恢复。；\n ，", max_size=60),
    st.integers(2001, 2098),
)
def test_any_text_is_read_or_refused(text: str, year: int) -> None:
    try:
        reading = read(text, year)
    except Invalid:
        return
    assert all(abs(item.date.year - year) <= 1 or str(item.date.year) in text for item in reading.overrides)


@given(st.dates(date(2026, 1, 1), date(2026, 10, 1)), st.integers(0, 9))
def test_every_day_of_a_period_is_named_once(first: date, more: int) -> None:
    last = first + timedelta(days=more)
    found = read(f"节日：{first.month}月{first.day}日至{last.month}月{last.day}日放假。", 2026).overrides
    assert [item.date for item in found] == [first + timedelta(days=number) for number in range(more + 1)]
