"""Cell repair on public dirty tables: rules proposed by the profiler, all accepted, against the clean table.

Run with `./run bench dirty_tables`; further tables beside the two (name/dirty.csv, name/clean.csv) are counted without a bar. The peer is the majority of the tables' own published dependencies. No figure of
these tables is used anywhere in the methods.
"""

import csv
import sys
import time
from collections import Counter
from pathlib import Path

from bench.report import Row, write
from yiwang.data.governance.jobs import dependencies, mending
from yiwang.kernel.search.tests import shared

BARS = {"hospital": 0.84, "beers": 0.90}
PUBLISHED = {
    "hospital": (("provider_number", "name"), ("provider_number", "city"), ("provider_number", "phone"), ("provider_number", "zip"),
                 ("provider_number", "county"), ("measure_code", "measure_name"), ("measure_code", "condition"), ("zip", "city"), ("zip", "state")),
    "beers": (("brewery_id", "brewery_name"), ("brewery_id", "city"), ("brewery_id", "state")),
}  # fmt: skip


def load(path: Path) -> mending.Table:
    with path.open(encoding="utf-8-sig", newline="") as source:
        head, *rows = csv.reader(source)
    return {name: [row[place].strip() for row in rows] for place, name in enumerate(head)}


def majority(table: mending.Table, pairs: tuple[tuple[str, str], ...]) -> dict[tuple[int, str], str]:
    """The plain peer: the most frequent value of each group."""
    found = {}
    for left, right in pairs:
        groups: dict[str, Counter[str]] = {}
        for value, other in zip(table[left], table[right], strict=True):
            groups.setdefault(value, Counter())[other] += 1
        for row, (value, other) in enumerate(zip(table[left], table[right], strict=True)):
            best = groups[value].most_common(1)[0][0]
            if best != other:
                found[row, right] = best
    return found


def scores(table: mending.Table, truth: mending.Table, made: dict[tuple[int, str], str]) -> tuple[float, float, float]:
    wrong = sum(one != other for name in table for one, other in zip(table[name], truth[name], strict=True))
    right = sum(truth[name][row] == new for (row, name), new in made.items())
    precision, recall = right / max(1, len(made)), right / max(1, wrong)
    return precision, recall, 2 * precision * recall / max(1e-9, precision + recall)


def main() -> bool:
    folder = shared.folder("dirty-tables")
    rows = []
    for name in [*BARS, *sorted({path.parent.name for path in folder.glob("*/dirty.csv")} - BARS.keys())]:
        dirty, clean = load(folder / name / "dirty.csv"), load(folder / name / "clean.csv")
        truth = dict(zip(dirty, clean.values(), strict=True))
        begun = time.process_time()
        depends = [(each.determinants, each.dependent, each.confidence) for each in dependencies.discover(dirty)]
        made = {(each.row, each.field): each.new for each in mending.mend(dirty, depends)}
        took = time.process_time() - begun
        precision, recall, f1 = scores(dirty, truth, made)
        value = f"F1 {f1:.3f} (precision {precision:.3f}, recall {recall:.3f}), {took:.1f} s CPU"
        bar = BARS.get(name)
        said = f"{name}: {len(depends)} dependencies proposed and accepted"
        rows.append(Row(said, value, f"≥{bar}" if bar else "", f1 >= bar if bar else None))
        if name not in PUBLISHED:
            continue
        peer = scores(dirty, truth, majority(dirty, PUBLISHED[name]))
        rows.append(
            Row(
                f"peer on {name}: majority of known dependencies",
                f"F1 {peer[2]:.3f} (precision {peer[0]:.3f}, recall {peer[1]:.3f})",
            )
        )
    return write("dirty_tables", rows)


if __name__ == "__main__":
    sys.exit(not main())
