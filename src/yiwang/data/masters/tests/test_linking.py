"""Febrl: settings follow from the columns alone, so these sets are held out. Skipped without the shared data."""

import csv

import pytest

from bench.linkage import KINDS, LINK, plan
from yiwang.data.masters.terms.clusters import clusters, scored
from yiwang.kernel.lake import engine
from yiwang.kernel.lake.testing import parquet
from yiwang.kernel.search.tests import shared


@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.parametrize("number", [1, 2, 3])
def test_febrl(tmp_path, number):
    source = shared.folder("record-linkage") / f"dataset{number}.csv"
    with source.open(encoding="utf-8", newline="") as file:
        rows = [{name.strip(): value.strip() for name, value in row.items()} for row in csv.DictReader(file)]
    path = parquet(tmp_path, [{"name": name, "type": "text"} for name in rows[0]], rows)
    fields = [name for name in rows[0] if name != "rec_id"]
    engine.run(LINK, {"plan": plan(path, fields, KINDS, "rec_id")}, memory_mb=3000, folder=tmp_path)
    with (tmp_path / "pairs.csv").open(encoding="utf-8", newline="") as file:
        edges = [(row["a"], row["b"], float(row["probability"])) for row in csv.DictReader(file)]
    truth = {f"0:{row['rec_id']}": row["rec_id"].split("-")[1] for row in rows}
    found = scored(clusters(truth, [edge for edge in edges if edge[2] >= 0.95], []), truth)
    assert found["f1"] >= 0.98


def test_a_value_too_common_to_block_is_named_and_left_out(tmp_path):
    rows = [{"id": str(number), "name": f"张{chr(0x4E00 + number)}", "phone": "13800000000" if number % 2 else f"139{number:08}"}
            for number in range(400)]  # fmt: skip
    path = parquet(tmp_path, [{"name": name, "type": "text"} for name in rows[0]], rows)
    made = plan(path, ["name", "phone"], {"name": "name", "phone": "phone"}, "id")
    answer = engine.run(LINK, {"plan": made}, memory_mb=1500, folder=tmp_path)
    assert answer["junk"] == [{"columns": ["phone"], "value": "138****0000", "rows": 200}]
    assert answer["considered"] == 0
