"""4.55 million rows of CSV: parsed, judged by rules, repaired, deduplicated, quarantined, committed, published.

The resource is graded as a bureau grades one that departments share (level 2): its files lie in the clear, the database's
disk being the bureau's. What sealing adds for a resource of level 3 is a line of its own, on fewer rows.

Peers in the same run: DuckDB merely parsing the same file; pandera and Great Expectations judging its first rows
in memory. The sheet of the rows kept back is made after the data went on, as the platform does with large packages, and
is timed apart. Time is wall clock from receiving the file to the moved pointer; memory is the largest resident set of
any engine process. `--rows N` takes fewer rows, for a look at the processor seconds.
"""

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
from django.conf import settings
from django.utils import timezone

from bench import peers
from bench.peers import Wanted
from bench.report import Row, write
from bench.scratch import database
from yiwang.data.catalog import contract as catalog
from yiwang.data.catalog.services import category_of_department, load_standard
from yiwang.data.collection.models import Package
from yiwang.data.collection.services import checking, packages, processing, sources
from yiwang.data.collection.services.reading import Reader
from yiwang.data.governance.services import running
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.lake import engine
from yiwang.kernel.orgs.services import create_organisation

ROWS, BAD, SECONDS, MEMORY_GB = 4_550_000, 1495, 15.0, 3.0
SEALED_ROWS = 455_000
ITEMS = (
    ("record_no", "登记编号", "text", 32), ("person_name", "姓名", "text", 50), ("id_number", "公民身份号码", "text", 18),
    ("sex", "性别", "text", 2), ("handled_on", "办理日期", "date", 0), ("phone", "联系电话", "text", 20),
    ("division_code", "行政区划代码", "text", 12), ("address", "地址", "text", 200), ("amount", "金额", "decimal", 0),
    ("updated_at", "更新时间", "timestamp", 0),
)  # fmt: skip


def resource_of_persons(code: str = "BENCH") -> catalog.ResourceFacts:
    load_standard(SYSTEM)
    unit = create_organisation(SYSTEM, code=code, name=f"归集基准局{code}")
    items = tuple(
        catalog.ItemSpec(
            name, title, kind, length, is_key=name == "record_no", nullable=name != "record_no", share_condition="限核验",
            is_timestamp=name == "updated_at", standard="GB 11643-1999" if name == "id_number" else "",
        )
        for name, title, kind, length in ITEMS
    )  # fmt: skip
    described = catalog.Description(
        name="人口登记信息", category=category_of_department(SYSTEM, unit.pk).code, abstract="基准测试用，按月报送。"
    )
    found = catalog.register_published(SYSTEM, [(unit.pk, catalog.Content(described, items))], timezone.now())[0]
    return graded(found, 2)


def graded(facts: catalog.ResourceFacts, level: int) -> catalog.ResourceFacts:
    catalog.set_levels(SYSTEM, facts.id, {item.id: (level, "") for item in facts.items}, "基准测试")
    return catalog.resource(SYSTEM, facts.id)


def made(facts: catalog.ResourceFacts, folder: Path, rows: int, seed: int = 7) -> tuple[Path, dict[str, int]]:
    items = [
        {"name": item.name, "title": item.title, "data_type": item.data_type, "is_key": item.is_key}
        for item in facts.items
    ]
    truth = engine.run(
        "yiwang.data.collection.demo.rows:write", {"out": "rows.csv", "items": items, "rows": rows, "seed": seed, "bad": BAD},
        folder=folder, memory_mb=2048, seconds=600,
    )  # fmt: skip
    return folder / "rows.csv", truth


def peer(path: Path) -> float:
    """DuckDB reading every field of the file as text, two threads."""
    connection = duckdb.connect(config={"threads": 2})
    begun = time.perf_counter()
    names = [
        row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM read_csv('{path}', all_varchar=true)").fetchall()
    ]
    largest = ", ".join(f'max("{name}")' for name in names)
    connection.execute(f"SELECT count(*), {largest} FROM read_csv('{path}', all_varchar=true)").fetchall()
    return time.perf_counter() - begun


# The starter rules of these items as far as the peers have words for them.
WANTED = Wanted(
    "record_no", {"id_number": r"\d{17}[\dX]", "phone": r"1[3-9]\d{9}", "division_code": r"[1-8]\d{5}",
                  "handled_on": r"\d{4}-\d{2}-\d{2}", "amount": r"-?\d+(?:\.\d+)?", "updated_at": r"\d{4}-\d{2}-\d{2} .*"},
    {"record_no": 32, "person_name": 50, "id_number": 18, "sex": 2, "phone": 20, "address": 200}, {},
)  # fmt: skip
PEER_ROWS = 200_000


