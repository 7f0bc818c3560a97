"""检查：由治理按规则修正、转换、隔离，给出结论，有问题的退回一张标色的表。"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

from yiwang.data.catalog import contract as catalog
from yiwang.data.collection import queries
from yiwang.data.collection.models import Package
from yiwang.data.collection.services import packages
from yiwang.data.collection.services.reading import Reader, digest_of
from yiwang.data.governance import contract as governance
from yiwang.kernel.access.actors import SYSTEM, Refused
from yiwang.kernel.files.models import StoredFile
from yiwang.kernel.files.queries import plain
from yiwang.kernel.files.services import store


def check(package: Package, facts: catalog.ResourceFacts, reader: Reader) -> governance.Verdict:
    """The same package and rule set give the same run, also after a kill."""
    return governance.check_read(
        SYSTEM, package.resource_id, lambda: reader.rows(package, facts), package.number, digest_of(package), job_id=reader.job_id,
    )  # fmt: skip


@contextmanager
def give_back(package: Package, reader: Reader) -> Iterator[Callable[[], str]]:
    """Make the coloured sheet while the block goes on. What is given waits for it and keeps it with the package, once; the
    package says why when it could not be made, as the answer does. A block that is refused leaves it as well.

    A sheet too large to colour does not hold the data up: the counts by rule are there without it.
    """
    looked, making, sentence = package.looked, None, ""
    with ExitStack() as begun:
        try:
            if queries.returned(package) is None:
                making = begun.enter_context(governance.return_sheet(
                    SYSTEM, package.verdict["run"], original=reader.original, name=package.file_name, sheet=looked["sheet"],
                    first_data=looked["row"] + looked["depth"] - 1,
                    columns={field: int(column) - 1 for column, field in package.mapping.items()}, session=reader.session,
                ))  # fmt: skip
        except Refused as refusal:
            sentence = refusal.message

        @cache
        def returned() -> str:
            said = _kept(package, making) if making else sentence
            packages.returned(package.pk, said)
            return said

        try:
            yield returned
        except Refused:
            returned()
            raise


def _kept(package: Package, making: Callable[[], StoredFile]) -> str:
    try:
        made = making()
        with plain(made) as path, path.open("rb") as sheet:
            owner = (queries.PACKAGE, package.pk)
            store(SYSTEM, made.name, sheet, owner=owner, kind=queries.RETURNED, sealing=made.sealed)
    except Refused as refusal:
        return refusal.message
    return ""


def since(run: int) -> dict[str, int] | None:
    """What became of the rows given back last time; a count that cannot be made does not hold the data up."""
    try:
        return governance.progress(SYSTEM, run)
    except Refused:
        return None


def kept_of(verdict: governance.Verdict) -> dict[str, Any]:
    """What the package keeps of a verdict: the run, and the rules that found something."""
    found = [
        {"rule": each.name, "rows": each.failed, "unknown": each.unknown, "blocks": each.blocks, "reason": each.reason,
         "passed": each.passed}
        for each in verdict.by_rule if each.failed or each.unknown or not each.passed
    ]  # fmt: skip
    return {"run": verdict.run_id, "by_rule": found, "rules": len(verdict.by_rule)}


def published(package: Package, number: int) -> None:
    """In the publisher's transaction: the valid rows of the run became this snapshot."""
    if run := package.verdict.get("run"):
        governance.record_snapshot(SYSTEM, run, number)
