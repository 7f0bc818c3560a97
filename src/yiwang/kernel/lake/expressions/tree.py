"""An expression as a tree of values. Types are checked when it is built, so that no engine converts by itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from yiwang.kernel.lake.functions import Function

LOGIC = frozenset({"and", "or", "not"})
COMPARISONS = frozenset({"=", "<>", "<", "<=", ">", ">="})
ARITHMETIC = frozenset({"+", "-", "*", "/", "%"})
NUMERIC = frozenset({"integer", "number"})
Value = str | int | float | bool | date | datetime | None


@dataclass(frozen=True)
class Node:
    @property
    def parts(self) -> tuple["Node", ...]:
        return ()

    def walk(self) -> Iterator["Node"]:
        yield self
        for part in self.parts:
            yield from part.walk()


@dataclass(frozen=True)
class Column(Node):
    name: str
    type: str


@dataclass(frozen=True)
class Literal(Node):
    """`type` is part of what makes two literals the same: 1 and 1.0 and TRUE are not."""

    value: Value
    type: str


@dataclass(frozen=True)
class Today(Node):
    """The day the data is judged at, given with each run so that a run can be repeated."""

    type: str = "date"


@dataclass(frozen=True)
class Operation(Node):
    """sign: those above, is_null, in, like, ||, negate, case (condition, value, …, default), coalesce, nullif."""

    sign: str
    arguments: tuple[Node, ...]
    type: str

    @property
    def parts(self) -> tuple[Node, ...]:
        return self.arguments


@dataclass(frozen=True)
class Call(Node):
    function: Function
    arguments: tuple[Node, ...]
    type: str

    @property
    def parts(self) -> tuple[Node, ...]:
        return self.arguments


def type_of(node: Node) -> str:
    return str(getattr(node, "type", ""))


def leaves(node: Node) -> Iterator[Node]:
    """The conditions that and/or/not join."""
    if isinstance(node, Operation) and node.sign in LOGIC:
        for part in node.arguments:
            yield from leaves(part)
    else:
        yield node
