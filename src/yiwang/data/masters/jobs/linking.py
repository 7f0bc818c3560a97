"""Entity resolution inside the engine process: exact numbers first, then Splink, behind a guard against junk keys.

Settings follow from the columns' profile, not from the data set: how a column is compared and which columns block are
computed from how full it is, how many values it has and what they look like.
"""

import importlib
import logging
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import splink.comparison_library as compare
from splink import DuckDBAPI, Linker, SettingsCreator
from splink.blocking_rule_library import CustomRule

from yiwang.data.masters.terms import FieldKind
from yiwang.data.masters.terms.masking import masked
from yiwang.data.masters.terms.plans import LinkAnswer, LinkPlan
from yiwang.kernel.lake.process.task import Database, Task

SAME_NAME = 0.65  # Jaro-Winkler below which one number under two names is looked at by a person
FULL = 0.3  # a column filled less is no key to block on
CATEGORY = 30  # a column of fewer different values is compared for equality only
FEWEST_PAIRS = 30  # too few to learn from
SHOWN_JUNK = 20
# Four times as many change no F1 of the demonstration's libraries and of Febrl 1-3, and are most of a small run's time.
TRAINING_PAIRS = 2.5e5
# What no match shows grows rarer by a factor each time; the probability must not become less than a float can hold.
ITERATIONS = 8
EXACT = "exact"
# What Splink loads on first use: here it is loaded once, before the fork.
for _module in ("sqlglot.dialects.duckdb", "sqlglot.dialects.athena"):
    importlib.import_module(_module)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Profile:
    """What a column looks like: share of rows filled, different values, share of digits-only values, length."""

    name: str
    kind: str
    filled: float
    distinct: int
    digits: float
    length: float


@dataclass
class Rule:
    """A blocking rule over columns; `pairs` after junk values were left out."""

    columns: tuple[str, ...]
    block: str
    pairs: int = 0
    junk: list[dict[str, Any]] = field(default_factory=list)
    junk_values: int = 0
    junk_rows: int = 0

    def condition(self, places: dict[str, str], restrict: bool) -> str:
        equal = " AND ".join(f"l.{places[name]} = r.{places[name]}" for name in self.columns)
        # The block is NULL for junk; the columns stay so that training knows what the rule holds equal.
        wider = ' AND (l."exact_number" IS NULL OR r."exact_number" IS NULL)' if restrict else ""
        return f"{equal} AND l.{self.block} = r.{self.block}{wider}"

    def title(self) -> str:
        return "+".join(self.columns)


def resolve(task: Task, plan: LinkPlan) -> LinkAnswer:
    """Write records.csv (ref, source, seen, number and the fields) and pairs.csv (a, b, probability, rule); the counts."""
    work = _Resolution(task, plan)
    try:
        return work.answer()
    finally:
        work.connection.close()


