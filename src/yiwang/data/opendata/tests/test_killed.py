"""The worker is killed while an edition is made: the public sees the old one or the new one, and one edition comes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as platform
from django.test import Client

from yiwang.data.opendata.jobs import follow
from yiwang.data.opendata.models import Dataset, Edition, PublishedFile, Row
from yiwang.data.opendata.services import building
from yiwang.data.opendata.tests.world import City, furnish
from yiwang.kernel.files.models import StoredFile
from yiwang.kernel.files.services import sweep
from yiwang.kernel.jobs.testing import killed_at, run_all, taken_up_again
from yiwang.kernel.lake.services.sweeping import sweep as sweep_lake

STEPS: dict[str, tuple[Any, str, int]] = {
    "计算之前": (building.engine, "run", 0),
    "一个文件已存": (building.files, "store", 1),
    "逐行之前": (building, "_store", 0),
    "记账之前": (building.ledger, "record", 0),
}  # fmt: skip


@pytest.fixture
def city(transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[City]:
    monkeypatch.setattr(platform, "VAR", tmp_path / "var")
    yield furnish(tmp_path)


def shown(dataset: Dataset) -> str:
    return Client(HTTP_HOST="localhost").get(f"/public/open/{dataset.name}/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_在任一步被杀_旧的一期照常提供_再来恰好成一期(city: City) -> None:
    dataset = city.opened()
    rows = 40
    for count, (step, (owner, name, after)) in enumerate(STEPS.items(), 1):
        city.load(facts_of(dataset), rows + 5)
        follow()
        assert killed_at(owner, name, run_all, after=after) == 9, step
        assert (Edition.objects.count(), PublishedFile.objects.count(), Row.objects.count()) == (count, 3 * count, rows)
        assert Dataset.objects.get().rows == rows and f"第 {count} 期" in shown(dataset), step
        assert taken_up_again() == 1
        follow()
        assert run_all() == 0
        rows += 5
        assert list(Edition.objects.order_by("number").values_list("number", "rows"))[-1] == (count + 1, rows), step
        assert Row.objects.count() == rows and f"第 {count + 1} 期" in shown(dataset), step
    sweep(age=0)
    sweep_lake()
    var = Path(platform.VAR)
    left = [path for path in var.rglob("*") if path.is_file() and path.name in ("rows.csv", "csv", "json", "xlsx")]
    contents = {path.name for path in (var / "files").glob("??/??/*")}
    assert not left and contents == set(StoredFile.objects.filter(erased_at=None).values_list("digest", flat=True))


def facts_of(dataset: Dataset) -> Any:
    found = building.queries.facts_of(dataset.resource_id)
    assert found is not None
    return found
