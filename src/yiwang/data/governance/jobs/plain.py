"""Rows that are right as they were received: nothing to repair, nothing to complain of. Nearly every row is one. They are
seen cheaply and never written down; `odd` are all others, which go the long way.
"""

from dataclasses import dataclass
from datetime import date

from yiwang.data.governance.jobs import columns as cleaning
from yiwang.data.governance.jobs.columns import RAW
from yiwang.data.governance.terms.plans import ROW, Plan, quoted
from yiwang.kernel.lake.dialects import DUCKDB
from yiwang.kernel.lake.expressions import condition, staged
from yiwang.kernel.lake.expressions.tree import Column, Node, Operation
from yiwang.kernel.lake.process.task import Database
from yiwang.standards import typed

# Where fewer of the first rows are plain, looking costs more than it spares.
FIRST, LEAST = 5_000, 0.4
ODD, RECEIVED = "odd_rows", "odd_received"


@dataclass(frozen=True)
class Rows:
    """source: the rows as received. fields: their numbers and fields as the rows that are plain have them."""

    source: str
    fields: tuple[str, ...]

    def plain(self, among: str = "") -> str:
        """SELECT of plain rows; `among`: a table of numbers, to take only those."""
        wanted = f"(SELECT * FROM {self.source} SEMI JOIN {among} USING ({ROW}))" if among else self.source
        return f"SELECT {', '.join(self.fields)} FROM {wanted} ANTI JOIN {ODD} USING ({ROW})"


def look(connection: Database, plan: Plan, as_of: date) -> Rows | None:
    """Tables `odd_rows`, the numbers of rows that are not plain, and `odd_received`, those rows as they were received; None
    when too few are plain, and all go the long way."""
    have, source = cleaning.received(connection), cleaning.original(plan)
    texts = {name: kind for name, kind in plan["columns"].items() if have.get(name) == "VARCHAR"}
    if (conditions := _asked(plan, texts)) is None:
        return None
    values = {
        name: typed.plain_value_sql(kind, quoted(name)) if name in texts else cleaning.cast(name, kind, have)
        for name, kind in plan["columns"].items()
    }
    raw = [f"{quoted(name)} AS {quoted(RAW + name)}" for name, kind in texts.items() if kind != "text"]
    named = [f"{value} AS {quoted(name)}" for name, value in values.items()]
    rules = [condition(rule["expression"], plan["columns"]).root for rule in plan["rules"] if rule["kind"] == "row"]

    def marked(rows: str) -> str:
        read = f"(SELECT {', '.join([ROW, *raw, *named])} FROM {rows}) AS read"
        nodes = [*(node for node in conditions if isinstance(node, Operation)), *rules]
        sql, renderer = staged(nodes, DUCKDB, read, as_of=as_of)
        asked = [node if isinstance(node, str) else renderer.render(node) for node in conditions]
        asked += [renderer.surely(rule) for rule in rules]
        fine = " AND ".join(dict.fromkeys(asked)) or "TRUE"
        return f"SELECT {ROW}, CASE WHEN {fine} THEN TRUE ELSE FALSE END AS __fine FROM {sql}"

    share = connection.value(
        f"SELECT avg(__fine::INT) FROM ({marked(f'(SELECT * FROM {source} WHERE {ROW} < {FIRST})')})"
    )
    if share is None or share < LEAST:
        return None
    # Between the two statements, for else the condition would be asked as often as it is named.
    connection.run(f"CREATE TEMP TABLE marks AS {marked(source)}")
    connection.run(f"CREATE TEMP TABLE {ODD} AS SELECT {ROW} FROM marks WHERE NOT __fine")
    connection.run("DROP TABLE marks")
    # Written down, for what a join leaves of each batch would be computed in as many steps as the whole.
    connection.run(f"CREATE TEMP TABLE {RECEIVED} AS SELECT * FROM {source} SEMI JOIN {ODD} USING ({ROW})")
    return Rows(source, (*cleaning.numbers(plan, have), *named))


def _asked(plan: Plan, texts: dict[str, str]) -> list[Node | str] | None:
    """Of every field received as text: that its repairs leave it as it is, it is no word for nothing, and it is written as
    the value of its type would be. None when that cannot be asked of a field by itself."""
    asked: list[Node | str] = []
    for name, kind in texts.items():
        column = Column(name if kind == "text" else RAW + name, "text")
        repairs = [repair for repair in plan["repairs"] if repair["field"] == name]
        settled = cleaning.settling(name, plan)
        if settled is not None:
            asked.append(_or_nothing(column, settled))
        elif not repairs and kind == "text":
            asked.append(_or_nothing(column, Operation("not", (typed.call("is_null_word", column),), "boolean")))
        elif repairs:
            value = cleaning.repaired(name, plan, set(texts), column)
            others = {part.name for part in value.walk() if isinstance(part, Column)} - {column.name}
            if any(repair["values"] for repair in repairs) or any(texts.get(other) != "text" for other in others):
                return None
            asked.append(Operation("is_null", (Operation("nullif", (column, value), "text"),), "boolean"))
        if kind != "text":
            raw = quoted(column.name)
            asked.append(f"({typed.plain_sql(kind, raw, quoted(name))} OR {raw} IS NULL)")
    return asked


def _or_nothing(column: Column, node: Node) -> Operation:
    return Operation("or", (Operation("is_null", (column,), "boolean"), node), "boolean")
