"""A million rows against 14 rules, and a year of 4.55 million from CSV to checked Parquet; peers on the same rules.

Run with `./run bench rules [ROWS OF THE YEAR]`. Great Expectations and pandera, where installed, judge six of the rules
that they have words for.
"""

import importlib
import importlib.util
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from bench.people import RULES, TEXT, columns, write_people
from bench.report import Row, write
from yiwang.kernel.lake import engine
from yiwang.kernel.lake.dialects import DUCKDB
from yiwang.kernel.lake.expressions import condition, staged
from yiwang.standards import corpus

MILLION = 1_000_000


def timed(work: Callable[[], Any], runs: int = 3) -> float:
    took = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return statistics.median(took)


def judge(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    rules = [condition(text, columns(typed=True)) for text in RULES]
    source, renderer = staged([rule.root for rule in rules], DUCKDB, table, as_of=corpus.AS_OF)
    mask = " + ".join(
        f"CASE WHEN {renderer.render(rule.root)} THEN 0 ELSE {1 << place} END" for place, rule in enumerate(rules)
    )
    connection.execute(f"SELECT mask, count(*) FROM (SELECT {mask} AS mask FROM {source}) GROUP BY mask").fetchall()


def year(folder: Path, rows: int) -> tuple[float, float, dict[str, Any]]:
    """(seconds from CSV to checked files, seconds DuckDB needs to parse the CSV, the answer)."""
    source = folder / "year.csv"
    write_people(str(source), rows, typed=False, form="csv")
    kinds = columns(typed=True)
    rules = [
        {"id": place, "kind": "row", "expression": text, "params": {}, "blocks": place in (0, 2, 4), "threshold": 0.0}
        for place, text in enumerate(RULES[:13])
    ]
    rules.append(
        {
            "id": 13,
            "kind": "unique",
            "expression": "",
            "params": {"fields": ["id_number"]},
            "blocks": True,
            "threshold": 0.0,
        }
    )
    plan = {
        "paths": [str(folder / "year.parquet")], "columns": kinds, "rules": rules, "references": {}, "as_of": corpus.AS_OF.isoformat(),
        "previous_rows": -1, "latest": "joined", "sample": 0,
        "repairs": [{"field": "id_number", "expression": "cn_id_upgrade(zero_for_o(id_number))"}],
    }  # fmt: skip
    text = ", ".join(f"'{name}': 'VARCHAR'" for name in TEXT)
    begun = time.perf_counter()
    duckdb.sql(
        f"COPY (SELECT * FROM read_csv('{source}', columns = {{{text}}}, header = true)) TO '{folder}/year.parquet' (FORMAT parquet)"
    )
    answer = engine.run(
        "yiwang.data.governance.jobs.checking:check",
        {"plan": plan},
        memory_mb=2700,
        seconds=600,
        folder=folder,
        threads=2,
    )
    took = time.perf_counter() - begun
    parse = timed(
        lambda: duckdb.sql(
            f"SELECT count(no) FROM read_csv('{source}', columns = {{{text}}}, header = true)"
        ).fetchall(),
        1,
    )
    return took, parse, answer


def pandera_peer(frame: Any) -> None:
    pandera = importlib.import_module("pandera.pandas")
    check, column = pandera.Check, pandera.Column
    schema = pandera.DataFrameSchema({
        "no": column(str, check.str_matches(r"^\d+$"), nullable=False), "name": column(str, check.str_length(2, 50)),
        "id_number": column(str, check.str_matches(r"^\d{17}[\dX]$")), "sex": column(str, check.isin(["男", "女"])),
        "amount": column(float, check.ge(0)), "email": column(str, check.str_matches(r"^[\w.+-]+@[\w.-]+\.[a-z]+$"), nullable=True),
    })  # fmt: skip
    try:
        schema.validate(frame, lazy=True)
    except importlib.import_module("pandera.errors").SchemaErrors:
        return


def expectations_peer(frame: Any) -> None:
    gx = importlib.import_module("great_expectations")
    context = gx.get_context(mode="ephemeral")
    batch = context.data_sources.add_pandas("p").add_dataframe_asset("a").add_batch_definition_whole_dataframe("b")
    suite = gx.ExpectationSuite(name="s")
    words = gx.expectations
    for each in (
        words.ExpectColumnValuesToMatchRegex(column="no", regex=r"^\d+$"),
        words.ExpectColumnValueLengthsToBeBetween(column="name", min_value=2, max_value=50),
        words.ExpectColumnValuesToMatchRegex(column="id_number", regex=r"^\d{17}[\dX]$"),
        words.ExpectColumnValuesToBeInSet(column="sex", value_set=["男", "女"]),
        words.ExpectColumnValuesToBeBetween(column="amount", min_value=0),
        words.ExpectColumnValuesToMatchRegex(column="email", regex=r"^[\w.+-]+@[\w.-]+\.[a-z]+$"),
    ):
        suite.add_expectation(each)
    batch.get_batch(batch_parameters={"dataframe": frame}).validate(suite)


PEERS = (("pandera", "pandera", pandera_peer), ("Great Expectations", "great_expectations", expectations_peer))


def main(rows: int) -> bool:
    found = []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_people(str(folder / "million.parquet"), MILLION, typed=True)
        connection = duckdb.connect(config={"threads": 2})
        connection.execute(f"CREATE TABLE people AS SELECT * FROM '{folder}/million.parquet'")
        wall = timed(lambda: judge(connection, "people"))
        found.append(Row(f"1,000,000 rows × {len(RULES)} rules, median of 3", f"{wall:.2f} s", "≤1.2 s", wall <= 1.2))
        for name, module, peer in PEERS:
            if importlib.util.find_spec(module) is None:
                found.append(Row(f"peer: {name}, six of the rules", "not installed"))
                continue
            frame = connection.execute(
                "SELECT no, name, id_number, sex, amount::DOUBLE AS amount, email FROM people"
            ).df()
            found.append(
                Row(f"peer: {name}, six of the rules", f"{timed(lambda peer=peer, frame=frame: peer(frame), 1):.2f} s")
            )  # type: ignore[misc]
        took, parse, answer = year(folder, rows)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    what = f"{rows:,} rows from CSV: parsed, repaired, 14 rules, deduplicated, quarantined, written"
    found += [
        Row(
            what,
            f"{took:.1f} s, {took / parse:.1f} × parsing, peak {peak:.1f} GiB",
            "≤15 s, ≤3 GiB",
            took <= 15 and peak <= 3,
        ),
        Row("peer: DuckDB merely parsing the file", f"{parse:.1f} s"),
        Row("rows kept back; cells repaired", f"{answer['bad']:,}; {answer['repaired']:,}"),
    ]
    return write("rules", found)


if __name__ == "__main__":
    sys.exit(not main(int(sys.argv[1]) if len(sys.argv) > 1 else 4_550_000))
