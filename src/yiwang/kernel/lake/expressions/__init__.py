"""The language of rules: one SQL expression over the columns of a table, from an allow-list, three-valued.

    expression = parse("cn_id_ok(证件号) AND 入职日期 <= today()", {"证件号": "text", "入职日期": "date"})
    expression.evaluate(row, as_of)  # True, False, or None: 待核实

Accepted: the table's columns, literals, AND OR NOT, comparisons, IN, BETWEEN, LIKE, IS [NOT] NULL, CASE, + - * / % ||,
coalesce, nullif, today(), and the functions of `kernel.lake.functions`. Everything else raises Invalid with a sentence.
Types are checked: nothing is converted unasked, because engines differ in how they convert.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from yiwang.kernel.lake.dialects import DUCKDB, SPARK
from yiwang.kernel.lake.expressions.judging import Judge, Reason
from yiwang.kernel.lake.expressions.parsing import build, refuse
from yiwang.kernel.lake.expressions.rendering import Renderer, staged
from yiwang.kernel.lake.expressions.tree import Column, Node, type_of

__all__ = ["Expression", "Judge", "Reason", "condition", "over", "parse", "selection", "staged"]


@dataclass(frozen=True)
class Expression:
    text: str
    root: Node

    @property
    def type(self) -> str:
        return type_of(self.root)

    @cached_property
    def columns(self) -> frozenset[str]:
        return frozenset(node.name for node in self.root.walk() if isinstance(node, Column))

    def duckdb(self, as_of: date | None = None) -> str:
        return Renderer(DUCKDB, as_of).render(self.root)

    def over(self, source: str, as_of: date | None = None) -> tuple[str, str]:
        """(a FROM item over `source`, this over its columns) in DuckDB's words, see `over`."""
        given, (text,) = over([self], source, as_of)
        return given, text

    def spark(self, as_of: date | None = None) -> str:
        return Renderer(SPARK, as_of).render(self.root)

    def evaluate(self, row: Mapping[str, Any], as_of: date | None = None) -> Any:
        """For a condition: True, False or None (待核实). Values of the row: str, int, Decimal, date, datetime, bool, None."""
        return Judge(row, as_of).value(self.root)

    def explain(self, row: Mapping[str, Any], as_of: date | None = None) -> list[Reason]:
        return Judge(row, as_of).reasons(self.root)


def parse(text: str, columns: Mapping[str, str]) -> Expression:
    """`columns`: name → lake type (text integer decimal(p,s) date timestamp boolean). Raises Invalid."""
    return Expression(text, build(text, columns))


def condition(text: str, columns: Mapping[str, str]) -> Expression:
    """The same, but it must answer yes or no."""
    found = parse(text, columns)
    if found.type != "boolean":
        raise refuse("这不是一个条件；请写出比较，例如 length(姓名) >= 2")
    return found


def over(found: Iterable[Expression], source: str, as_of: date | None = None) -> tuple[str, list[str]]:
    """(a FROM item that has each costly call as a column beside those of `source`, the expressions over it) for DuckDB.

    However deep calls are nested, each is written and computed once; `Expression.duckdb` writes it as often as it occurs.
    """
    nodes = [each.root for each in found]
    given, renderer = staged(nodes, DUCKDB, source, as_of=as_of)
    return given, [renderer.render(node) for node in nodes]


def selection(
    values: Mapping[str, Expression], source: str, *, where: Expression | None = None, as_of: date | None = None
) -> str:
    """DuckDB's SELECT of named values from a FROM item, each costly call computed once however deep calls are nested."""
    nodes = [each.root for each in values.values()]
    given, renderer = staged([*nodes, *([where.root] if where else [])], DUCKDB, source, as_of=as_of)
    shown = ", ".join(
        f"{renderer.render(node)} AS {DUCKDB.identifier(name)}" for name, node in zip(values, nodes, strict=True)
    )
    return f"SELECT {shown} FROM {given}" + (f" WHERE {renderer.render(where.root)}" if where else "")  # noqa: S608 - rendered
