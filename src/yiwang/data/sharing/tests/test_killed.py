"""The process is killed while a file for sharing is made: no half package is fetched, recorded or left, and a second
try gives one."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as platform

from yiwang.data.protection.models import AccessEntry
from yiwang.data.sharing.models import Delivery, Grant, Package
from yiwang.data.sharing.services import deliveries, lakeside
from yiwang.data.sharing.tests.test_lakeside import COLUMNS, FIRST
from yiwang.data.sharing.tests.world import Bureau, furnish
from yiwang.kernel.access.actors import ANONYMOUS, SYSTEM
from yiwang.kernel.files.services import tidy
from yiwang.kernel.jobs.testing import killed_at
from yiwang.kernel.lake import services as lake
from yiwang.kernel.lake.services.sweeping import sweep as sweep_lake
from yiwang.kernel.lake.testing import parquet
from yiwang.kernel.ledger.models import Entry

STEPS: dict[str, tuple[Any, str, int]] = {
    "取数之前": (lakeside, "_exported", 0),
    "加密之前": (deliveries, "seal", 0),
    "文件改名之前": (deliveries.os, "fsync", 0),
    "文件已写、链接未成": (deliveries.Package.objects, "create", 0),
}  # fmt: skip


@pytest.fixture
def grant(transactional_db: None, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Grant]:
    monkeypatch.setattr(platform, "VAR", tmp_path / "var")
    settings.LAKE = str(tmp_path / "lake")
    bureau: Bureau = furnish()
    assert bureau.resource is not None
    table = lake.ensure_table(SYSTEM, bureau.resource.table, "常住人口", COLUMNS, ["id_number"])
    named = [dict(zip((column["name"] for column in COLUMNS), row, strict=True)) for row in FIRST]
    lake.publish(
        SYSTEM,
        lake.stage(SYSTEM, table, parquet(tmp_path, COLUMNS, named), "replace", {"test": date(2026, 1, 1).isoformat()}),
        "测试",
    )
    yield bureau.grant(way="file", fields=["id_number", "name", "status"])


@pytest.mark.django_db(transaction=True)
def test_在任一步被杀_不留半份_再做恰好一份(grant: Grant) -> None:
    said = Entry.objects.filter(action="sharing.deliver")
    for count, (step, (owner, name, after)) in enumerate(STEPS.items()):
        assert killed_at(owner, name, lambda: deliveries.package(SYSTEM, grant.pk), after=after) == 9, step
        for made in (Package.objects, Delivery.objects, said, AccessEntry.objects):
            assert made.count() == count, step
        handed = deliveries.package(SYSTEM, grant.pk)
        _, content = deliveries.fetch(ANONYMOUS, handed.token)
        manifest, rows = deliveries.opened(content, handed.key)
        assert manifest["rows"] == 3 and len(rows) == 4, step
    deliveries.sweep(SYSTEM, age=0)
    sweep_lake()
    tidy()
    kept = {path.name for path in (Path(platform.VAR) / "sharing").iterdir()}
    assert kept == {Path(path).name for path in Package.objects.values_list("path", flat=True)}
    assert not list(Path(platform.VAR).parent.rglob("rows.csv"))
