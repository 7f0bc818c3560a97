"""Rules that look at several rows, at another table, or at the whole table."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from yiwang.data.governance.terms.plans import ROW, WORD, Plan, RuleAnswer, RulePlan, quoted
from yiwang.kernel.lake.dialects import DUCKDB
from yiwang.kernel.lake.expressions import condition, staged
from yiwang.kernel.lake.process.task import Database

WHOLE = frozenset({"drift", "freshness", "distribution"})
OTHER = "other_"
METRICS = {
    "null_share": "avg(CASE WHEN {field} IS NULL THEN 1 ELSE 0 END)",
    "distinct_share": "count(DISTINCT {field}) / nullif(count({field}), 0)",
    "mean": "avg(CAST({field} AS DOUBLE))",
    "smallest": "min(CAST({field} AS DOUBLE))",
    "largest": "max(CAST({field} AS DOUBLE))",
    "top_share": "(SELECT max(n) / sum(n) FROM (SELECT count(*) AS n FROM judged WHERE {field} IS NOT NULL GROUP BY {field}))",
}


def fields_of(rule: RulePlan, columns: Mapping[str, str]) -> list[str]:
    """The fields whose values an example shows."""
    params = rule["params"]
    if rule["kind"] == "row":
        return sorted(condition(rule["expression"], columns).columns)
    named: Iterable[str] = (*params.get("fields", ()), params.get("field", ""), params.get("dependent", ""))
    return [name for name in dict.fromkeys(named) if name]


def flag(connection: Database, rules: list[RulePlan], plan: Plan, words: int, blocking: list[int]) -> bool:
    """Table `flags` (row, __m0…) for the rules about several rows; False when there is none to add."""
    valid = " AND ".join(f"(__m{word} & {bits}) = 0" for word, bits in enumerate(blocking))
    selects = []
    for place, rule in enumerate(rules):
        if rule["kind"] in ("row", "typed"):
            continue
        bits = ", ".join(
            f"{1 << place % WORD if word == place // WORD else 0}::BIGINT AS __m{word}" for word in range(words)
        )
        selects.append(f"SELECT {ROW}, {bits} FROM ({FLAGGERS[rule['kind']](connection, rule, plan, valid)})")
    if not selects:
        return False
    ors = ", ".join(f"bit_or(__m{word}) AS __m{word}" for word in range(words))
    connection.run(
        f"CREATE TEMP TABLE flags AS SELECT {ROW}, {ors} FROM ({' UNION ALL '.join(selects)}) GROUP BY {ROW}"
    )
    return bool(connection.value("SELECT count(*) FROM flags"))


def _names(fields: Iterable[str], prefix: str = "") -> str:
    return ", ".join(prefix + quoted(name) for name in fields)


def _unique(connection: Database, rule: RulePlan, plan: Plan, valid: str) -> str:
    """All but one of the rows with the same values; the one that stays fails no other rule and is the latest."""
    fields, repeated = rule["params"]["fields"], f"repeated_{rule['id']}"
    present = f"(SELECT * FROM judged WHERE {' AND '.join(f'{quoted(name)} IS NOT NULL' for name in fields)})"
    latest = f", {quoted(plan['latest'])}" if plan["latest"] else ""
    # Rows of one hash that differ fall apart in the partition.
    connection.repeated(repeated, present, f"hash({_names(fields)})", connection.value("SELECT count(*) FROM received"))
    order = f"{valid}{latest}, {ROW}".replace(", ", " DESC NULLS LAST, ") + " DESC"
    ranked = (
        f"SELECT {ROW}, row_number() OVER (PARTITION BY {_names(fields)} ORDER BY {order}) AS __place "
        f"FROM {present} j SEMI JOIN {repeated} d ON hash({_names(fields, 'j.')}) = d.__h"
    )
    return f"SELECT {ROW} FROM ({ranked}) WHERE __place > 1"


def _referential(connection: Database, rule: RulePlan, plan: Plan, valid: str) -> str:
    """Rows whose values are all there but not in the reference."""
    params = rule["params"]
    fields, others = params["fields"], params["other_fields"]
    present = " AND ".join(f"j.{quoted(name)} IS NOT NULL" for name in fields)
    same = " AND ".join(
        f"CAST(j.{quoted(mine)} AS VARCHAR) = CAST(r.{quoted(theirs)} AS VARCHAR)"
        for mine, theirs in zip(fields, others, strict=True)
    )
    return f"SELECT {ROW} FROM (SELECT * FROM judged j WHERE {present}) j ANTI JOIN {quoted(params['reference'])} r ON {same}"


def _dependency(connection: Database, rule: RulePlan, plan: Plan, valid: str) -> str:
    """Rows that deviate from the most frequent value of their group."""
    fields, dependent = rule["params"]["fields"], quoted(rule["params"]["dependent"])
    present = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in [*fields, rule["params"]["dependent"]])
    counted = (
        f"SELECT {_names(fields)}, {dependent} AS __value, count(*) AS __n FROM judged WHERE {present} GROUP BY ALL"
    )
    chosen = (
        f"SELECT {_names(fields)}, arg_max(__value, __n) AS __value FROM ({counted}) GROUP BY ALL HAVING count(*) > 1"
    )
    same = " AND ".join(f"j.{quoted(name)} = d.{quoted(name)}" for name in fields)
    return f"SELECT {ROW} FROM judged j JOIN ({chosen}) d ON {same} WHERE j.{dependent} <> d.__value"


def _cross(connection: Database, rule: RulePlan, plan: Plan, valid: str) -> str:
    """Rows that have a partner in another table and do not fulfil the condition with it."""
    params = rule["params"]
    others = {
        f"{OTHER}{column['name']}": column["type"] for column in plan["references"][params["reference"]]["columns"]
    }
    parsed = condition(rule["expression"], {**plan["columns"], **others})
    as_of = date.fromisoformat(plan["as_of"])
    same = " AND ".join(
        f"j.{quoted(mine)} = r.{quoted(theirs)}"
        for mine, theirs in zip(params["fields"], params["other_fields"], strict=True)
    )
    renamed = ", ".join(f"r.{quoted(name.removeprefix(OTHER))} AS {quoted(name)}" for name in others)
    joined = f"SELECT j.*, {renamed} FROM judged j JOIN {quoted(params['reference'])} r ON {same}"
    source, renderer = staged([parsed.root], DUCKDB, f"({joined}) AS joined", as_of=as_of)
    return f"SELECT DISTINCT {ROW} FROM {source} WHERE ({renderer.render(parsed.root)}) IS NOT TRUE"


FLAGGERS = {"unique": _unique, "referential": _referential, "dependency": _dependency, "cross": _cross}


def judge_whole(connection: Database, rule: RulePlan, plan: Plan, rows: int) -> RuleAnswer:
    """drift: rows against the last run. freshness: days since the newest date. distribution: a figure of a field."""
    params = rule["params"]
    measure: float | None = None
    if rule["kind"] == "drift":
        previous = plan["previous_rows"]
        measure = None if previous <= 0 else rows / previous
    elif rule["kind"] == "freshness":
        newest = connection.value(f"SELECT max({quoted(params['field'])}) FROM judged")
        measure = None if newest is None else float((date.fromisoformat(plan["as_of"]) - _day(newest)).days)
    else:
        figure = METRICS[params["metric"]].format(field=quoted(params["field"]))
        measure = connection.value(f"SELECT {figure}::DOUBLE FROM judged")
    passed = measure is not None and params.get("low", float("-inf")) <= measure <= params.get("high", float("inf"))
    if rule["kind"] == "drift" and measure is None:
        passed = True  # the first load has nothing to compare with
    return {
        "id": rule["id"], "failed": 0 if passed else 1, "unknown": int(measure is None and not passed), "passed": passed, "measure": measure,
        "examples": [],
    }  # fmt: skip


def _day(value: Any) -> date:
    day: date = value.date() if hasattr(value, "date") else value
    return day
