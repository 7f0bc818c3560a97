"""From the text of a rule to its tree. sqlglot only reads; what is not listed here is refused by name."""

import difflib
import importlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.lake import functions
from yiwang.kernel.lake.expressions.patterns import portable
from yiwang.kernel.lake.expressions.tree import (
    ARITHMETIC,
    COMPARISONS,
    NUMERIC,
    Call,
    Column,
    Literal,
    Node,
    Operation,
    Today,
    type_of,
)  # fmt: skip

LONGEST, DEEPEST, MOST_NODES = 4000, 40, 1200
TYPES = {
    "text": "文本", "integer": "整数", "number": "数值", "date": "日期", "timestamp": "日期时间", "boolean": "是否",
    "null": "空值", "pattern": "正则表达式",
}  # fmt: skip
SIGNS = {
    "And": "and", "Or": "or", "Not": "not", "EQ": "=", "NEQ": "<>", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">=",
    "Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "Mod": "%", "DPipe": "||", "Neg": "negate", "Like": "like",
}  # fmt: skip
# The arguments of a syntax node that carry meaning; another one that is set (ESCAPE, OVER …) is refused.
KNOWN = {
    "Column": {"this"}, "Anonymous": {"this", "expressions"}, "Case": {"ifs", "default"}, "In": {"this", "expressions"},
    "Between": {"this", "low", "high"}, "Is": {"this", "expression"}, "Cast": {"this", "to"}, "Literal": {"this", "is_string"},
    "Boolean": {"this"}, "Null": set(), "Paren": {"this"}, "Like": {"this", "expression", "negate"},
}  # fmt: skip
INSTEAD = {
    "Select": "子查询；跨表的条件请用“引用”或“跨表”类规则",
    "Subquery": "子查询；跨表的条件请用“引用”或“跨表”类规则",
    "In": "子查询；IN 的括号里只能写值，要与别的表比对请用“引用”类规则",
    "Exists": "子查询；跨表的条件请用“引用”或“跨表”类规则",
    "Window": "窗口函数；要比较多行请用“唯一”“依赖”或“分布”类规则",
    "Cast": "类型转换；请用 number_or_null(…) 或 date_or_null(…)",
    "ILike": "ILIKE；请先用 lower(…) 再比较",
    "Star": "“*”；请写出字段名",
    "Parameter": "参数；请直接写值",
    "Placeholder": "参数；请直接写值",
    "Interval": "时间间隔；请用 days_between(开始, 结束)",
    "Alias": "别名或多余的词；一条规则只写一个条件",
    "Escape": "ESCAPE；请用 contains(…) 或 matches(…)",
    "SimilarTo": "SIMILAR TO；请用 matches(字段, '正则表达式')",
    "RegexpLike": "正则运算符；请用 matches(字段, '正则表达式')",
    "Dot": "“表.字段”；只能用本表的字段名",
    "Drop": "修改数据的语句", "Insert": "修改数据的语句", "Update": "修改数据的语句", "Delete": "修改数据的语句",
    "Command": "命令",
}  # fmt: skip
AGGREGATE = "聚合函数 sum、count 等；要看整张表请用“唯一”“分布”或“行数”类规则"
SQL_FUNCTIONS = {
    **dict.fromkeys(("sum", "count", "avg", "min", "max"), AGGREGATE),
    **dict.fromkeys(("cast", "try_cast", "convert"), INSTEAD["Cast"]),
    **dict.fromkeys(("now", "current_date", "current_timestamp", "random"), "每次运行结果不同的函数；当天请用 today()"),
}
FULL_WIDTH_SIGNS = {
    "，": ",",
    "（": "(",
    "）": ")",
    "＝": "=",
    "＞": ">",
    "＜": "<",
    "；": ";",
    "“": "'",
    "”": "'",
    "‘": "'",
    "’": "'",
    "！": "!",
}


