"""Column lineage: read from a SELECT, and walked in both directions over what the current snapshots say."""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.lake.models import Edge, LakeTable
from yiwang.kernel.lake.terms import engine_type

DEEPEST, MOST_STEPS = 20, 5000
RULE = "血缘须能由查询逐列推出"

UPSTREAM = """
SELECT e.* FROM lake_edge e JOIN lake_laketable t ON t.id = e.target_id JOIN lake_snapshot s ON s.id = t.current_id
WHERE e.id = ANY(s.lineage) AND (e.target_id, e.column) IN (SELECT * FROM unnest(%s::bigint[], %s::text[]))
ORDER BY e.id LIMIT %s
"""
# A source without a column is the table as a whole (count(*)): whatever column fails, it is touched.
DOWNSTREAM = """
SELECT e.* FROM lake_edge e JOIN lake_laketable t ON t.id = e.target_id JOIN lake_snapshot s ON s.id = t.current_id
WHERE e.id = ANY(s.lineage) AND ((e.source_id, e.source_column) IN (SELECT * FROM unnest(%s::bigint[], %s::text[]))
    OR e.source_id = ANY(%s::bigint[]) AND e.source_column = '')
ORDER BY e.id LIMIT %s
"""
Cell = tuple[int, str]  # table id, column name


@dataclass(frozen=True)
class Step:
    """One edge on the way; `distance` 1 is next to where the walk began. Without a source table, `origin` names it."""

    distance: int
    target: str
    column: str
    source: str
    source_column: str
    origin: str
    transform: str


@dataclass(frozen=True)
class Lineage:
    """`complete` is False when the walk was cut at DEEPEST steps or MOST_STEPS edges."""

    steps: tuple[Step, ...]
    complete: bool


def upstream(table: LakeTable, column: str, *, deepest: int = DEEPEST) -> Lineage:
    """Where a column's values come from, nearest first, by the current snapshots; cycles are walked once."""
    return _walk((table.pk, column), deepest, up=True)


def downstream(table: LakeTable, column: str, *, deepest: int = DEEPEST) -> Lineage:
    """What is made of a column, nearest first: what a fault in it reaches."""
    return _walk((table.pk, column), deepest, up=False)


def _walk(start: Cell, deepest: int, *, up: bool) -> Lineage:
    frontier, seen, found = {start}, {start}, dict[int, tuple[int, Edge]]()
    distance = 0
    while frontier and distance < deepest and len(found) <= MOST_STEPS:
        distance += 1
        following: set[Cell] = set()
        for edge in _next(frontier, up=up):
            found.setdefault(edge.pk, (distance, edge))
            cell = (edge.source_id or 0, edge.source_column) if up else (edge.target_id, edge.column)
            if cell[0] and cell[1]:
                following.add(cell)
        frontier = following - seen
        seen |= frontier
    complete = not frontier and len(found) <= MOST_STEPS
    return Lineage(tuple(_steps(list(found.values())[:MOST_STEPS])), complete)


def _next(frontier: set[Cell], *, up: bool) -> Iterable[Edge]:
    cells = sorted(frontier)
    tables, columns = [cell[0] for cell in cells], [cell[1] for cell in cells]
    if up:
        return Edge.objects.raw(UPSTREAM, [tables, columns, MOST_STEPS + 1])
    return Edge.objects.raw(DOWNSTREAM, [tables, columns, tables, MOST_STEPS + 1])


def _steps(found: Sequence[tuple[int, Edge]]) -> Iterable[Step]:
    ids = {each for _, edge in found for each in (edge.target_id, edge.source_id) if each}
    names = dict(LakeTable.objects.filter(pk__in=ids).values_list("pk", "name"))
    for distance, edge in found:
        source = names.get(edge.source_id, "") if edge.source_id else ""
        yield Step(
            distance, names[edge.target_id], edge.column, source, edge.source_column, edge.origin, edge.transform
        )


def of_query(sql: str, tables: Mapping[str, LakeTable]) -> list[dict[str, Any]]:
    """The edges of one SELECT in DuckDB's dialect, for `stage(edges=…)`: which columns each result column is made of.

    `tables` are the names used in the query. Values only: what merely filters, joins or groups is no source. A result
    that counts rows depends on every table as a whole (`source_column` ""). Refused when a column can't be resolved.
    """
    sqlglot, lineage = importlib.import_module("sqlglot"), importlib.import_module("sqlglot.lineage")
    exp, errors = sqlglot.exp, importlib.import_module("sqlglot.errors")
    schema = {
        name: {column["name"]: engine_type(column["type"]) for column in table.columns}
        for name, table in tables.items()
    }
    try:
        query = sqlglot.parse_one(sql, dialect="duckdb")
        if not isinstance(query, exp.Query):
            raise _refuse("只能由一个 SELECT 推出血缘。")
        _known(exp, query, schema)
        written = {name.lower(): name for name in query.named_selects}
        nodes = lineage.lineage(None, query, schema=schema, dialect="duckdb")
    except (errors.SqlglotError, ValueError) as error:
        raise _refuse(
            f"查询推不出血缘：{str(error).splitlines()[0][:200]}。请写明每一列来自哪张表，不用 * 与 unnest。"
        ) from error
    edges = []
    for name, node in nodes.items():
        edges += [{"column": written.get(name.lower(), name), **edge} for edge in _sources(exp, node, tables)]
    return edges


def _refuse(message: str) -> Invalid:
    return Invalid(message, errors={"sql": [message]}, rule=RULE)


def _known(exp: Any, query: Any, schema: Mapping[str, Any]) -> None:
    made_here = {each.alias_or_name for each in query.find_all(exp.CTE)}
    unknown = sorted({each.name for each in query.find_all(exp.Table)} - set(schema) - made_here)
    if unknown:
        raise _refuse(f"查询用到了没有给出的表：{'、'.join(unknown)}。")


def _sources(exp: Any, node: Any, tables: Mapping[str, LakeTable]) -> list[dict[str, Any]]:
    """The base columns below a lineage node; for a count of rows, the tables."""
    transform = node.expression.unalias().sql(dialect="duckdb")
    found, counted = set(), False
    for each in node.walk():
        if isinstance(each.source, exp.Table):
            found.add((each.source.name, each.name.rpartition(".")[2].strip('"')))
        elif each.expression is not None:
            counted |= any(isinstance(count.this, exp.Star) for count in each.expression.find_all(exp.Count))
    if counted:
        found |= {(name, "") for name in tables}
    return [
        {"source": tables[table], "source_column": _registered(tables[table], column), "transform": transform}
        for table, column in sorted(found)
    ]


def _registered(table: LakeTable, column: str) -> str:
    """The column as the table spells it; engines fold case."""
    names = {each["name"].lower(): str(each["name"]) for each in table.columns}
    if column and column.lower() not in names:
        raise _refuse(f"“{table.title}”没有“{column}”这一列。")
    return names.get(column.lower(), "")
