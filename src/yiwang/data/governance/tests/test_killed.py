"""The worker is killed inside a check: no half verdict is read, and the next worker gives the one verdict."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from yiwang.data.governance import contract
from yiwang.data.governance.models import Finding, Run
from yiwang.data.governance.services import running
from yiwang.data.governance.tests.world import World, build
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.files import sealed
from yiwang.kernel.files.services import tidy
from yiwang.kernel.jobs.testing import killed_at
from yiwang.kernel.lake import places
from yiwang.kernel.lake.services.sweeping import sweep
from yiwang.kernel.ledger.models import Entry

ROWS = ({}, {"name": ""}, {}, {"phone": "不是电话"})
STEPS: dict[str, tuple[Any, str, int]] = {
    "一个文件已就位": (running.sealed, "keep", 1),
    "结论写到一半": (running, "hidden", 1),
    "记账之前": (running.ledger, "record", 0),
}  # fmt: skip


@pytest.fixture
def world(transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[World]:
    settings.LAKE = str(tmp_path / "lake")
    made = build(tmp_path)
    running.published(SYSTEM, made.facts.id)
    yield made


@pytest.mark.django_db(transaction=True)
def test_a_check_that_was_killed_is_done_again_and_gives_one_verdict(world: World) -> None:
    path, checked = world.sheet(*ROWS), Entry.objects.filter(action="governance.check")
    for count, (step, (owner, name, after)) in enumerate(STEPS.items()):
        package = f"P{count}"
        ended = killed_at(
            owner, name, lambda ref=package: contract.check(SYSTEM, world.facts.id, path, ref), after=after
        )
        assert ended == 9, step
        assert not Run.objects.filter(state="done", package=package).exists(), step
        assert not Finding.objects.filter(run__package=package).exists() and checked.count() == count, step
        verdict = contract.check(SYSTEM, world.facts.id, path, package)
        assert (verdict.rows, verdict.valid, verdict.bad) == (4, 2, 2), step
        assert contract.check(SYSTEM, world.facts.id, path, package) == verdict
        run = Run.objects.get(package=package)
        assert (run.state, run.findings.count(), checked.count()) == ("done", len(verdict.by_rule), count + 1), step
        with contract.kept(verdict.run_id, "valid.parquet") as paths:
            assert paths[0].stat().st_size
        names = sorted(each.name.removesuffix(sealed.SUFFIX) for each in (places.root() / run.folder).iterdir())
        assert names == sorted(running.FILES), step
    sweep()
    tidy()
    assert not [
        each for root in (places.root() / ".work", *sealed.opened_roots()) for each in root.glob("*") if each.is_dir()
    ]
