"""Rows picked by chance."""

import pytest

from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.lake import queries, services, testing
from yiwang.kernel.lake.models import Snapshot

pytestmark = pytest.mark.django_db
COLUMNS = [{"name": "id", "title": "编号", "type": "integer"}, {"name": "name", "title": "姓名", "type": "text"}]


@pytest.fixture
def snapshot(tmp_path) -> Snapshot:
    table = services.ensure_table(SYSTEM, "sampled", "抽样", COLUMNS, ["id"])
    rows = [{"id": number, "name": f"户{number}"} for number in range(5000)]
    return services.stage(SYSTEM, table, testing.parquet(tmp_path, COLUMNS, rows), "replace", {"test": True})


def test_同一种子同一样本_遍及全表(snapshot):
    first = queries.sample(snapshot, ["id"], 200, seed=7)
    picked = {row["id"] for row in first}
    assert first == queries.sample(snapshot, ["id"], 200, seed=7)
    assert len(picked) == 200
    assert min(picked) < 1000
    assert max(picked) >= 4000
    assert picked != {row["id"] for row in queries.sample(snapshot, ["id"], 200, seed=8)}


def test_样本多于行数时全取(snapshot):
    assert len(queries.sample(snapshot, ["id", "name"], 9000)) == 5000