@cache
def _reader() -> Callable[[str], list[Any]]:
    """A reader that knows no function, so that each keeps the name it was written with. Loaded on first use: half a
    second that a web process usually does not need (docs/adr/0007-start-up.md)."""
    sqlglot = importlib.import_module("sqlglot")
    parser = importlib.import_module("sqlglot.parser").Parser
    case = parser.NO_PAREN_FUNCTION_PARSERS["CASE"]
    nothing: dict[str, Any] = {"FUNCTIONS": {}, "FUNCTION_PARSERS": {}, "NO_PAREN_FUNCTIONS": {}}
    reader = type("RuleParser", (parser,), {**nothing, "NO_PAREN_FUNCTION_PARSERS": {"CASE": case}})
    dialect = sqlglot.Dialect()
    problem = importlib.import_module("sqlglot.errors").SqlglotError

    def read(text: str) -> list[Any]:
        try:
            return list(reader(dialect=dialect).parse(dialect.tokenize(text), text))
        except problem as error:
            raise refuse(_unreadable(text, error)) from None

    return read


def refuse(why: str) -> Invalid:
    return Invalid(f"规则不能用：{why}。", rule="expression")


def _syntax(text: str) -> Any:
    """The one syntax tree of a text. Depth is bounded before reading, because readers recurse."""
    if not text.strip():
        raise refuse("没有内容；请写一个条件，例如 length(姓名) >= 2")
    if len(text) > LONGEST:
        raise refuse(f"长度 {len(text)} 个字符，至多 {LONGEST}；请拆成几条规则")
    depth = 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if depth > DEEPEST:
            raise refuse(f"括号超过 {DEEPEST} 层；请拆成几条规则")
    try:
        trees = [tree for tree in _reader()(text) if tree is not None]
    except RecursionError:
        raise refuse("嵌套太深；请拆成几条规则") from None
    if len(trees) != 1:
        raise refuse("只能写一个条件，不能用分号写几句")
    return trees[0]


def _full_width(text: str) -> str:
    found = next((sign for sign in text if sign in FULL_WIDTH_SIGNS), None)
    return f"含有全角符号“{found}”；请改用半角“{FULL_WIDTH_SIGNS[found]}”" if found else ""


def _unreadable(text: str, error: Exception) -> str:
    if wide := _full_width("".join(text.split("'")[::2])):
        return wide
    if text.count("'") % 2:
        return "单引号没有配对"
    details = getattr(error, "errors", None) or [{}]
    at = f"第 {details[0]['col']} 个字符附近" if details[0].get("col") else ""
    return f"{at}读不懂；请检查括号、引号和运算符"


