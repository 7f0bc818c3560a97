"""One run of a rule set over a file, inside the engine process.

Rows that are right as they were received are seen first and left where they are. The others are looked at once: repair,
convert, judge row rules into a bit mask. Rules about several rows then look at the few columns they need. A row that fails
a blocking rule goes to the quarantine, every other one to the valid file.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from yiwang.data.governance.jobs import columns as cleaning
from yiwang.data.governance.jobs import plain, tables
from yiwang.data.governance.terms.plans import ROW, WORD, Answer, Plan, RuleAnswer, literal, quoted
from yiwang.kernel.lake import terms
from yiwang.kernel.lake.dialects import DUCKDB
from yiwang.kernel.lake.expressions import condition, staged
from yiwang.kernel.lake.process.task import Database, Task
from yiwang.kernel.tables.reading import RECEIVED
from yiwang.standards import functions  # noqa: F401 - registers the library
from yiwang.standards.functions import divisions

# Before the fork, for every child would do it again: the codes of divisions, and what the parser loads with its first rule.
divisions.warm()
condition("length(field) BETWEEN 0 AND 1 OR field IS NULL", {"field": "text"})
EXAMPLES, SAMPLE = 3, 500
# Of a field in the quarantine: what was received, where it was changed.
OLD = "__old_"
REPAIR = {"row": "BIGINT", "field": "VARCHAR", "old": "VARCHAR", "new": "VARCHAR"}
PARQUET = f"({terms.PARQUET}, COMPRESSION_LEVEL 1)"


def check(task: Task, plan: Plan) -> Answer:
    """Judge a file, or what the session has read; see `plans`."""
    connection = _opened(task, plan)
    try:
        return _Run(task, connection, plan).answer()
    finally:
        connection.close()


def _opened(task: Task, plan: Plan) -> Database:
    """A connection with view `received` and the tables that rules compare with."""
    others = [path for each in plan["references"].values() for path in each["paths"]]
    if plan["paths"]:
        connection = task.connect([*plan["paths"], *others])
        listed = ", ".join(map(literal, plan["paths"]))
        connection.run(
            f"CREATE VIEW received AS SELECT * EXCLUDE (file_row_number), file_row_number AS {ROW} "
            f"FROM read_parquet([{listed}], file_row_number = true)"
        )
        for name, files in plan["references"].items():
            connection.files(name, files)
        return connection
    read: Database = task.kept.pop(RECEIVED)
    if others:
        # A connection opens no further files once it is locked.
        beside = task.connect(others)
        for name, files in plan["references"].items():
            beside.files(name, files)
            read.register(name, beside.arrow(f"SELECT * FROM {quoted(name)}"))
        beside.close()
    return read


class _Run:
    def __init__(self, task: Task, connection: Database, plan: Plan) -> None:
        self.task, self.connection, self.plan = task, connection, plan
        self.rules = [rule for rule in plan["rules"] if rule["kind"] not in tables.WHOLE]
        self.whole = [rule for rule in plan["rules"] if rule["kind"] in tables.WHOLE]
        self.words = max(1, -(-len(self.rules) // WORD))
        self.as_of = date.fromisoformat(plan["as_of"])

    def answer(self) -> Answer:
        self.rows = plain.look(self.connection, self.plan, self.as_of)
        cleaned = cleaning.prepare(self.connection, self.plan, self.as_of, plain.RECEIVED if self.rows else "")
        self.judge(cleaned)
        self.assemble(cleaned)
        self.task.progress(1, 4, "逐行规则")
        if tables.flag(self.connection, self.rules, self.plan, self.words, self.blocking()):
            self.join_flags(cleaned)
        self.task.progress(2, 4, "跨行规则")
        self.find()
        self.split(cleaned)
        counts = self.counts()
        self.task.progress(3, 4, "写出结果")
        self.sample()
        return self.report(cleaned, counts)

    def sample(self) -> None:
        """Some rows as JSON, which the rule editor tries conditions on without an engine."""
        fields = ", ".join(map(quoted, [ROW, *self.plan["columns"]]))
        self.connection.run(
            f"CREATE TEMP TABLE drawn AS SELECT {ROW} FROM {cleaning.original(self.plan)} AS rows "
            f"USING SAMPLE reservoir({SAMPLE} ROWS) REPEATABLE (7)"
        )
        self.connection.run(
            f"COPY (SELECT {fields} FROM ({self.whole_of(fields, 'drawn')}) ORDER BY {ROW}) "
            f"TO {literal(str(self.task.folder / 'sample.json'))} (FORMAT json, ARRAY true)"
        )

    def judge(self, cleaned: cleaning.Cleaned) -> None:
        """Table `odd`: every field, words of changed fields __c0… with their texts, failing bits __m0…, unknown bits __u0…

        Nearly every row holds every rule, which is seen cheaply for all rules at once; which one failed is worked out
        for the others only.
        """
        parsed = {
            rule["id"]: condition(rule["expression"], self.plan["columns"]).root
            for rule in self.rules
            if rule["kind"] == "row"
        }
        source, renderer = staged(
            list(parsed.values()), DUCKDB, f"({cleaned.sql}) AS cleaned", as_of=self.as_of, given=cleaned.known
        )
        sure: list[list[str]] = [[] for _ in range(self.words)]
        failing: list[list[str]] = [[] for _ in range(self.words)]
        unknown: list[list[str]] = [[] for _ in range(self.words)]
        for place, rule in enumerate(self.rules):
            if rule["kind"] == "typed":
                rendered = seen = cleaning.readable(rule["params"]["field"], cleaned)
            elif rule["kind"] == "row":
                rendered, seen = renderer.render(parsed[rule["id"]]), renderer.surely(parsed[rule["id"]])
            else:
                continue
            bit = 1 << place % WORD
            sure[place // WORD].append(seen)
            failing[place // WORD].append(f"CASE WHEN {rendered} THEN 0 ELSE {bit} END")
            unknown[place // WORD].append(f"CASE WHEN ({rendered}) IS NULL THEN {bit} ELSE 0 END")
        holds = ", ".join(f"{' AND '.join(each) or 'TRUE'} AS __sure{word}" for word, each in enumerate(sure))
        masks = ", ".join(
            f"(CASE WHEN __sure{word} THEN 0 ELSE {' + '.join(parts) or '0'} END)::BIGINT AS __m{word}"
            for word, parts in enumerate(failing)
        )
        unsure = ", ".join(
            f"(CASE WHEN __m{word} = 0 THEN 0 ELSE {' + '.join(parts) or '0'} END)::BIGINT AS __u{word}"
            for word, parts in enumerate(unknown)
        )
        fields = [*map(quoted, cleaned.kept), cleaned.olds(), *(f"__m{word}" for word in range(self.words)), unsure]
        seen_first = f"SELECT *, {masks} FROM (SELECT *, {holds} FROM {source})"
        self.connection.run(f"CREATE TEMP TABLE odd AS SELECT {', '.join(fields)} FROM ({seen_first})")

    def assemble(self, cleaned: cleaning.Cleaned) -> None:
        """View `judged`: number, fields and failing bits of all rows."""
        masks = {f"__m{word}": "0::BIGINT" for word in range(self.words)}
        fields = ", ".join([*(quoted(name) for name in cleaned.kept if name not in cleaned.marks), *masks])
        self.connection.run(f"CREATE VIEW judged AS {self.whole_of(fields, '', masks)}")

    def whole_of(self, fields: str, among: str = "", more: Mapping[str, str] = MappingProxyType({})) -> str:
        """SELECT of `fields` of plain and odd rows; `among`: a table of numbers. more: columns that plain rows lack."""
        taken = f" SEMI JOIN {among} USING ({ROW})" if among else ""
        odd = f"SELECT {fields} FROM odd{taken}"
        if self.rows is None:
            return odd
        lacking = "".join(f", {value} AS {name}" for name, value in more.items())
        return f"SELECT {fields} FROM (SELECT *{lacking} FROM ({self.rows.plain(among)})) UNION ALL {odd}"

    def blocking(self) -> list[int]:
        """Per word, the bits that keep a row back."""
        found = [0] * self.words
        for place, rule in enumerate(self.rules):
            if rule["blocks"]:
                found[place // WORD] |= 1 << place % WORD
        return found

    def join_flags(self, cleaned: cleaning.Cleaned) -> None:
        """What rules about several rows found, into the masks of those rows; of plain ones it makes odd ones."""
        bits = ", ".join(f"__m{word} = odd.__m{word} | flags.__m{word}" for word in range(self.words))
        self.connection.run(f"UPDATE odd SET {bits} FROM flags WHERE odd.{ROW} = flags.{ROW}")
        if self.rows is None:
            return
        unknown = [f"0::BIGINT AS __u{word}" for word in range(self.words)]
        nothing = ", ".join([*(f"0::BIGINT AS {mark}" for mark in cleaned.marks), *unknown])
        self.connection.run(
            f"INSERT INTO odd BY NAME SELECT *, {nothing} FROM ({self.rows.plain('flags')}) JOIN flags USING ({ROW})"
        )
        self.connection.run(f"INSERT INTO {plain.ODD} SELECT {ROW} FROM odd ANTI JOIN {plain.ODD} USING ({ROW})")

    def find(self) -> None:
        """Table `found`: number and masks of the rows with any finding."""
        words = ", ".join(f"__m{word}, __u{word}" for word in range(self.words))
        found = " OR ".join(f"__m{word} <> 0" for word in range(self.words))
        self.connection.run(
            f"CREATE TEMP TABLE found AS SELECT {ROW}, {words}, ({self.blocked()}) AS __blocked FROM odd WHERE {found}"
        )

    def blocked(self) -> str:
        return " OR ".join(f"(__m{word} & {bits}) <> 0" for word, bits in enumerate(self.blocking()))

    def changes(self, cleaned: cleaning.Cleaned) -> dict[str, int]:
        """Field → how many of its values were changed."""
        counts = [f"count(*) FILTER (WHERE {cleaned.changed(name)})" for name in cleaned.changing]
        found = self.connection.rows(f"SELECT {', '.join(counts)} FROM odd")[0] if counts else ()
        return dict(zip(cleaned.changing, found, strict=True))

    def split(self, cleaned: cleaning.Cleaned) -> None:
        """The valid file takes every row that nothing blocks, as the table's columns and nothing else."""
        fields = ", ".join(map(quoted, self.plan["columns"]))
        passing = " AND ".join(f"(__m{word} & {bits}) = 0" for word, bits in enumerate(self.blocking()))
        right = f"SELECT {fields} FROM odd WHERE {passing}"
        if self.rows is not None:
            right = f"SELECT {fields} FROM ({self.rows.plain()}) UNION ALL {right}"
        self.connection.run(f"COPY ({right}) TO {self.file('valid')} {self.staged_form()}")
        olds = ", ".join(f"{cleaned.old(name)} AS {quoted(OLD + name)}" for name in self.plan["columns"])
        self.connection.run(
            f"COPY (SELECT * EXCLUDE ({cleaning.OLDS}), {olds}, TRUE AS __blocked FROM odd WHERE {self.blocked()}) "
            f"TO {self.file('quarantine')} {PARQUET}"
        )

    def staged_form(self) -> str:
        """With the numbers of the table's columns, if all are known: the lake takes such a file without writing it anew."""
        known, columns = self.plan["ids"], self.plan["columns"]
        if not columns or not all(name in known for name in columns):
            return PARQUET
        listed = ", ".join(f"{quoted(name)}: {int(known[name])}" for name in columns)
        return f"{PARQUET.removesuffix(')')}, FIELD_IDS {{{listed}}})"

    def file(self, name: str) -> str:
        return literal(str(self.task.folder / f"{name}.parquet"))

    def counts(self) -> dict[int, tuple[int, int]]:
        """(not TRUE, unknown) per place of a rule: few masks occur, so they are counted first."""
        words = ", ".join([f"__m{word}, __u{word}" for word in range(self.words)])
        found = self.connection.rows(f"SELECT count(*), {words} FROM found GROUP BY ALL")
        totals = {place: [0, 0] for place in range(len(self.rules))}
        for number, *masks in found:
            for place, total in totals.items():
                failing, unknown = masks[place // WORD * 2 : place // WORD * 2 + 2]
                total[0] += number if failing >> place % WORD & 1 else 0
                total[1] += number if unknown >> place % WORD & 1 else 0
        return {place: (failed, unknown) for place, (failed, unknown) in totals.items()}

    def examples(
        self, counts: dict[int, tuple[int, int]], cleaned: cleaning.Cleaned
    ) -> dict[int, list[dict[str, Any]]]:
        """Place of a rule → the first rows that fail it, with what was received in its fields."""
        rows = {
            place: [row for (row,) in self.connection.rows(
                f"SELECT {ROW} FROM found WHERE (__m{place // WORD} >> {place % WORD}) & 1 = 1 ORDER BY {ROW} LIMIT {EXAMPLES}"
            )]
            for place, (failed, _) in counts.items() if failed
        }  # fmt: skip
        columns = self.plan["columns"]
        shown = "".join(f", coalesce({cleaned.old(name)}, CAST({quoted(name)} AS VARCHAR))" for name in columns)
        listed = ", ".join(map(str, {row for each in rows.values() for row in each})) or "NULL"
        values = {
            row: dict(zip(columns, cells, strict=True))
            for row, *cells in self.connection.rows(f"SELECT {ROW}{shown} FROM odd WHERE {ROW} IN ({listed})")
        }
        fields = {
            place: [name for name in tables.fields_of(self.rules[place], columns) if name in columns] for place in rows
        }
        return {
            place: [{"row": row, "values": {name: values[row][name] for name in fields[place]}} for row in each]
            for place, each in rows.items()
        }

    def report(self, cleaned: cleaning.Cleaned, counts: dict[int, tuple[int, int]]) -> Answer:
        rows = self.connection.value(f"SELECT count(*) FROM {cleaning.original(self.plan)}")
        examples = self.examples(counts, cleaned)
        answers: list[RuleAnswer] = []
        for place, rule in enumerate(self.rules):
            failed, unknown = counts[place]
            share = failed / rows if rows else 0.0
            answers.append({
                "id": rule["id"], "failed": failed - unknown, "unknown": unknown, "passed": share <= rule["threshold"],
                "measure": None, "examples": examples.get(place, []),
            })  # fmt: skip
        answers += [tables.judge_whole(self.connection, rule, self.plan, rows) for rule in self.whole]
        bad = self.connection.value("SELECT count(*) FROM found WHERE __blocked")
        repaired = self.repairs(cleaned)
        changed = " OR ".join(f"__c{word} <> 0" for word in range(cleaned.words))
        repaired_rows = self.connection.value(f"SELECT count(*) FROM odd WHERE {changed}")
        return {
            "rows": rows, "valid": rows - bad, "bad": bad,
            "warned": self.connection.value("SELECT count(*) FROM found WHERE NOT __blocked"), "repaired": repaired,
            "repaired_rows": repaired_rows, "rules": answers, "valid_path": "valid.parquet",
            "quarantine_path": "quarantine.parquet", "repairs_path": "repairs.parquet",
        }  # fmt: skip

    def repairs(self, cleaned: cleaning.Cleaned) -> int:
        """Every changed cell with its old and new value."""
        counted = self.changes(cleaned)
        parts: Iterable[str] = (
            f"SELECT {ROW} AS row, {literal(name)} AS field, {cleaned.old(name)} AS old, "
            f"CAST({quoted(name)} AS VARCHAR) AS new FROM odd WHERE {cleaned.changed(name)}"
            for name in cleaned.changing
            if counted[name]
        )
        nothing = ", ".join(f"NULL::{kind} AS {name}" for name, kind in REPAIR.items())
        rows = " UNION ALL ".join([f"SELECT {nothing} WHERE FALSE", *parts])
        return self.connection.run(f"COPY ({rows}) TO {self.file('repairs')} {PARQUET}")
