"""Febrl: settings follow from the columns alone, so these sets are held out. Skipped without the shared data."""

import csv
import random

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


def slipped(chance, text):
    """One letter lost, doubled or another."""
    place = chance.randrange(len(text))
    return text[:place] + chance.choice(["", text[place] * 2, chance.choice("aeiou27")]) + text[place + 1 :]


def test_slips_of_a_column_of_few_values_teach_nothing(tmp_path):
    """Invented persons, four states written with many slips: what blocks by them is no entity, and nothing fails by it."""
    chance, rows, truth = random.Random(4), [], {}
    word = lambda: "".join(chance.choice("bdfgklmnprst") + chance.choice("aeiou") for _ in range(chance.randint(2, 4)))  # noqa: E731
    given, family, streets = ([word() for _ in range(many)] for many in (300, 800, 1500))
    for person in range(1500):
        made = {
            "given_name": chance.choice(given), "surname": chance.choice(family), "address_1": f"{chance.choice(streets)} street",
            "suburb": chance.choice(given), "state": chance.choice(["nsw", "vic", "qld", "tas"]),
            "street_number": str(chance.randint(1, 200)), "soc_sec_id": str(chance.randint(10**6, 10**7)),
            "date_of_birth": f"19{chance.randint(20, 99)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}",
        }  # fmt: skip
        for copy in range(chance.choice([1, 2, 3])):
            said = dict(made)
            for _ in range(chance.randint(1, 4) if copy else 0):
                field = chance.choice(["state", *made])
                said[field] = slipped(chance, said[field] or "x")
            rows.append({"id": f"{len(rows)}", **said})
            truth[f"0:{len(rows) - 1}"] = str(person)
    path = parquet(tmp_path, [{"name": name, "type": "text"} for name in rows[0]], rows)
    engine.run(LINK, {"plan": plan(path, list(made), KINDS, "id")}, memory_mb=1500, folder=tmp_path)
    with (tmp_path / "pairs.csv").open(encoding="utf-8", newline="") as file:
        edges = [(row["a"], row["b"], float(row["probability"])) for row in csv.DictReader(file)]
    assert scored(clusters(truth, [edge for edge in edges if edge[2] >= 0.95], []), truth)["f1"] >= 0.97


def test_a_value_too_common_to_block_is_named_and_left_out(tmp_path):
    rows = [{"id": str(number), "name": f"张{chr(0x4E00 + number)}", "phone": "13800000000" if number % 2 else f"139{number:08}"}
            for number in range(400)]  # fmt: skip
    path = parquet(tmp_path, [{"name": name, "type": "text"} for name in rows[0]], rows)
    made = plan(path, ["name", "phone"], {"name": "name", "phone": "phone"}, "id")
    answer = engine.run(LINK, {"plan": made}, memory_mb=1500, folder=tmp_path)
    assert answer["junk"] == [{"columns": ["phone"], "value": "138****0000", "rows": 200}]
    assert answer["considered"] == 0
