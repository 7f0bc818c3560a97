"""Cell repair on public dirty tables, the way a department's package goes: checked, its valid rows profiled, every proposed
repair accepted, the new edition of rules published, the same package checked again; what the lake would get against the
clean table.

Run with `./run bench dirty_tables`; further tables beside the two (name/dirty.csv, name/clean.csv) are counted without a
bar. Beside it stand the mends as the profiler sees them cell by cell; the peer is the majority of the tables' own published
dependencies. No figure of these tables is used anywhere in the methods.
"""

import csv
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
from django.conf import settings
from django.utils import timezone

from bench.report import Row, write
from bench.scratch import database
from yiwang.data.catalog import contract as catalog
from yiwang.data.catalog.services import category_of_department, load_standard
from yiwang.data.governance import contract as governance
from yiwang.data.governance.jobs import dependencies, mending
from yiwang.data.governance.models import Proposal
from yiwang.data.governance.services import proposing, rules
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.lake.testing import parquet
from yiwang.kernel.orgs.services import create_organisation
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


def resource_of(name: str, fields: list[str]) -> catalog.ResourceFacts:
    """A resource with these items, all text, graded so that their values may stand in a rule."""
    unit = create_organisation(SYSTEM, code=name.upper(), name=f"修复基准局{name}")
    items = tuple(
        catalog.ItemSpec(each, f"{each}（{place}）", length=4000, share_condition="限核验")
        for place, each in enumerate(fields, 1)
    )
    described = catalog.Description(
        name=f"{name}登记信息", category=category_of_department(SYSTEM, unit.pk).code, abstract="基准测试用，按月报送。"
    )
    found = catalog.register_published(SYSTEM, [(unit.pk, catalog.Content(described, items))], timezone.now())[0]
    catalog.set_levels(SYSTEM, found.id, {item.id: (2, "") for item in found.items}, "基准测试")
    return catalog.resource(SYSTEM, found.id)


def repaired(name: str, table: mending.Table, folder: Path) -> dict[tuple[int, str], str]:
    """The cells that the platform changed once every proposed repair was accepted."""
    fields = {each: f"item_{place}" for place, each in enumerate(table)}
    facts = resource_of(name, list(fields.values()))
    columns = [{"name": each, "type": "text"} for each in fields.values()] + [{"name": "_row", "type": "integer"}]
    rows = [
        {"_row": number, **{fields[each]: values[number] or None for each, values in table.items()}}
        for number in range(len(next(iter(table.values()))))
    ]
    path = parquet(folder, columns, rows)
    first = governance.check(SYSTEM, facts.id, path, "1")
    proposing.profile(SYSTEM, first.run_id)
    for each in Proposal.objects.filter(resource=facts.id, template=proposing.MEND):
        proposing.accept(SYSTEM, each.pk)
    rules.publish(SYSTEM, rules.draft(SYSTEM, facts.id))
    second = governance.check(SYSTEM, facts.id, path, "2")
    found = {}
    with governance.kept(second.run_id, "repairs.parquet") as (changes,):
        names = {short: each for each, short in fields.items()}
        for cell in pq.read_table(changes).to_pylist():
            found[cell["row"], names[cell["field"]]] = cell["new"] or ""
    return found


def told(made: dict[tuple[int, str], str], table: mending.Table, truth: mending.Table) -> tuple[str, float]:
    precision, recall, f1 = scores(table, truth, made)
    return f"F1 {f1:.3f} (precision {precision:.3f}, recall {recall:.3f})", f1


def measured(name: str, folder: Path, work: Path) -> list[Row]:
    dirty, clean = load(folder / name / "dirty.csv"), load(folder / name / "clean.csv")
    truth, bar = dict(zip(dirty, clean.values(), strict=True)), BARS.get(name)
    begun = time.process_time()
    depends = [(each.determinants, each.dependent, each.confidence) for each in dependencies.discover(dirty)]
    seen = {(each.row, each.field): each.new for each in mending.mend(dirty, depends)}
    took = time.process_time() - begun
    value, f1 = told(repaired(name, dirty, work), dirty, truth)
    rows = [
        Row(f"{name}: every proposed repair accepted, package checked again", value, f"≥{bar}" if bar else "",
            f1 >= bar if bar else None),
        Row(f"{name}: what the profiler sees, cell by cell ({len(depends)} dependencies)", f"{told(seen, dirty, truth)[0]}, {took:.1f} s CPU"),
    ]  # fmt: skip
    if name in PUBLISHED:
        peer = told(majority(dirty, PUBLISHED[name]), dirty, truth)[0]
        rows.append(Row(f"peer on {name}: majority of known dependencies", peer))
    return rows


def main() -> bool:
    folder, rows = shared.folder("dirty-tables"), list[Row]()
    with database("dirty"), TemporaryDirectory(dir=settings.VAR) as place:
        settings.VAR = Path(place)
        load_standard(SYSTEM)
        for name in [*BARS, *sorted({path.parent.name for path in folder.glob("*/dirty.csv")} - BARS.keys())]:
            work = Path(place) / name
            work.mkdir()
            rows += measured(name, folder, work)
    return write("dirty_tables", rows)


if __name__ == "__main__":
    sys.exit(not main())
