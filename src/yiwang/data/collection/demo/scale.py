"""A whole district's year: every resource of the catalogue gets its share of 4.55 million rows, and all go through."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict

from yiwang.data.catalog import contract as catalog
from yiwang.data.collection.demo.building import SEED, offered
from yiwang.data.collection.models import Package
from yiwang.data.collection.services import packages, processing, sources
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.lake import engine
from yiwang.kernel.lake.places import work_folder

# 硚口区 2022: 355 directories, 5,756 items, 4.55 million rows cleaned, 3.87 million of them valid: 14.95 % planted.
ROWS, BAD = 4_550_000, 1495


def hand_in(facts: catalog.ResourceFacts, rows: int, number: int) -> tuple[Package, dict[str, int]]:
    """One resource's rows with planted errors, through the whole of collection; again gives the same package."""
    source = sources.upload_source(SYSTEM, facts.id)
    if source.least_valid or source.most_change < 1000:
        source = sources.change_source(SYSTEM, source.pk, least_valid=0, most_change=1000)
    with work_folder() as folder:
        truth = engine.run(
            "yiwang.data.collection.demo.rows:write",
            {"out": "rows.csv", "items": [asdict(item) for item in facts.items], "rows": rows, "seed": SEED + number, "bad": BAD},
            folder=folder, memory_mb=2048, seconds=600,
        )  # fmt: skip
        with (folder / "rows.csv").open("rb") as content:
            package, _ = packages.keep(SYSTEM, source, f"年度数据-{facts.id}.csv", content)
    return processing.advance(package.pk), truth


def run(say: Callable[[str], None], rows: int = ROWS) -> Counter[str]:
    """→ resources, items, rows, valid, bad, planted, and packages by state."""
    found, total = offered(), Counter[str]()
    for number, facts in enumerate(found):
        share = rows // len(found) + (number < rows % len(found))
        package, truth = hand_in(facts, share, number)
        total.update({
            "resources": 1, "items": len(facts.items), "rows": package.rows or 0, "valid": package.valid or 0,
            "bad": package.bad or 0, "planted": sum(truth.values()), package.state: 1,
        })  # fmt: skip
        say(
            f"{number + 1}/{len(found)} {facts.name}：{package.get_state_display()}，{package.rows or 0:,} 行，有效 {package.valid or 0:,}"
        )
    return total
