"""One row, in Python: the reference the engines are compared with, and the reasons an officer reads."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from yiwang.kernel.lake.dialects import DUCKDB
from yiwang.kernel.lake.expressions.rendering import TOLERANCE, Renderer
from yiwang.kernel.lake.expressions.tree import (
    ARITHMETIC,
    COMPARISONS,
    Call,
    Column,
    Literal,
    Node,
    Operation,
    Today,
    leaves,
    type_of,
)  # fmt: skip

WORDS = {True: "是", False: "否", None: "待核实"}


@dataclass(frozen=True)
class Reason:
    """One condition of a rule on one row."""

    condition: str
    holds: bool | None
    values: Mapping[str, Any]

    def __str__(self) -> str:
        shown = "，".join(f"{name}={'空' if value is None else value}" for name, value in self.values.items())
        return (
            f"{self.condition}：{WORDS[self.holds]}（{shown}）" if shown else f"{self.condition}：{WORDS[self.holds]}"
        )


def _above(difference: float) -> bool:
    """NaN counts as greater than everything, as the engines have it."""
    return math.isnan(difference) or difference > TOLERANCE


class Judge:
    def __init__(self, row: Mapping[str, Any], as_of: date | None = None) -> None:
        self.row, self.as_of = row, as_of

    def value(self, node: Node) -> Any:
        if isinstance(node, Column):
            found = self.row.get(node.name)
            return float(found) if node.type == "number" and isinstance(found, Decimal | int) else found
        if isinstance(node, Literal):
            return node.value
        if isinstance(node, Today):
            if self.as_of is None:
                raise ValueError("an expression with today() needs as_of")
            return self.as_of
        if isinstance(node, Call):
            return node.function(
                *(
                    self.argument(part, kind)
                    for part, kind in zip(node.arguments, node.function.arguments, strict=False)
                )
            )
        if isinstance(node, Operation):
            return self.operation(node)
        raise TypeError(type(node).__name__)

    def argument(self, node: Node, kind: str) -> Any:
        value = self.value(node)
        return float(value) if kind == "number" and value is not None else value

    def operation(self, node: Operation) -> Any:
        sign, arguments = node.sign, node.arguments
        if sign in ("and", "or"):
            return self.joined(sign == "or", arguments)
        if sign == "case":
            return self.case(node)
        values = [self.value(part) for part in arguments]
        if sign == "coalesce":
            return next((self.as_type(value, node) for value in values if value is not None), None)
        if sign == "is_null":
            return values[0] is None
        if sign == "nullif":
            same = None not in values and self.compare("=", values[0], values[1], node.type == "number")
            return None if same else self.as_type(values[0], node)
        if None in values:
            return None
        return self.strict(node, values)

    def strict(self, node: Operation, values: list[Any]) -> Any:
        sign = node.sign
        if sign == "not":
            return not values[0]
        if sign in COMPARISONS:
            return self.compare(sign, values[0], values[1], "number" in map(type_of, node.arguments))
        if sign in ARITHMETIC:
            return self.arithmetic(sign, float(values[0]), float(values[1]))
        if sign == "in":
            inexact = "number" in map(type_of, node.arguments)
            return any(self.compare("=", values[0], option, inexact) for option in values[1:])
        if sign == "like":
            pattern = re.escape(values[1]).replace("%", ".*").replace("_", ".")
            return re.fullmatch(pattern, values[0], re.DOTALL) is not None
        if sign == "||":
            return values[0] + values[1]
        return -float(values[0])

    def joined(self, stop: bool, arguments: tuple[Node, ...]) -> bool | None:
        values = [self.value(part) for part in arguments]
        if stop in values:
            return stop
        return None if None in values else not stop

    def case(self, node: Operation) -> Any:
        *pairs, default = node.arguments
        for condition, result in zip(pairs[::2], pairs[1::2], strict=True):
            if self.value(condition) is True:
                return self.as_type(self.value(result), node)
        return self.as_type(self.value(default), node)

    @staticmethod
    def as_type(value: Any, node: Operation) -> Any:
        return float(value) if node.type == "number" and value is not None else value

    @staticmethod
    def arithmetic(sign: str, left: float, right: float) -> float | None:
        if sign == "+":
            return left + right
        if sign == "-":
            return left - right
        if sign == "*":
            return left * right
        if right == 0:
            return None
        if sign == "/":
            return left / right
        return math.fmod(left, right) if math.isfinite(left) else math.nan

    @staticmethod
    def compare(sign: str, left: Any, right: Any, inexact: bool = False) -> bool:
        if not inexact:
            order = int(left > right) - int(left < right)
            return {
                "=": order == 0,
                "<>": order != 0,
                "<": order < 0,
                "<=": order <= 0,
                ">": order > 0,
                ">=": order >= 0,
            }[sign]
        first, second = float(left), float(right)
        return {
            "=": not _above(abs(first - second)),
            "<>": _above(abs(first - second)),
            "<": _above(second - first),
            "<=": not _above(first - second),
            ">": _above(first - second),
            ">=": not _above(second - first),
        }[sign]

    def reasons(self, root: Node) -> list[Reason]:
        found = []
        for leaf in leaves(root):
            names = dict.fromkeys(part.name for part in leaf.walk() if isinstance(part, Column))
            condition = Words(DUCKDB, self.as_of or date.min).render(leaf)
            found.append(Reason(condition, self.value(leaf), {name: self.row.get(name) for name in names}))
        return found


class Words(Renderer):
    """The condition as it was meant, without the engine's spelling."""

    def render(self, node: Node) -> str:
        if isinstance(node, Column):
            return node.name
        if isinstance(node, Today):
            return "today()"
        if isinstance(node, Literal) and node.type == "number":
            return f"{node.value:.15g}"
        if isinstance(node, Call):
            return f"{node.function.name}({', '.join(map(self.render, node.arguments))})"
        if isinstance(node, Operation):
            return self.operation(node)
        return super().render(node)

    def number(self, node: Node) -> str:
        return self.render(node)

    def comparison(self, node: Operation) -> str:
        left, right = map(self.render, node.arguments)
        return f"{left} {node.sign} {right}"

    def membership(self, node: Operation) -> str:
        value, *options = map(self.render, node.arguments)
        return f"{value} IN ({', '.join(options)})"