def frame_of(path: Path) -> Any:
    """The first rows of the same file, as the peers want them."""
    names = ", ".join(f'"{title}" AS {name}' for name, title, _, _ in ITEMS)
    return duckdb.sql(f"SELECT {names} FROM read_csv('{path}', all_varchar=true) LIMIT {PEER_ROWS}").df()


def main(rows: int = ROWS) -> int:
    with database("collect"), TemporaryDirectory(dir=settings.VAR) as name:
        settings.VAR = Path(name)
        return 0 if measured(rows) else 1


def received(facts: catalog.ResourceFacts, path: Path) -> tuple[Package, float]:
    """The package, published, and the seconds it took."""
    source = sources.upload_source(SYSTEM, facts.id)
    source.least_valid, source.most_change = 0, 1000
    source.save(update_fields=["least_valid", "most_change"])
    begun = time.perf_counter()
    with path.open("rb") as content:
        package, _ = packages.keep(SYSTEM, source, "rows.csv", content)
    done = processing.advance(package.pk)
    return done, time.perf_counter() - begun


def told(done: Package, begun: float, used: list[engine.Usage]) -> None:
    steps = list(done.steps.values_list("state", "at"))
    print(f"  received   {steps[0][1].timestamp() - begun:6.2f} s")
    for (state, at), (_, before) in zip(steps[1:], steps, strict=False):
        print(f"  {state:10} {(at - before).total_seconds():6.2f} s")
    for each in used:
        print(f"  {each.function:50} {each.seconds:6.2f} s, {each.cpu_seconds:6.2f} s CPU, {each.rss_mb:,} MiB")


def sealing(rows: int) -> Row:
    """What SM4 adds: the same rows before and after their items are of level 3."""
    facts, took = resource_of_persons("BENCH-S"), []
    for level in (2, 3):
        with TemporaryDirectory(dir=settings.VAR) as name:
            path, _ = made(facts, Path(name), rows, seed=level)
            took.append(received(graded(facts, level), path)[1])
    return Row(f"sealing: {rows:,} rows of level 2, then of level 3 (SM4 at rest)", f"{took[0]:.1f} s, {took[1]:.1f} s")


def measured(rows: int) -> bool:
    facts = resource_of_persons("BENCH")
    with TemporaryDirectory(dir=settings.VAR) as name:
        path, truth = made(facts, Path(name), rows)
        engine.warm([running.CHECK])
        with engine.observed() as used:
            begun = time.time()
            done, took = received(facts, path)
        told(done, begun, used)
        begun = time.perf_counter()
        with Reader(done) as reader, checking.give_back(done, reader) as kept:
            kept()
        sheet = time.perf_counter() - begun
        parsing = peer(path)
        beside = peers.rows(WANTED, frame_of(path))
        size = path.stat().st_size
    peak = max(each.rss_mb for each in used) / 1024
    whole = rows == ROWS
    lines = [
        Row(f"{rows:,} rows, {size >> 20} MB CSV: received, parsed, judged, quarantined, committed, published", f"{took:.1f} s",
            f"≤{SECONDS:g} s" if whole else "", took <= SECONDS if whole else None),
        Row("processor seconds of the engine in that time", f"{sum(each.cpu_seconds for each in used):.1f} s"),
        Row("largest engine process", f"{peak:.2f} GiB", f"≤{MEMORY_GB:g} GiB", peak <= MEMORY_GB),
        Row("return sheet of the rows kept back, made afterwards (at most 100,000 listed)", f"{sheet:.1f} s"),
        sealing(min(rows, SEALED_ROWS)),
        Row("peer: DuckDB merely parsing the file", f"{parsing:.1f} s; ours takes {took / parsing:.1f} times as long"),
        *beside,
        Row("ended as", done.state, "published", done.state == "published"),
        Row("planted errors / rows kept back", f"{sum(truth.values()):,} / {done.bad:,}, by {done.verdict.get('rules')} rules"),
    ]  # fmt: skip
    for line in [] if whole else lines:
        print(line)
    return write("collect", lines) if whole else all(line.met is not False for line in lines)


if __name__ == "__main__":
    given = argparse.ArgumentParser()
    given.add_argument("--rows", type=int, default=ROWS)
    sys.exit(main(given.parse_args().rows))
