"""Entity resolution: Febrl 1-3 by pairwise F1, and a million persons of whom every 61st shares a junk telephone.

Peer in the same run: exact matching on the one telling column only. Febrl is read from the shared data; without it
only the million is run. Run with `./run bench linkage`.
"""

import csv
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench import scratch  # noqa: F401 # isort: skip - sets Django up before any model

from bench.report import Row, write
from yiwang.data.masters.terms.clusters import clusters, scored
from yiwang.kernel.lake import engine
from yiwang.kernel.lake.testing import parquet
from yiwang.kernel.search.tests import shared

LINK = "yiwang.data.masters.jobs.linking:resolve"
MEMORY_MB, PEOPLE = 6000, 1_000_000
F1, SECONDS = 0.98, 30
KINDS = {"given_name": "name", "surname": "name", "date_of_birth": "date", "soc_sec_id": "code", "address_1": "address",
         "address_2": "address", "postcode": "code", "street_number": "code"}  # fmt: skip


def plan(path: str, fields: Iterable[str], kinds: dict[str, str], ref: str) -> dict[str, Any]:
    """The settings every library starts with; nothing here is of one data set but its columns' names."""
    fields = list(fields)
    columns = ", ".join(f'"{name}"' for name in fields)
    return {
        "sources": [{"files": {"paths": [path], "columns": []}, "select": f'SELECT "{ref}" AS ref, {columns} FROM s0'}],
        "fields": [{"name": name, "kind": kinds.get(name, "text")} for name in fields],
        "numbers": "SELECT *, NULL AS exact_number FROM raw", "numbered": False, "probabilistic": True,
        "most_block": 100, "most_pairs": 20_000_000, "review": 0.3,
    }  # fmt: skip


def febrl(folder: Path, number: int) -> list[Row]:
    source = shared.folder("record-linkage") / f"dataset{number}.csv"
    if not source.exists():
        return [Row(f"febrl {number}", f"not run: no data at {source}", f"F1 ≥{F1}")]
    with source.open(encoding="utf-8", newline="") as file:
        rows = [{name.strip(): value.strip() for name, value in row.items()} for row in csv.DictReader(file)]
    path = parquet(folder, [{"name": name, "type": "text"} for name in rows[0]], rows)
    fields = [name for name in rows[0] if name != "rec_id"]
    began = time.perf_counter()
    engine.run(LINK, {"plan": plan(path, fields, KINDS, "rec_id")}, memory_mb=MEMORY_MB, folder=folder)
    seconds = time.perf_counter() - began
    with (folder / "pairs.csv").open(encoding="utf-8", newline="") as file:
        edges = [(row["a"], row["b"], float(row["probability"])) for row in csv.DictReader(file)]
    truth = {f"0:{row['rec_id']}": row["rec_id"].split("-")[1] for row in rows}
    found = scored(clusters(truth, [edge for edge in edges if edge[2] >= 0.95], []), truth)
    same: dict[str, set[str]] = {}
    for row in rows:
        same.setdefault(row["soc_sec_id"] or row["rec_id"], set()).add(f"0:{row['rec_id']}")
    peer = scored(map(frozenset, same.values()), truth)
    value = f"F1 {found['f1']:.4f} (precision {found['precision']:.4f}, recall {found['recall']:.4f}), {seconds:.1f} s"
    return [
        Row(f"febrl {number}, {len(rows):,} records", value, f"F1 ≥{F1}", found["f1"] >= F1),
        Row(f"peer on febrl {number}: one exact column", f"F1 {peer['f1']:.4f}"),
    ]


def million(folder: Path) -> list[Row]:
    engine.run("bench.linkage:people", {"rows": PEOPLE}, memory_mb=MEMORY_MB, folder=folder)
    fields = ["name", "born", "phone", "address"]
    kinds = {"name": "name", "born": "date", "phone": "phone", "address": "address"}
    began = time.perf_counter()
    answer = engine.run(
        LINK, {"plan": plan(str(folder / "people.parquet"), fields, kinds, "id")}, memory_mb=MEMORY_MB, folder=folder
    )
    seconds = time.perf_counter() - began
    junk = [each for each in answer["junk"] if each["columns"] == ["phone"] and each["rows"] > PEOPLE // 100]
    named = "; ".join(f"{each['columns'][0]} {each['value']} ({each['rows']:,} rows)" for each in junk[:1]) or "nothing"
    return [
        Row(f"{answer['records']:,} persons, every 61st with one junk telephone", f"{seconds:.1f} s", f"≤{SECONDS} s", seconds <= SECONDS),
        Row("names the junk", named, "the telephone", bool(junk)),
        Row("pairs considered; found", f"{answer['considered']:,}; {answer['probable']:,}"),
    ]  # fmt: skip


def people(task: Any, rows: int) -> int:
    """A tenth of the rows repeat the row before with one letter of the name changed; every 61st has the junk telephone."""
    connection = task.connect()
    surnames, given = (
        "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许",
        "明华建国秀英志强晓丽文博雨桐海燕永刚思远佳宁立新春梅俊杰雅琴",
    )
    base = "(i - CASE WHEN i % 10 = 9 THEN 1 ELSE 0 END)"
    connection.run(
        f"COPY (SELECT i::VARCHAR AS id, substr('{surnames}', 1 + (hash({base}) % {len(surnames)})::INT, 1) || "
        f"substr('{given}', 1 + (hash({base} + 7) % {len(given)})::INT, 1) || "
        f"substr('{given}', 1 + (hash(CASE WHEN i % 20 = 19 THEN i ELSE {base} END + 13) % {len(given)})::INT, 1) AS name, "
        f"strftime(DATE '1940-01-01' + (hash({base} + 3) % 25000)::INT, '%Y-%m-%d') AS born, "
        f"CASE WHEN i % 61 = 0 THEN '13800000000' ELSE '139' || lpad((hash({base} + 5) % 100000000)::VARCHAR, 8, '0') END AS phone, "
        f"'解放路' || (hash({base} + 11) % 400000)::VARCHAR || '号' AS address FROM range({rows}) t(i)) "
        f"TO '{task.folder}/people.parquet' (FORMAT parquet)"
    )
    connection.close()
    return rows


def main() -> bool:
    engine.warm(["yiwang.data.masters.jobs.linking:resolve"])
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        rows = [row for number in (1, 2, 3) for row in febrl(folder, number)]
        return write("linkage", [*rows, *million(folder)])


if __name__ == "__main__":
    sys.exit(not main())
