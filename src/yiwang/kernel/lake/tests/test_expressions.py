"""The language of rules: what it accepts, what it refuses and with which words, how it judges one row."""

import re
from datetime import date
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.lake import basics
from yiwang.kernel.lake.expressions import condition, parse
from yiwang.kernel.lake.expressions.patterns import portable
from yiwang.kernel.lake.spark import FIXED, missing, session

COLUMNS = {
    "姓名": "text",
    "证件号": "text",
    "年龄": "integer",
    "金额": "decimal(18,2)",
    "登记日期": "date",
    "有效": "boolean",
}
ROW = {"姓名": "张三", "证件号": None, "年龄": 17, "金额": Decimal("0.30"), "登记日期": date(2026, 1, 5), "有效": True}
assert basics.norm_text


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "没有内容"),
        ("read_text('/etc/passwd') = 'x'", "不能用函数 read_text"),
        ("年龄 > 1; drop table people", "只能写一个条件"),
        ("年龄 IN (SELECT 1)", "IN"),
        ("EXISTS (SELECT 1)", "子查询"),
        ("(SELECT 1) = 1", "子查询"),
        ("count(年龄) > 1", "聚合函数"),
        ("sum(年龄) OVER () > 1", "窗口函数"),
        ("CAST(年龄 AS TEXT) = '1'", "number_or_null"),
        ("年龄::text = '1'", "number_or_null"),
        ("姓名 ILIKE 'a'", "lower"),
        ("姓名 LIKE 'a!%' ESCAPE '!'", "contains"),
        ("姓名 = NULL", "IS NULL"),
        ("姓名 = 1", "两边类型不同：文本与整数"),
        ("姓名 > 登记日期", "两边类型不同：文本与日期"),
        ("性名 = '张三'", "是否想写“姓名”"),
        ("people.姓名 = '张三'", "Column"),
        ("lenght(姓名) > 1", "是否想用 length"),
        ("length(年龄) > 1", "要文本，这里是整数"),
        ("length(姓名, 1) > 1", "1 个参数，写了 2 个"),
        ("姓名 = '张三", "单引号没有配对"),
        ("length（姓名）> 1", "全角符号“（”"),
        ("姓名 = '张三' -- 注释", "注释"),
        ("matches(姓名, 姓名)", "直接写在单引号里"),
        ("matches(姓名, '(a+)+')", "耗时可能无限增长"),
        ("matches(姓名, '(?=a)')", "断言"),
        ("matches(姓名, '^a$')", "不必写"),
        ("登记日期 > DATE '2026-02-30'", "不是日期"),
        ("年龄 > 99999999999999999999", "太大"),
        ("now() > 登记日期", "today()"),
        ("*", "写出字段名"),
        ("年龄 = ?", "参数"),
        ("年龄 = @a", "参数"),
        ("length(姓名)", "不是一个条件"),
        ("CASE WHEN 有效 THEN 1 ELSE 'a' END = 1", "类型不一"),
        ("年龄 > 1 AS x", "只写一个条件"),
        ("(" * 60 + "有效" + ")" * 60, "括号超过"),
        ("NOT " * 300 + "有效", "太深"),
        ("有效 OR " * 900 + "有效", "长度"),
        ("年龄 > 1E", "写法"),
    ],
)
def test_what_is_forbidden_is_refused_by_name(text: str, word: str) -> None:
    with pytest.raises(Invalid) as refused:
        condition(text, COLUMNS)
    assert word in refused.value.message


@given(st.text(alphabet="姓名年龄有效 ()'=<>,;-*%1.aANDORTCSELWHI|\\[]{}:\"", max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_rule_or_a_sentence(text: str) -> None:
    try:
        condition(text, COLUMNS).evaluate(ROW, date(2026, 6, 30))
    except Invalid as refused:
        assert refused.message.endswith("。")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("年龄 >= 18", False),
        ("证件号 = '1'", None),
        ("证件号 = '1' AND 年龄 >= 18", False),
        ("证件号 = '1' OR 年龄 >= 18", None),
        ("证件号 = '1' OR 年龄 = 17", True),
        ("NOT 证件号 = '1'", None),
        ("证件号 IS NULL", True),
        ("金额 = 0.1 + 0.2", True),
        ("金额 / (年龄 - 17) IS NULL", True),
        ("登记日期 <= today()", True),
        ("姓名 IN ('张三', '李四')", True),
        ("年龄 NOT BETWEEN 10 AND 20", False),
    ],
)
def test_three_values(text: str, expected: bool | None) -> None:
    assert condition(text, COLUMNS).evaluate(ROW, date(2026, 6, 30)) is expected


def test_reasons_name_the_condition_and_the_values() -> None:
    rule = condition("length(姓名) >= 2 AND (年龄 >= 18 OR 证件号 IS NOT NULL) AND 金额 > 1", COLUMNS)
    assert [str(reason) for reason in rule.explain(ROW)] == [
        "length(姓名) >= 2：是（姓名=张三）",
        "年龄 >= 18：否（年龄=17）",
        "证件号 IS NULL：是（证件号=空）",
        "金额 > 1：否（金额=0.30）",
    ]
    assert rule.columns == {"姓名", "年龄", "证件号", "金额"}


def test_a_quoted_name_or_text_cannot_break_out() -> None:
    columns = {'a" OR TRUE --': "text"}
    rule = parse("\"a\"\" OR TRUE --\" = 'x'' OR 1=1 --\\'", columns)
    assert rule.duckdb() == "(\"a\"\" OR TRUE --\" = 'x'' OR 1=1 --\\')"
    assert rule.spark() == "(`a\" OR TRUE --` = 'x\\' OR 1=1 --\\\\')"


def test_a_text_is_no_variable_of_spark() -> None:
    """${env:…} would be put in before the text is read as one: a rule could probe the process it is judged in."""
    for text in ("a = '${env:HOME}'", "contains(a, '$${system:user.dir}')"):
        rule = parse(text, {"a": "text"})
        assert "${" not in rule.spark() and "$\\u007b" in rule.spark(), text
        assert rule.duckdb().count("${") == text.count("${")
    assert FIXED["spark.sql.variable.substitute"] == "false"
    if not missing():
        read = session("local[1]").sql("SELECT '$\\u007benv:HOME}' AS text").collect()
        assert read[0]["text"] == "${env:HOME}"


ATOMS = st.sampled_from(
    [
        "a",
        "张",
        "\\d",
        "\\s",
        "\\w",
        "\\p{Han}",
        ".",
        "[a-c]",
        "[^0-9]",
        "[\\d\\-x]",
        "\\.",
        "-",
        "&",
        "[a&&b]",
        "#",
        " ",
    ]
)
PIECES = st.tuples(ATOMS, st.sampled_from(["", "?", "*", "+", "{2}", "{1,3}"])).map("".join)
PATTERNS = st.lists(st.lists(PIECES, min_size=1, max_size=4).map("".join), min_size=1, max_size=3).map("|".join)


@given(PATTERNS, st.lists(st.text(alphabet="ab张c1 .-&#x\n\u3000", max_size=6), min_size=1, max_size=8))
@settings(max_examples=150, deadline=None)
def test_a_pattern_means_the_same_in_re_and_re2(pattern: str, texts: list[str]) -> None:
    text = portable(pattern)
    quoted = text.replace("'", "''")
    question = f"SELECT regexp_full_match(x, '{quoted}') FROM (SELECT unnest($1::VARCHAR[]) AS x)"  # noqa: S608
    found = duckdb.execute(question, [texts]).fetchall()
    assert [row[0] for row in found] == [re.fullmatch(text, sample) is not None for sample in texts]