class _Resolution:
    def __init__(self, task: Task, plan: LinkPlan) -> None:
        self.task, self.plan = task, plan
        self.connection: Database = task.connect([path for each in plan["sources"] for path in each["files"]["paths"]])
        self.fields = [(each["name"], each["kind"]) for each in plan["fields"]]
        # Splink finds the columns of a rule only under plain names.
        self.places = {name: f"field_{index}" for index, (name, _) in enumerate(self.fields)}
        self.rows = 0
        self.rules: list[Rule] = []
        self.tried: list[Rule] = []
        self.left_out: list[dict[str, Any]] = []
        self.considered = 0

    def answer(self) -> LinkAnswer:
        self.load()
        self.task.progress(1, 4, "精确匹配")
        self.exact()
        self.task.progress(2, 4, "概率匹配")
        if self.rows > 1 and self.plan["probabilistic"]:
            self.probable()
        self.task.progress(3, 4, "写出结果")
        run = self.connection.run
        run(
            f"COPY (SELECT * EXCLUDE (numbered) FROM records ORDER BY ref) TO '{self.task.folder}/records.csv' (HEADER)"
        )
        run(f"COPY (SELECT * FROM pairs ORDER BY ALL) TO '{self.task.folder}/pairs.csv' (HEADER)")
        counts = dict(self.connection.rows("SELECT rule, count(*) FROM pairs GROUP BY ALL"))
        return {
            "records": self.rows, "exact": int(counts.get(EXACT, 0)), "probable": sum(counts.values()) - int(counts.get(EXACT, 0)),
            "considered": self.considered, "junk": self.junk(), "rules": [
                {"columns": list(rule.columns), "pairs": rule.pairs, "junk_values": rule.junk_values, "junk_rows": rule.junk_rows}
                for rule in self.rules
            ], "left_out": self.left_out,
        }  # fmt: skip

    def load(self) -> None:
        """All sources as one table of records; empty text is nothing."""
        parts = []
        for position, source in enumerate(self.plan["sources"]):
            self.connection.files(f"s{position}", source["files"])
            self.connection.run(f"CREATE VIEW given_{position} AS {source['select']}")
            present = {name for (name,) in self.connection.rows(f"SELECT column_name FROM (DESCRIBE given_{position})")}
            plain = ", ".join(
                f"{f'CAST({name} AS VARCHAR)' if name in present else 'NULL::VARCHAR'} AS {name}"
                for name in ("seen", "truth")
            )
            values = ", ".join(
                f"nullif(trim(CAST({quoted(name) if name in present else 'NULL'} AS VARCHAR)), '') AS {quoted(name)}"
                for name, _ in self.fields
            )
            parts.append(f"SELECT '{position}:' || CAST(ref AS VARCHAR) AS ref, {position} AS source, {plain}, {values} "
                         f"FROM given_{position}")  # fmt: skip
        self.connection.run(f"CREATE TABLE raw AS {' UNION ALL '.join(parts)}")
        self.connection.run(
            'CREATE TABLE records AS SELECT ref, source, seen, truth, exact_number::VARCHAR AS "exact_number", * EXCLUDE '
            f"(ref, source, seen, truth, exact_number), exact_number IS NOT NULL AS numbered FROM ({self.plan['numbers']})"
        )
        self.connection.run("DROP TABLE raw")
        self.rows = self.connection.value("SELECT count(*) FROM records")
        self.connection.run("CREATE TABLE pairs (a VARCHAR, b VARCHAR, probability DOUBLE, rule VARCHAR)")

    def exact(self) -> None:
        """Rows of one valid number, chained; a chain link between two very different names is left to a person."""
        name = next((name for name, kind in self.fields if kind in (FieldKind.NAME, FieldKind.TITLE)), "")
        alike = f"jaro_winkler_similarity({quoted(name)}, before_name)" if name else "1.0"
        self.connection.run(
            f"INSERT INTO pairs SELECT before, ref, CASE WHEN coalesce({alike}, 1) >= {SAME_NAME} THEN 1.0 ELSE 0.5 END, "
            f"CASE WHEN coalesce({alike}, 1) >= {SAME_NAME} THEN '{EXACT}' ELSE 'number_other_name' END "
            f"FROM (SELECT ref, {quoted(name) if name else 'NULL AS none'}, lag(ref) OVER w AS before, "
            f'{f"lag({quoted(name)}) OVER w" if name else "NULL"} AS before_name FROM records WHERE "exact_number" IS NOT NULL '
            f'WINDOW w AS (PARTITION BY "exact_number" ORDER BY {quoted(name) if name else "ref"} NULLS LAST, ref)) '
            "WHERE before IS NOT NULL"
        )

    def profiles(self) -> list[Profile]:
        found = []
        for name, kind in self.fields:
            column = quoted(name)
            filled, distinct, digits, length = self.connection.rows(
                f"SELECT count({column}) / greatest(count(*), 1), approx_count_distinct({column}), "
                f"coalesce(avg(CASE WHEN regexp_full_match({column}, '[0-9]+') THEN 1.0 ELSE 0.0 END), 0), "
                f"coalesce(avg(length({column})), 0) FROM records"
            )[0]
            found.append(Profile(name, kind, float(filled), int(distinct), float(digits), float(length)))
        return [profile for profile in found if profile.distinct > 1]

    def comparison(self, profile: Profile) -> Any:
        """How a column is compared: few values by equality, digits by edits, words by Jaro-Winkler."""
        place = self.places[profile.name]
        if profile.distinct <= CATEGORY:
            return compare.ExactMatch(place)
        if profile.digits > 0.8 or profile.kind in (FieldKind.DATE, FieldKind.PHONE, FieldKind.CODE, FieldKind.NUMBER):
            return compare.LevenshteinAtThresholds(place, [1, 2] if profile.length > 5 else [1])
        return compare.JaroWinklerAtThresholds(place, [0.92, 0.8])

    def blocks(self, profiles: list[Profile]) -> None:
        """Single columns and pairs of columns that tell records apart, the most telling first, within the budget."""
        keys = [each for each in profiles if each.filled >= FULL and each.distinct > CATEGORY]
        single = [(each.name,) for each in sorted(keys, key=lambda each: -each.distinct)]
        double = [(a.name, b.name) for a, b in combinations(keys, 2)]
        candidates = [self.guarded(Rule(columns, f"block_{index}")) for index, columns in enumerate([*single, *double])]
        self.tried = candidates
        singles, doubles = candidates[: len(single)], candidates[len(single) :]
        chosen = []
        for rule in [*sorted(singles, key=lambda rule: rule.pairs), *sorted(doubles, key=lambda rule: rule.pairs)]:
            if not rule.pairs:
                continue
            # Two columns only find what one of them alone would not: a value too common to block by itself.
            if len(rule.columns) == 2 and all(not part.junk_values and part in chosen for part in singles
                                              if part.columns[0] in rule.columns):  # fmt: skip
                continue
            if self.considered + rule.pairs > self.plan["most_pairs"]:
                self.left_out.append({"columns": list(rule.columns), "pairs": rule.pairs})
                continue
            self.considered += rule.pairs
            chosen.append(rule)
        self.rules = chosen

    def guarded(self, rule: Rule) -> Rule:
        """Leave values with more than k rows out of the rule, and name them."""
        most = self.plan["most_block"]
        names = ", ".join(map(quoted, rule.columns))
        present = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in rule.columns)
        self.connection.run(f"CREATE TABLE count_{rule.block} AS SELECT {names}, count(*) AS n FROM records "
                            f"WHERE {present} GROUP BY {names} HAVING count(*) > 1")  # fmt: skip
        counted = f"count_{rule.block}"
        rule.pairs = self.connection.value(
            f"SELECT coalesce(sum(n * (n - 1) / 2), 0)::BIGINT FROM {counted} WHERE n <= {most}"
        )
        rule.junk_values, rule.junk_rows = self.connection.rows(
            f"SELECT count(*), coalesce(sum(n), 0)::BIGINT FROM {counted} WHERE n > {most}"
        )[0]
        kinds = dict(self.fields)
        rule.junk = [
            {"columns": list(rule.columns), "value": " + ".join(masked(kinds[name], str(value)) for name, value in
                                                              zip(rule.columns, row, strict=False)), "rows": row[-1]}
            for row in self.connection.rows(f"SELECT * FROM {counted} WHERE n > {most} ORDER BY n DESC, {names} LIMIT {SHOWN_JUNK}")
        ]  # fmt: skip
        return rule

    def junk(self) -> list[dict[str, Any]]:
        found = [each for rule in self.tried if len(rule.columns) == 1 or rule in self.rules for each in rule.junk]
        return sorted(found, key=lambda each: -each["rows"])[:SHOWN_JUNK]

    def blocked(self) -> str:
        """The records with one column per rule: 1, or NULL where the value is junk."""
        joins, columns = [], []
        for rule in self.rules:
            on = " AND ".join(f"records.{quoted(n)} = j_{rule.block}.{quoted(n)}" for n in rule.columns)
            joins.append(
                f"LEFT JOIN (SELECT * FROM count_{rule.block} WHERE n > {self.plan['most_block']}) j_{rule.block} ON {on}"
            )
            columns.append(f"CASE WHEN j_{rule.block}.n IS NULL THEN 1 END AS {quoted(rule.block)}")
        names = ", ".join(f"records.{quoted(name)} AS {place}" for name, place in self.places.items())
        return f'SELECT records.ref AS unique_id, records."exact_number", {names}, {", ".join(columns)} FROM records {" ".join(joins)}'

    def probable(self) -> None:
        profiles = self.profiles()
        self.blocks(profiles)
        if not self.rules or self.considered < FEWEST_PAIRS:
            return
        self.connection.run(f"CREATE TABLE people AS {self.blocked()}")
        logging.getLogger("splink").setLevel(logging.ERROR)
        settings = SettingsCreator(
            link_type="dedupe_only", comparisons=[self.comparison(each) for each in profiles],
            blocking_rules_to_generate_predictions=[CustomRule(rule.condition(self.places, self.numbers())) for rule in self.rules],
            retain_intermediate_calculation_columns=False, retain_matching_columns=False, max_iterations=ITERATIONS,
        )  # fmt: skip
        database = DuckDBAPI(connection=self.connection.driver)
        linker = Linker(database.register("people"), settings, log_level="ERROR")
        self.train(linker)
        found = linker.inference.predict(threshold_match_probability=self.plan["review"])
        self.connection.run(
            f"INSERT INTO pairs SELECT unique_id_l, unique_id_r, match_probability, 'probable' FROM {found.physical_name} p "
            "JOIN records l ON l.ref = p.unique_id_l JOIN records r ON r.ref = p.unique_id_r "
            'WHERE l."exact_number" IS NULL OR r."exact_number" IS NULL'
        )

    def numbers(self) -> bool:
        """Two valid numbers decide alone: equal is exact, different is another person."""
        return self.plan["numbered"]

    def train(self, linker: Any) -> None:
        """Prior from rows that agree on two telling columns; u by sampling; m by EM over two rules without a common column."""
        # A column most of whose rows are junk blocks by its slips alone, and slips are hardly ever shared by one entity.
        telling = sorted(self.rules, key=lambda rule: (rule.junk_rows > self.rows / 2, rule.pairs))
        first = telling[0]
        linker.training.estimate_probability_two_random_records_match(
            [CustomRule(first.condition(self.places, False))], recall=0.7
        )
        linker.training.estimate_u_using_random_sampling(max_pairs=TRAINING_PAIRS, seed=1)
        used: list[Rule] = []
        for rule in telling:
            if rule.pairs >= FEWEST_PAIRS and not any(set(rule.columns) & set(other.columns) for other in used):
                linker.training.estimate_parameters_using_expectation_maximisation(
                    CustomRule(rule.condition(self.places, False))
                )
                used.append(rule)
            if len(used) == 2:
                return