class _Builder:
    def __init__(self, columns: Mapping[str, str]) -> None:
        self.columns, self.nodes = columns, 0

    def build(self, syntax: Any, depth: int = 0) -> Node:
        self.nodes += 1
        if depth > DEEPEST * 2 or self.nodes > MOST_NODES:
            raise refuse("嵌套太深或条件太多；请拆成几条规则")
        kind = type(syntax).__name__
        if syntax.comments:
            raise refuse("不能含有注释；说明请写在“理由”里")
        if kind in KNOWN or kind in SIGNS:
            expected = KNOWN.get(kind, {"this", "expression", "safe", "typed"})
            if extra := [
                name for name, value in syntax.args.items() if value and name not in expected and name != "_type"
            ]:
                raise refuse(INSTEAD.get(kind) or f"{kind} 不能带 {extra[0]}")
            method = getattr(self, f"_{kind.lower()}", None)
            return method(syntax, depth + 1) if method else self._sign(syntax, kind, depth + 1)
        raise refuse(f"不能用{INSTEAD.get(kind, kind)}")

    def _paren(self, syntax: Any, depth: int) -> Node:
        return self.build(syntax.this, depth)

    def _column(self, syntax: Any, depth: int) -> Node:
        name = syntax.this.name
        if name in self.columns:
            return Column(name, self.columns[name])
        if wide := _full_width(name):
            raise refuse(wide)
        near = difflib.get_close_matches(name, self.columns, 1, 0.5)
        hint = f"；是否想写“{near[0]}”" if near else f"；可用的字段：{'、'.join(list(self.columns)[:12])}"
        raise refuse(f"本表没有字段“{name}”{hint}。文字要写在单引号里")

    def _null(self, syntax: Any, depth: int) -> Node:
        return Literal(None, "null")

    def _boolean(self, syntax: Any, depth: int) -> Node:
        return Literal(bool(syntax.this), "boolean")

    def _literal(self, syntax: Any, depth: int) -> Node:
        text = syntax.this
        if syntax.is_string:
            if any(ord(sign) < 32 for sign in text):
                raise refuse("文字里不能有换行等控制字符")
            return Literal(text, "text")
        if text.isascii() and text.isdigit():
            if int(text) >= 2**63:
                raise refuse(f"数字 {text} 太大；编号请写成文字 '{text}'")
            return Literal(int(text), "integer")
        with suppress(ValueError):  # 1E
            if 0 <= float(text) < 1e30:
                return Literal(float(text), "number")
        raise refuse(f"数字 {text} 太大或写法不对")

    def _cast(self, syntax: Any, depth: int) -> Node:
        """Only DATE '2024-01-31' and TIMESTAMP '2024-01-31 08:00:00'."""
        kind, value = syntax.to.this.name, syntax.this
        if type(value).__name__ != "Literal" or not value.is_string or kind not in ("DATE", "TIMESTAMP"):
            raise refuse(f"不能用{INSTEAD['Cast']}")
        try:
            if kind == "DATE":
                return Literal(date.fromisoformat(value.this), "date")
            return Literal(datetime.fromisoformat(value.this).replace(tzinfo=None, microsecond=0), "timestamp")
        except ValueError:
            raise refuse(f"“{value.this}”不是日期；请写成 DATE '2024-01-31'") from None

    def _is(self, syntax: Any, depth: int) -> Node:
        inner = self.build(syntax.this, depth)
        if type(syntax.expression).__name__ == "Null":
            return Operation("is_null", (inner,), "boolean")
        raise refuse("IS 后面只能写 NULL 或 NOT NULL")

    def _in(self, syntax: Any, depth: int) -> Node:
        value = self.build(syntax.this, depth)
        options = tuple(self.build(option, depth) for option in syntax.expressions)
        if not options or any(not isinstance(option, Literal) or option.value is None for option in options):
            raise refuse("IN 的括号里只能写值，例如 IN ('男', '女')；要与别的表比对请用“引用”类规则")
        for option in options:
            self.comparable(value, option, "IN")
        return Operation("in", (value, *options), "boolean")

    def _between(self, syntax: Any, depth: int) -> Node:
        value, low, high = (self.build(syntax.args[name], depth) for name in ("this", "low", "high"))
        self.comparable(value, low, "BETWEEN")
        self.comparable(value, high, "BETWEEN")
        above, below = Operation(">=", (value, low), "boolean"), Operation("<=", (value, high), "boolean")
        return Operation("and", (above, below), "boolean")

    def _like(self, syntax: Any, depth: int) -> Node:
        value, pattern = self.build(syntax.this, depth), self.build(syntax.expression, depth)
        self.expect(value, "text", "LIKE")
        if not isinstance(pattern, Literal) or pattern.type != "text" or "\\" in str(pattern.value):
            raise refuse("LIKE 后面要写带 % 或 _ 的文字，且不能含“\\”")
        found = Operation("like", (value, pattern), "boolean")
        return Operation("not", (found,), "boolean") if syntax.args.get("negate") else found

    def _case(self, syntax: Any, depth: int) -> Node:
        """Conditions and values in turn, the default last; all values of one type."""
        arguments: list[Node] = []
        for branch in syntax.args["ifs"]:
            arguments += [self.build(branch.this, depth), self.build(branch.args["true"], depth)]
            self.expect(arguments[-2], "boolean", "WHEN")
        default = syntax.args.get("default")
        arguments.append(self.build(default, depth) if default else Literal(None, "null"))
        return self.same([*arguments[1::2], arguments[-1]], "case", tuple(arguments), "CASE 的各个结果")

    def same(self, values: list[Node], sign: str, arguments: tuple[Node, ...], where: str) -> Node:
        types = {type_of(value) for value in values} - {"null"}
        found = "number" if types == {"integer", "number"} else next(iter(types), "null")
        if found == "null" or (len(types) > 1 and types != {"integer", "number"}):
            raise refuse(f"{where}类型不一：{'、'.join(TYPES[name] for name in sorted(types)) or '全是空值'}")
        return Operation(sign, arguments, found)

    def _anonymous(self, syntax: Any, depth: int) -> Node:
        name = str(syntax.this).lower()
        if name in SQL_FUNCTIONS:
            raise refuse(f"不能用{SQL_FUNCTIONS[name]}")
        arguments = tuple(self.build(argument, depth) for argument in syntax.expressions)
        if name == "today" and not arguments:
            return Today()
        if name in ("coalesce", "nullif"):
            if len(arguments) < 2 or (name == "nullif" and len(arguments) > 2):
                raise refuse(f"{name}(…) 的参数个数不对")
            return self.same(list(arguments), name, arguments, f"{name}(…) 的参数")
        function = functions.named(name)
        if function is None:
            near = difflib.get_close_matches(name, [known.name for known in functions.registered()], 1, 0.5)
            hint = f"是否想用 {near[0]}(…)" if near else "可用的函数见“函数”页"
            raise refuse(f"不能用函数 {name}(…)；{hint}")
        return self.call(function, arguments)

    def call(self, function: functions.Function, arguments: tuple[Node, ...]) -> Node:
        most, least = len(function.arguments), len(function.arguments) - function.optional
        if not least <= len(arguments) <= most:
            raise refuse(
                f"{function.name}(…) 要 {least if least == most else f'{least} 至 {most}'} 个参数，写了 {len(arguments)} 个"
            )
        ready: list[Node] = []
        for expected, argument in zip(function.arguments, arguments, strict=False):
            ready.append(self.pattern(function, argument) if expected == "pattern" else argument)
            if expected != "pattern":
                self.expect(argument, expected, f"{function.name}(…)")
        return Call(function, tuple(ready), function.returns)

    @staticmethod
    def pattern(function: functions.Function, argument: Node) -> Node:
        if not isinstance(argument, Literal) or argument.type != "text":
            raise refuse(f"{function.name}(…) 的正则表达式要直接写在单引号里")
        return Literal(portable(str(argument.value)), "pattern")

    @staticmethod
    def expect(node: Node, expected: str, where: str) -> None:
        found = type_of(node)
        if found != expected and not (expected == "number" and found in NUMERIC):
            way = {"number": "；文本请先用 number_or_null(…)", "date": "；文本请先用 date_or_null(…)"}.get(expected, "")
            raise refuse(f"{where} 要{TYPES[expected]}，这里是{TYPES.get(found, found)}{way}")

    def comparable(self, left: Node, right: Node, where: str) -> None:
        types = {type_of(left), type_of(right)}
        if "null" in types:
            raise refuse("不能与 NULL 比较（结果总是“待核实”）；请写 IS NULL 或 IS NOT NULL")
        if len(types) > 1 and not types <= NUMERIC:
            first, second = (TYPES[type_of(side)] for side in (left, right))
            raise refuse(f"{where} 两边类型不同：{first}与{second}；文本可先用 number_or_null(…) 或 date_or_null(…)")

    def _sign(self, syntax: Any, kind: str, depth: int) -> Node:
        sign = SIGNS[kind]
        sides = [syntax.this] if sign in ("not", "negate") else [syntax.this, syntax.expression]
        arguments = tuple(self.build(side, depth) for side in sides)
        if sign in COMPARISONS:
            self.comparable(arguments[0], arguments[1], sign)
            return Operation(sign, arguments, "boolean")
        if sign == "negate" and isinstance(arguments[0], Literal) and arguments[0].type in NUMERIC:
            value = arguments[0].value
            return Literal(-value, arguments[0].type) if isinstance(value, int | float) else arguments[0]
        expected = "number" if sign in ARITHMETIC | {"negate"} else "text" if sign == "||" else "boolean"
        for argument in arguments:
            self.expect(argument, expected, {"||": "连接", "negate": "负号"}.get(sign, sign.upper()))
        return Operation(sign, arguments, expected)


def build(text: str, columns: Mapping[str, str]) -> Node:
    """`columns`: name → type as in the lake; `decimal(p,s)` is a number."""
    return _built(text, tuple(columns.items()))


@lru_cache(512)
def _built(text: str, columns: tuple[tuple[str, str], ...]) -> Node:
    plain = {name: "number" if type_.startswith("decimal") else type_ for name, type_ in columns}
    return _Builder(plain).build(_syntax(text))
