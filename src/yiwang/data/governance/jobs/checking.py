"""One run of a rule set over a file, inside the engine process.

The file is read once: repair, convert, judge row rules into a bit mask. Rules about several rows then look at the few
columns they need. A row that fails a blocking rule goes to the quarantine, every other one to the valid file.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any

from yiwang.data.governance.jobs import columns as cleaning
from yiwang.data.governance.jobs import tables
from yiwang.data.governance.terms.plans import (
    ROW,
    SOURCE_ROW,
    WORD,
    Answer,
    Plan,
    RuleAnswer,
    RulePlan,
    literal,
    quoted,
)
from yiwang.kernel.lake.dialects import DUCKDB
from yiwang.kernel.lake.expressions import condition, staged
from yiwang.kernel.lake.process.task import Database, Task
from yiwang.standards import functions  # noqa: F401 - registers the library
from yiwang.standards.functions import divisions

divisions.warm()
EXAMPLES, SAMPLE = 3, 500
PARQUET = "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 122880)"


def check(task: Task, plan: Plan) -> Answer:
    """Judge a file; see `plans`."""
    reads = [*plan["paths"], *(path for each in plan["references"].values() for path in each["paths"])]
    connection = task.connect(reads)
    try:
        return _Run(task, connection, plan).answer()
    finally:
        connection.close()


class _Run:
    def __init__(self, task: Task, connection: Database, plan: Plan) -> None:
        self.task, self.connection, self.plan = task, connection, plan
        self.rules = [rule for rule in plan["rules"] if rule["kind"] not in tables.WHOLE]
        self.whole = [rule for rule in plan["rules"] if rule["kind"] in tables.WHOLE]
        self.words = max(1, -(-len(self.rules) // WORD))
        self.as_of = date.fromisoformat(plan["as_of"])
        for name, files in plan["references"].items():
            connection.files(name, files)

    def answer(self) -> Answer:
        cleaned = cleaning.prepare(self.connection, self.plan, self.as_of)
        self.judge(cleaned)
        self.task.progress(1, 4, "逐行规则")
        flags = tables.flag(self.connection, self.rules, self.plan, self.words, self.blocking())
        self.task.progress(2, 4, "跨行规则")
        masks = self.masks(flags)
        self.split(masks)
        counts = self.counts()
        self.task.progress(3, 4, "写出结果")
        self.sample(cleaned)
        return self.report(cleaned, counts)

    def sample(self, cleaned: cleaning.Cleaned) -> None:
        """Some rows as JSON, which the rule editor tries conditions on without an engine."""
        fields = ", ".join(map(quoted, [ROW, *self.plan["columns"]]))
        drawn = f"SELECT {fields} FROM judged USING SAMPLE reservoir({SAMPLE} ROWS) REPEATABLE (7)"
        self.connection.run(
            f"COPY ({drawn}) TO {literal(str(self.task.folder / 'sample.json'))} (FORMAT json, ARRAY true)"
        )

    def judge(self, cleaned: cleaning.Cleaned) -> None:
        """Table `judged`: every field, the old text where it changed, failing bits m0… and unknown bits u0…"""
        parsed = {
            rule["id"]: condition(rule["expression"], self.plan["columns"]).root
            for rule in self.rules
            if rule["kind"] == "row"
        }
        source, renderer = staged(list(parsed.values()), DUCKDB, f"({cleaned.sql}) AS cleaned", as_of=self.as_of)
        failing: list[list[str]] = [[] for _ in range(self.words)]
        unknown: list[list[str]] = [[] for _ in range(self.words)]
        for place, rule in enumerate(self.rules):
            if rule["kind"] == "typed":
                rendered = cleaning.readable(rule["params"]["field"])
            elif rule["kind"] == "row":
                rendered = renderer.render(parsed[rule["id"]])
            else:
                continue
            bit = 1 << place % WORD
            failing[place // WORD].append(f"CASE WHEN {rendered} THEN 0 ELSE {bit} END")
            unknown[place // WORD].append(f"CASE WHEN ({rendered}) IS NULL THEN {bit} ELSE 0 END")
        fields = ", ".join(quoted(name) for name in cleaned.kept)
        bits = ", ".join(
            f"({' + '.join(parts) or '0'})::BIGINT AS {letter}{word}"
            for letter, words in (("m", failing), ("u", unknown))
            for word, parts in enumerate(words)
        )
        self.connection.run(f"CREATE TEMP TABLE judged AS SELECT {fields}, {bits} FROM {source}")

    def blocking(self) -> list[int]:
        """Per word, the bits that keep a row back."""
        found = [0] * self.words
        for place, rule in enumerate(self.rules):
            if rule["blocks"]:
                found[place // WORD] |= 1 << place % WORD
        return found

    def masks(self, flags: bool) -> str:
        """A table expression over judged rows with their final masks."""
        if not flags:
            return "judged"
        bits = ", ".join(f"(j.m{word} | coalesce(f.m{word}, 0)) AS m{word}" for word in range(self.words))
        exclude = ", ".join(f"m{word}" for word in range(self.words))
        return f"(SELECT j.* EXCLUDE ({exclude}), {bits} FROM judged j LEFT JOIN flags f USING ({ROW}))"

    def split(self, masks: str) -> None:
        """Rows with any finding are kept in `found`; the valid file takes every row that nothing blocks."""
        any_bit = " OR ".join(f"m{word} <> 0" for word in range(self.words))
        blocked = " OR ".join(f"(m{word} & {bits}) <> 0" for word, bits in enumerate(self.blocking()))
        self.connection.run(f"CREATE TEMP TABLE found AS SELECT *, ({blocked}) AS blocked FROM {masks} WHERE {any_bit}")
        hidden = ", ".join(self.hidden())
        self.connection.run(
            f"COPY (SELECT * EXCLUDE ({hidden}) FROM {masks} WHERE NOT ({blocked})) TO {self.file('valid')} {PARQUET}"
        )
        self.connection.run(f"COPY (SELECT * FROM found WHERE blocked) TO {self.file('quarantine')} {PARQUET}")

    def hidden(self) -> list[str]:
        """What the valid file leaves out, so that it can be staged as it is."""
        names = self.connection.names("SELECT * FROM judged")
        own = [quoted(name) for name in names if name in (ROW, SOURCE_ROW) or name.startswith("__old_")]
        return [*own, *(f"{letter}{word}" for word in range(self.words) for letter in "mu")]

    def file(self, name: str) -> str:
        return literal(str(self.task.folder / f"{name}.parquet"))

    def counts(self) -> dict[int, tuple[int, int]]:
        """(not TRUE, unknown) per place of a rule: few masks occur, so they are counted first."""
        words = ", ".join([f"m{word}, u{word}" for word in range(self.words)])
        found = self.connection.rows(f"SELECT count(*), {words} FROM found GROUP BY ALL")
        totals = {place: [0, 0] for place in range(len(self.rules))}
        for number, *masks in found:
            for place, total in totals.items():
                failing, unknown = masks[place // WORD * 2 : place // WORD * 2 + 2]
                total[0] += number if failing >> place % WORD & 1 else 0
                total[1] += number if unknown >> place % WORD & 1 else 0
        return {place: (failed, unknown) for place, (failed, unknown) in totals.items()}

    def examples(self, place: int, rule: RulePlan) -> list[dict[str, Any]]:
        names = [name for name in tables.fields_of(rule, self.plan["columns"]) if name in self.plan["columns"]]
        shown = ", ".join(f"coalesce({quoted(f'__old_{name}')}, CAST({quoted(name)} AS VARCHAR))" for name in names)
        found = self.connection.rows(
            f"SELECT {ROW}{', ' + shown if shown else ''} FROM found WHERE (m{place // WORD} >> {place % WORD}) & 1 = 1 "
            f"ORDER BY {ROW} LIMIT {EXAMPLES}"
        )
        return [{"row": row, "values": dict(zip(names, values, strict=True))} for row, *values in found]

    def report(self, cleaned: cleaning.Cleaned, counts: dict[int, tuple[int, int]]) -> Answer:
        rows = self.connection.value("SELECT count(*) FROM judged")
        answers: list[RuleAnswer] = []
        for place, rule in enumerate(self.rules):
            failed, unknown = counts[place]
            share = failed / rows if rows else 0.0
            answers.append({
                "id": rule["id"], "failed": failed - unknown, "unknown": unknown, "passed": share <= rule["threshold"],
                "measure": None, "examples": self.examples(place, rule) if failed else [],
            })  # fmt: skip
        answers += [tables.judge_whole(self.connection, rule, self.plan, rows) for rule in self.whole]
        bad = self.connection.value("SELECT count(*) FROM found WHERE blocked")
        repaired = self.repairs(cleaned)
        repaired_rows = self.connection.value(f"SELECT count(DISTINCT row) FROM read_parquet({self.file('repairs')})")
        return {
            "rows": rows, "valid": rows - bad, "bad": bad,
            "warned": self.connection.value("SELECT count(*) FROM found WHERE NOT blocked"), "repaired": repaired,
            "repaired_rows": repaired_rows, "rules": answers, "valid_path": "valid.parquet",
            "quarantine_path": "quarantine.parquet", "repairs_path": "repairs.parquet",
        }  # fmt: skip

    def repairs(self, cleaned: cleaning.Cleaned) -> int:
        """Every changed cell with its old and new value."""
        parts: Iterable[str] = (
            f"SELECT {ROW} AS row, {literal(name)} AS field, {quoted(f'__old_{name}')} AS old, "
            f"CAST({quoted(name)} AS VARCHAR) AS new FROM judged WHERE {quoted(f'__old_{name}')} IS NOT NULL"
            for name in cleaned.changing
        )
        nothing = (
            "SELECT NULL::BIGINT AS row, NULL::VARCHAR AS field, NULL::VARCHAR AS old, NULL::VARCHAR AS new WHERE FALSE"
        )
        return self.connection.run(
            f"COPY ({' UNION ALL '.join([nothing, *parts])}) TO {self.file('repairs')} {PARQUET}"
        )
