"""The only functions a rule may call. Each has one implementation per engine and the standard it follows.

A function is total: for any input of its argument types it answers on every engine, the same on each; bad text gives
False or NULL, never an error. A strict one answers NULL as soon as an argument is NULL.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from yiwang.kernel.lake.dialects import DUCKDB, SPARK, Dialect

# number: IEEE double. pattern: a literal regular expression. decimal columns are numbers in an expression.
Type = Literal["text", "integer", "number", "date", "timestamp", "boolean", "pattern"]


@dataclass(frozen=True)
class Function:
    """`python` receives Python values, `duckdb` and `spark` pieces of SQL; the last `optional` arguments may be left out.

    doc: one Chinese sentence for the person who writes a rule. standard: the published standard, with its number.
    """

    name: str
    arguments: tuple[Type, ...]
    returns: Type
    python: Callable[..., Any]
    duckdb: Callable[..., str]
    spark: Callable[..., str]
    doc: str
    standard: str = ""
    strict: bool = True
    optional: int = 0
    # Worth computing once per row when several rules use it.
    costly: bool = True
    # Functions of the same arguments whose values `duckdb` and `spark` receive after the arguments: a value that the
    # SQL needs many times is then computed once per row.
    prepared: tuple["Function", ...] = ()
    # In place of `prepared` on DuckDB, which has bit operations that Spark lacks.
    prepared_duckdb: tuple["Function", ...] | None = None
    # Not for people who write rules.
    internal: bool = False
    # Functions that give back, as it came, whatever text this one says TRUE of; nor is such a text a word for “nothing”.
    leaves: tuple[str, ...] = ()

    def __call__(self, *values: Any) -> Any:
        if self.strict and any(value is None for value in values):
            return None
        return self.python(*values)

    def prepared_on(self, dialect: Dialect) -> tuple["Function", ...]:
        return self.prepared if dialect.spark or self.prepared_duckdb is None else self.prepared_duckdb

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Function) and other.name == self.name


_registered: dict[str, Function] = {}


def register(function: Function) -> Function:
    if function.name in _registered:
        raise ValueError(f"function {function.name} registered twice")
    _registered[function.name] = function
    return function


class Engines(TypedDict):
    duckdb: Callable[..., str]
    spark: Callable[..., str]


def portable(body: Callable[..., str]) -> Engines:
    """Both engines from one body, whose first argument is the dialect."""

    def bound(dialect: Dialect) -> Callable[..., str]:
        return lambda *pieces: body(dialect, *pieces)

    return {"duckdb": bound(DUCKDB), "spark": bound(SPARK)}


def verdict(condition: str, *arguments: str) -> str:
    """NULL when an argument is NULL, else whether the condition is TRUE. In a WHEN, DuckDB looks at a part of the
    condition only for the rows that the parts before it left; elsewhere it computes every part for every row."""
    absent = " OR ".join(f"{argument} IS NULL" for argument in arguments)
    return f"CASE WHEN {absent} THEN NULL WHEN {condition} THEN TRUE ELSE FALSE END"


def named(name: str) -> Function | None:
    found = _registered.get(name)
    return None if found is None or found.internal else found


def registered() -> tuple[Function, ...]:
    """Those a rule may call, by name."""
    listed = (function for function in _registered.values() if not function.internal)
    return tuple(sorted(listed, key=lambda function: function.name))
