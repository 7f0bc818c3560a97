"""A table of people and the short way to put rows into it."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.lake import jobs, queries, services, testing
from yiwang.kernel.lake.models import LakeTable

COLUMNS = [
    {"name": "id", "title": "编号", "type": "integer"},
    {"name": "name", "title": "姓名", "type": "text"},
    {"name": "district", "title": "区划", "type": "text"},
    {"name": "amount", "title": "金额", "type": "decimal(12,2)"},
    {"name": "born", "title": "出生", "type": "date"},
    {"name": "seen", "title": "更新", "type": "timestamp"},
    {"name": "alive", "title": "有效", "type": "boolean"},
]


def row(number: int, **values: object) -> dict[str, object]:
    made = {
        "id": number, "name": f"户{number}", "district": "东" if number % 2 else "西", "amount": Decimal(number) / 4,
        "born": date(1990, 1, 1), "seen": datetime(2026, 3, 1, 8, 30), "alive": True,  # noqa: DTZ001 - content
    }  # fmt: skip
    return {**made, **values}


def ids(snapshot) -> list[int]:
    return sorted(each["id"] for each in queries.rows(snapshot, ["id"], limit=1000))


@pytest.fixture(autouse=True)
def daytime(monkeypatch) -> None:
    """The night's work waits for the test that asks for it, at whatever hour the tests run."""
    monkeypatch.setattr(jobs, "NIGHT", range(0))


@pytest.fixture
def people(db) -> LakeTable:
    return services.ensure_table(SYSTEM, "people", "人口", COLUMNS, ["id"])


@pytest.fixture
def put(tmp_path):
    """Stage rows and publish them."""

    def put(table, rows, mode="replace", columns=COLUMNS, publish=True):
        made = services.stage(SYSTEM, table, testing.parquet(tmp_path, columns, rows), mode, {"test": True})
        if publish:
            services.publish(SYSTEM, made, "测试")
            table.refresh_from_db()
        return made

    return put
