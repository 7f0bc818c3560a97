"""规则模板：不写表达式的人选一个、填几个空。"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from yiwang.data.governance.terms import Dimension, Kind
from yiwang.kernel.access.actors import Invalid

METRICS = {
    "null_share": "空值比例",
    "distinct_share": "不同值比例",
    "mean": "平均值",
    "smallest": "最小值",
    "largest": "最大值",
    "top_share": "最多值所占比例",
}


@dataclass(frozen=True)
class Blank:
    """一个要填的空。kind: field fields text texts integer number date pattern table choice。"""

    name: str
    label: str
    kind: str = "field"
    required: bool = True
    help: str = ""


@dataclass(frozen=True)
class Template:
    """`build`: the filled blanks → (expression, params). `reason`: what the officer of a bad row reads."""

    code: str
    name: str
    kind: Kind
    dimension: Dimension
    reason: str
    blanks: tuple[Blank, ...]
    build: Callable[[Mapping[str, Any]], tuple[str, dict[str, Any]]] = field(compare=False)
    basis: str = ""


def column(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def text(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def number(value: object) -> str:
    try:
        return repr(float(str(value))) if "." in str(value) else str(int(str(value)))
    except ValueError:
        raise Invalid(f"“{value}”不是数字。", errors={"params": ["应填数字"]}) from None


FIELD = Blank("field", "字段")
OPTIONAL = "允许为空；不允许为空请另加“必填”规则"


def _row(pattern: str, *, empty: bool = True) -> Callable[[Mapping[str, Any]], tuple[str, dict[str, Any]]]:
    """An expression with {field} and further blanks, ready quoted by their kind; an empty value passes."""

    def build(blanks: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        values = {name: _quoted(name, value) for name, value in blanks.items()}
        found = pattern.format(**values)
        return (f"{values['field']} IS NULL OR {found}" if empty else found), {}

    return build


COLUMNS = frozenset({"field", "other", "third"})
NUMBERS = frozenset({"low", "high", "least", "most", "days"})


def _quoted(name: str, value: Any) -> str:
    if name in COLUMNS:
        return column(str(value))
    if name in NUMBERS:
        return number(value)
    if name == "values":
        options = (
            value
            if isinstance(value, list | tuple)
            else [part for part in str(value).replace("，", ",").split(",") if part]
        )
        return ", ".join(text(option.strip()) for option in options)
    return text(value)


def _params(*names: str) -> Callable[[Mapping[str, Any]], tuple[str, dict[str, Any]]]:
    return lambda blanks: ("", {name: blanks[name] for name in names if name in blanks})


def _bounds(blanks: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    kept = {name: blanks[name] for name in ("field", "metric") if name in blanks}
    return "", {**kept, **{name: float(blanks[name]) for name in ("low", "high") if blanks.get(name) not in (None, "")}}


def _freshness(blanks: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return "", {"field": blanks["field"], "low": -36500.0, "high": float(blanks["days"])}


def _shape(
    code: str, name: str, function: str, what: str, basis: str, dimension: Dimension = Dimension.STANDARD
) -> Template:
    return Template(code, name, Kind.ROW, dimension, f"不是{what}", (FIELD,), _row(f"{function}({{field}})"), basis)


LOW, HIGH = Blank("low", "最小", "number"), Blank("high", "最大", "number")
REFERENCE = (
    Blank("fields", "本表字段", "fields"),
    Blank("reference", "对方数据表", "table"),
    Blank("other_fields", "对方字段", "fields"),
)
C, S, A, N, T, X = (
    Dimension.COMPLETE, Dimension.STANDARD, Dimension.ACCURATE, Dimension.CONSISTENT, Dimension.TIMELY, Dimension.ACCESSIBLE,
)  # fmt: skip
_T, R = Template, Kind.ROW
TEMPLATES: dict[str, Template] = {each.code: each for each in (
    _T("required", "必填", R, C, "没有填写", (FIELD,), _row("{field} IS NOT NULL", empty=False)),
    _T("required_if", "满足条件时必填", R, C, "按另一字段的内容应当填写", (FIELD, Blank("other", "另一字段"), Blank("value", "其内容为", "text")),
       _row("{other} IS NULL OR {other} <> {value} OR {field} IS NOT NULL", empty=False)),
    _T("either", "两项至少填一项", R, C, "两项都没有填写", (FIELD, Blank("other", "另一字段")), _row("{field} IS NOT NULL OR {other} IS NOT NULL", empty=False)),
    _T("length", "长度", R, S, "长度不对", (FIELD, Blank("least", "最少字数", "integer"), Blank("most", "最多字数", "integer")),
       _row("length({field}) BETWEEN {least} AND {most}")),
    _T("pattern", "格式（正则表达式）", R, S, "格式不对", (FIELD, Blank("pattern", "正则表达式", "pattern")), _row("matches({field}, {pattern})")),
    _T("options", "取值范围（代码表）", R, S, "不在规定的取值之内", (FIELD, Blank("values", "允许的值，逗号分开", "texts")), _row("{field} IN ({values})")),
    _T("tidy", "没有多余空白和全角字符", R, S, "含多余空白或全角字母数字", (FIELD,), _row("norm_text({field}) = {field}")),
    _T("no_null_word", "不用“无”“不详”等代替空值", R, S, "用文字代替了空值", (FIELD,), _row("NOT is_null_word({field})")),
    _shape("cn_id", "公民身份号码", "cn_id_ok", "正确的公民身份号码（出生日期或校验码不符）", "GB 11643-1999", A),
    _shape("uscc", "统一社会信用代码", "uscc_ok", "正确的统一社会信用代码（校验码不符）", "GB 32100-2015", A),
    _shape("division", "行政区划代码", "division_ok", "现行的行政区划代码", "GB/T 2260", A),
    _shape("phone", "电话号码", "phone_ok", "电话号码", "电信网编号计划（2017年版）"),
    _shape("mobile", "手机号码", "mobile_ok", "11 位手机号码", "电信网编号计划（2017年版）"),
    _shape("email", "电子邮箱", "email_ok", "电子邮箱地址", "RFC 5321"),
    _shape("postcode", "邮政编码", "postcode_ok", "6 位邮政编码", "GB/T 1987"),
    _shape("person_name", "姓名", "person_name_ok", "汉字姓名", "GB/T 28039"),
    _shape("plate", "机动车号牌", "plate_ok", "机动车号牌", "GA 36-2018"),
    _shape("bank_card", "银行卡号", "bank_card_ok", "正确的银行卡号（校验位不符）", "GB/T 19584-2010", A),
    _shape("org_code", "组织机构代码", "org_code_ok", "正确的组织机构代码", "GB 11714-1997", A),
    _T("is_date", "文本可读作日期", R, S, "不是日期", (FIELD,), _row("date_or_null({field}) IS NOT NULL"), "GB/T 7408.1-2023"),
    _T("is_number", "文本可读作数字", R, S, "不是数字", (FIELD,), _row("number_or_null({field}) IS NOT NULL")),
    _T("range", "数值范围", R, A, "超出合理范围", (FIELD, LOW, HIGH), _row("{field} BETWEEN {low} AND {high}")),
    _T("not_future", "日期不晚于今天", R, A, "日期晚于今天", (FIELD,), _row("{field} <= today()")),
    _T("date_after", "日期不早于某日", R, A, "日期过早", (FIELD, Blank("day", "最早日期", "date")), _row("{field} >= DATE {day}")),
    _T("order", "两个日期的先后", R, N, "先后颠倒", (FIELD, Blank("other", "不早于它的字段")), _row("{other} IS NULL OR {field} <= {other}")),
    _T("within_days", "两个日期相隔不超过", R, N, "相隔太久", (FIELD, Blank("other", "之后的日期"), Blank("days", "天数", "integer")),
       _row("{other} IS NULL OR days_between({field}, {other}) BETWEEN 0 AND {days}")),
    _T("sum", "合计相等", R, N, "与各项之和不等", (FIELD, Blank("other", "加数一"), Blank("third", "加数二")), _row("{field} = {other} + {third}")),
    _T("birth_matches", "出生日期与身份号码一致", R, N, "与身份号码中的出生日期不一致", (FIELD, Blank("other", "身份号码")),
       _row("{other} IS NULL OR NOT cn_id_ok({other}) OR cn_id_birth({other}) = {field}"), "GB 11643-1999"),
    _T("sex_matches", "性别与身份号码一致", R, N, "与身份号码中的性别不一致", (FIELD, Blank("other", "身份号码")),
       _row("{other} IS NULL OR NOT cn_id_ok({other}) OR cn_id_sex({other}) = {field}"), "GB 11643-1999"),
    _T("age", "周岁范围", R, A, "年龄超出范围", (FIELD, LOW, HIGH), _row("years_between({field}, today()) BETWEEN {low} AND {high}")),
    _T("typed", "符合目录登记的类型", Kind.TYPED, S, "不是目录登记的类型（如日期、数字）", (FIELD,), _params("field")),
    _T("unique", "唯一", Kind.UNIQUE, A, "与另一行重复", (Blank("fields", "字段", "fields"),), _params("fields")),
    _T("referential", "在另一张表里存在", Kind.REFERENTIAL, N, "在对方表里找不到", REFERENCE, _params("fields", "reference", "other_fields")),
    _T("dependency", "相同则另一项也相同", Kind.DEPENDENCY, N, "与同组其他行不一致", (Blank("fields", "相同的字段", "fields"), Blank("dependent", "应当一致的字段")),
       _params("fields", "dependent")),
    _T("volume", "行数与上次相比", Kind.DRIFT, C, "行数变化过大", (LOW, HIGH), _bounds),
    _T("fresh", "最新日期不早于几天前", Kind.FRESHNESS, T, "数据陈旧", (FIELD, Blank("days", "天数", "integer")), _freshness),
    _T("metric", "字段的统计值范围", Kind.DISTRIBUTION, A, "统计值超出范围", (FIELD, Blank("metric", "统计值", "choice"), LOW, HIGH), _bounds),
    _T("present_share", "空值比例不超过", Kind.DISTRIBUTION, X, "空值太多，难以使用", (FIELD, HIGH),
       lambda blanks: _bounds({**blanks, "metric": "null_share"})),
)}  # fmt: skip


def fill(code: str, blanks: Mapping[str, Any]) -> tuple[Template, str, dict[str, Any]]:
    """The template, its expression and its params. Raises Invalid, naming what is missing."""
    template = TEMPLATES.get(code)
    if template is None:
        raise Invalid(f"没有模板“{code}”。", errors={"template": ["没有这个模板"]})
    missing = [blank.label for blank in template.blanks if blank.required and blanks.get(blank.name) in (None, "", [])]
    if missing:
        raise Invalid(
            f"模板“{template.name}”还缺：{'、'.join(missing)}。",
            errors={"params": [f"{name}：必填" for name in missing]},
        )
    expression, params = template.build(
        {blank.name: blanks[blank.name] for blank in template.blanks if blank.name in blanks}
    )
    return template, expression, params
