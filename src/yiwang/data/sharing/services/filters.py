"""The row filter of a grant: an expression of the lake's language as a PostgreSQL predicate with parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from psycopg import sql

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.lake.expressions import condition
from yiwang.kernel.lake.expressions.tree import Column, Literal, Node, Operation

COMPARISONS = {"=": "=", "<>": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
CASTS = {"text": "text", "integer": "bigint", "number": "numeric", "boolean": "boolean"}
RULE = "数据范围只用字段、值、比较、IN、LIKE、IS NULL 与 AND、OR、NOT"


@dataclass(frozen=True)
class Predicate:
    """`text` has a placeholder for every value and nothing that was typed; `values` are texts, cast in place."""

    text: str
    values: tuple[str, ...]
    columns: frozenset[str]


def compiled(text: str, types: Mapping[str, str]) -> Predicate:
    """The predicate of a filter over columns with these lake types. Raises Invalid with a sentence."""
    if not text.strip():
        return Predicate("", (), frozenset())
    try:
        found = condition(text, types)
    except Invalid as problem:
        sentence = problem.message.replace("规则不能用", "数据范围不能用")
        raise Invalid(sentence, errors={"row_filter": [sentence]}, rule=RULE) from problem
    values: list[str] = []
    rendered = _rendered(found.root, values)
    return Predicate(rendered, tuple(values), found.columns)


def _rendered(node: Node, values: list[str]) -> str:
    if isinstance(node, Column):
        return sql.Identifier(node.name).as_string(None).replace("%", "%%")
    if isinstance(node, Literal):
        return _literal(node, values)
    if isinstance(node, Operation):
        return f"({_operation(node, values)})"
    raise Invalid(f"数据范围不能用函数或当天日期：{RULE}。", errors={"row_filter": ["只用字段与值的比较"]}, rule=RULE)


def _literal(node: Literal, values: list[str]) -> str:
    value = node.value
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    values.append(value.isoformat() if isinstance(value, date | datetime) else str(value))
    kind = (
        "timestamp"
        if isinstance(value, datetime)
        else "date"
        if isinstance(value, date)
        else CASTS.get(node.type, "text")
    )
    return f"%s::{kind}"


def _operation(node: Operation, values: list[str]) -> str:
    parts = [_rendered(part, values) for part in node.arguments]
    if node.sign in ("and", "or"):
        return f" {node.sign.upper()} ".join(parts)
    if node.sign in COMPARISONS:
        return f"{parts[0]} {COMPARISONS[node.sign]} {parts[1]}"
    if node.sign == "not":
        return f"NOT {parts[0]}"
    if node.sign == "is_null":
        return f"{parts[0]} IS NULL"
    if node.sign == "in":
        return f"{parts[0]} IN ({', '.join(parts[1:])})"
    if node.sign == "like":
        return f"{parts[0]} LIKE {parts[1]} ESCAPE ''"
    raise Invalid(f"数据范围里不能用“{node.sign}”：{RULE}。", errors={"row_filter": ["只用字段与值的比较"]}, rule=RULE)
