"""From a tree to the SQL of an engine. Texts and names are quoted here and nowhere else.

Numbers are IEEE doubles on every engine and count as equal within 0.000001; division by zero gives NULL.
"""

from collections.abc import Mapping
from datetime import date

from yiwang.kernel.lake.dialects import Dialect
from yiwang.kernel.lake.expressions.tree import COMPARISONS, Call, Column, Literal, Node, Operation, Today, type_of

TOLERANCE = 1e-6


class Renderer:
    """`known`: sub-expressions that a preceding SELECT has already computed, with the name of their column."""

    def __init__(self, dialect: Dialect, as_of: date | None = None, known: Mapping[Node, str] | None = None) -> None:
        self.dialect, self.as_of, self.known = dialect, as_of, known or {}

    def render(self, node: Node) -> str:
        if node in self.known:
            return self.dialect.identifier(self.known[node])
        if isinstance(node, Column):
            name = self.dialect.identifier(node.name)
            return self.dialect.double(name) if node.type == "number" else name
        if isinstance(node, Literal):
            return self.dialect.literal(node.value) if node.type != "pattern" else str(node.value)
        if isinstance(node, Today):
            if self.as_of is None:
                raise ValueError("an expression with today() needs as_of")
            return self.dialect.literal(self.as_of)
        if isinstance(node, Call):
            pieces = [
                self.argument(part, kind) for part, kind in zip(node.arguments, node.function.arguments, strict=False)
            ]
            pieces += [self.render(part) for part in prepared(node, self.dialect)]
            body = node.function.spark if self.dialect.spark else node.function.duckdb
            return f"({body(*pieces)})"
        if isinstance(node, Operation):
            return f"({self.operation(node)})"
        raise TypeError(type(node).__name__)

    def argument(self, node: Node, kind: str) -> str:
        return self.number(node) if kind == "number" else self.render(node)

    def number(self, node: Node) -> str:
        if isinstance(node, Literal) and isinstance(node.value, int):
            return self.dialect.literal(float(node.value))
        rendered = self.render(node)
        return self.dialect.double(rendered) if type_of(node) == "integer" else rendered

    def operation(self, node: Operation) -> str:
        if node.sign in COMPARISONS:
            return self.comparison(node)
        numbers = node.type == "number" and node.sign != "case"
        parts = [self.number(part) if numbers else self.render(part) for part in node.arguments]
        match node.sign:
            case "and" | "or" | "+" | "-" | "*" | "||":
                return f" {node.sign.upper()} ".join(parts)
            case "/" | "%":
                return f"{parts[0]} {node.sign} nullif({parts[1]}, 0e0)"
            case "not":
                return f"NOT {parts[0]}"
            case "negate":
                return f"-{parts[0]}"
            case "is_null":
                return f"{parts[0]} IS NULL"
            case "in":
                return self.membership(node)
            case "like":
                return f"{parts[0]} LIKE {parts[1]}"
            case "case":
                return self.branches(node)
        return f"{node.sign}({', '.join(parts)})"

    def comparison(self, node: Operation) -> str:
        left, right = node.arguments
        if "number" not in (type_of(left), type_of(right)):
            return f"{self.render(left)} {node.sign} {self.render(right)}"
        first, second = self.number(left), self.number(right)
        return {
            "=": f"abs({first} - {second}) <= {TOLERANCE}",
            "<>": f"abs({first} - {second}) > {TOLERANCE}",
            "<": f"{second} - {first} > {TOLERANCE}",
            "<=": f"{first} - {second} <= {TOLERANCE}",
            ">": f"{first} - {second} > {TOLERANCE}",
            ">=": f"{second} - {first} <= {TOLERANCE}",
        }[node.sign]

    def surely(self, node: Node) -> str:
        """A condition that is TRUE only where the node's is, and nearly everywhere there: cheap to compute for all rows.

        A text has at most as many signs as bytes, and its bytes are counted already; its signs are counted where those are more.
        """
        if isinstance(node, Operation) and node.sign in ("and", "or"):
            return f"({f' {node.sign.upper()} '.join(map(self.surely, node.arguments))})"
        if self.dialect.spark or not (isinstance(node, Operation) and node.sign in COMPARISONS):
            return self.render(node)
        left, right = node.arguments
        if not (isinstance(left, Call) and left.function.name == "length" and isinstance(right, Literal)):
            return self.render(node)
        text, bound = self.render(left.arguments[0]), right.value
        if node.sign in ("<=", "<") and isinstance(bound, int):
            return f"CASE WHEN strlen({text}) {node.sign} {bound} THEN TRUE ELSE length({text}) {node.sign} {bound} END"
        return f"{text} IS NOT NULL" if node.sign == ">=" and bound == 0 else self.render(node)

    def membership(self, node: Operation) -> str:
        value, *options = node.arguments
        if any(type_of(part) == "number" for part in node.arguments):
            equal = (self.comparison(Operation("=", (value, option), "boolean")) for option in options)
            return " OR ".join(equal)
        return f"{self.render(value)} IN ({', '.join(map(self.render, options))})"

    def branches(self, node: Operation) -> str:
        value = self.number if node.type == "number" else self.render
        *pairs, default = node.arguments
        branches = [
            f"WHEN {self.render(condition)} THEN {value(result)}"
            for condition, result in zip(pairs[::2], pairs[1::2], strict=True)
        ]
        return f"CASE {' '.join(branches)} ELSE {value(default)} END"


def prepared(node: Call, dialect: Dialect) -> list[Node]:
    return [Call(function, node.arguments, function.returns) for function in node.function.prepared_on(dialect)]


def derived(nodes: list[Node], dialect: Dialect, known: Mapping[Node, str]) -> list[dict[Node, str]]:
    """Costly calls, each once, in the order they must be computed: a later stage may use an earlier one's columns."""
    stages: list[dict[Node, str]] = []
    seen: dict[Node, int] = dict.fromkeys(known, 0)

    def visit(node: Node) -> int:
        """The stage that has the node's value: 0 is the source."""
        if node in seen:
            return seen[node]
        needed = [*node.parts, *(prepared(node, dialect) if isinstance(node, Call) else [])]
        level = max((visit(part) for part in needed), default=0)
        if isinstance(node, Call) and node.function.costly:
            level += 1
            while len(stages) < level:
                stages.append({})
            stages[level - 1][node] = f"__value_{len(seen)}"
        seen[node] = level
        return level

    for node in nodes:
        visit(node)
    return stages


def staged(
    nodes: list[Node], dialect: Dialect, source: str, *, keep: str = "*", as_of: date | None = None,
    given: Mapping[Node, str] | None = None,
) -> tuple[str, Renderer]:  # fmt: skip
    """(a FROM item that has every costly value as a column, the renderer that uses those columns). `given`: values that
    the source has as columns already.

    A template repeats its argument; computing arguments first keeps a nested call from growing exponentially.
    """
    known: dict[Node, str] = dict(given or {})
    sql = source
    for number, stage in enumerate(derived(nodes, dialect, known)):
        renderer = Renderer(dialect, as_of, dict(known))
        columns = [f"{renderer.render(node)} AS {dialect.identifier(name)}" for node, name in stage.items()]
        sql = f"(SELECT {keep if number == 0 else '*'}, {', '.join(columns)} FROM {sql}) AS stage_{number + 1}"  # noqa: S608 - rendered
        known.update(stage)
    return sql, Renderer(dialect, as_of, known)
