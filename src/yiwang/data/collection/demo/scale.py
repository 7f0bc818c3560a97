"""A whole district's year: every resource of the catalogue gets its share of 4.55 million rows, and all go through."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from django.db import connection

from yiwang.data.catalog import contract as catalog
from yiwang.data.collection import terms
from yiwang.data.collection.demo.building import SEED, holder, offered
from yiwang.data.collection.models import Package, Stock
from yiwang.data.collection.services import packages, processing, publishing, sources
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.lake import engine
from yiwang.kernel.lake.models import LakeTable
from yiwang.kernel.lake.places import work_folder

# 硚口区 2022: 355 directories, 5,756 items, 4.55 million rows cleaned, 3.87 million of them valid: 14.95 % planted.
ROWS, BAD = 4_550_000, 1495


def wanted() -> list[catalog.ResourceFacts]:
    """Resources that departments hand in for; what another domain brought into the lake is left as it is."""
    ours = set(Package.objects.values_list("resource_id", flat=True)) | set(
        Stock.objects.values_list("resource_id", flat=True)
    )
    filled = set(LakeTable.objects.exclude(current=None).values_list("name", flat=True))
    return [facts for facts in offered() if facts.id in ours or facts.table not in filled]


def _batch(rows: int, planted: int | str) -> str:
    return f"年度数据 {rows} 行 预埋 {planted}"


def finished(rows: int) -> int:
    """How many resources are through with a year of so many rows."""
    found = wanted()
    batches = {_batch(rows // len(found) + extra, "") for extra in (0, 1)} if found else set()
    done = Package.objects.filter(state=terms.State.PUBLISHED, resource_id__in=[facts.id for facts in found])
    return sum(any(batch.startswith(each) for each in batches) for batch in done.values_list("batch", flat=True))


def hand_in(facts: catalog.ResourceFacts, rows: int, number: int) -> tuple[Package, int]:
    """One resource's rows with planted errors, through the whole of collection → (package, rows planted).

    Again gives the same package; one that was interrupted goes on from where it was.
    """
    known = Package.objects.filter(resource_id=facts.id, batch__startswith=_batch(rows, "")).first()
    if known is None:
        known = _keep(facts, rows, number)
    done, manager = processing.advance(known.pk), holder(terms.MANAGER)
    if done.state == terms.State.WAITING and manager is not None:
        done = publishing.approve(manager, done.pk, "年度数据首次全量归集，数据量变化属实")
    return done, int(known.batch.rpartition(" ")[2])


def _keep(facts: catalog.ResourceFacts, rows: int, number: int) -> Package:
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
            package, _ = packages.keep(
                SYSTEM, source, f"年度数据-{facts.id}.csv", content, batch=_batch(rows, sum(truth.values()))
            )
    return package


def run(say: Callable[[int, int, str], None], rows: int = ROWS, at_once: int = 1) -> Counter[str]:
    """`say(done, of, what)` after each resource → resources, items, rows, valid, bad, planted, and packages by state.

    `at_once`: resources on their way together, each on a database connection of its own.
    """
    found, total = wanted(), Counter[str]()

    def one(number: int) -> tuple[Package, int]:
        return hand_in(found[number], rows // len(found) + (number < rows % len(found)), number)

    def counted(number: int, package: Package, planted: int) -> None:
        facts = found[number]
        total.update({
            "resources": 1, "items": len(facts.items), "rows": package.rows or 0, "valid": package.valid or 0,
            "bad": package.bad or 0, "planted": planted, package.state: 1,
        })  # fmt: skip
        said = f"{facts.name}：{package.get_state_display()}，{package.rows or 0:,} 行，有效 {package.valid or 0:,}"
        say(number + 1, len(found), said)

    if at_once == 1:
        for number in range(len(found)):
            counted(number, *one(number))
        return total
    with ThreadPoolExecutor(at_once) as pool:
        for number, made in enumerate(pool.map(one, range(len(found)))):
            counted(number, *made)
        list(pool.map(lambda _: connection.close(), range(at_once)))
    return total
