"""The demonstration: packages in every state, every figure equal to an independent query, the truth of what was planted."""

from dataclasses import asdict
from datetime import date
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone
from pyarrow import parquet

from yiwang.data.catalog import contract as catalog
from yiwang.data.catalog import services as cataloguing
from yiwang.data.collection.demo import scale
from yiwang.data.collection.demo.building import build, generated
from yiwang.data.collection.models import Package, Statement
from yiwang.data.collection.tests.world import District
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.files import sealed
from yiwang.kernel.lake import queries as lake
from yiwang.kernel.lake.models import LakeTable
from yiwang.kernel.measures import queries as measures
from yiwang.kernel.measures.periods import between

NAMES = ("企业登记信息", "特种设备信息", "社区服务信息", "物业小区信息", "志愿者信息")
EVER = between(date(2000, 1, 1), timezone.localdate())
TODAY = between(timezone.localdate(), timezone.localdate())


def register(district: District) -> list[catalog.ResourceFacts]:
    spec = catalog.ItemSpec
    items = (
        spec("record_no", "登记编号", length=32, is_key=True, nullable=False, share_condition="限核验"),
        spec("subject_name", "名称", length=120, share_condition="限核验"),
        spec("uscc", "统一社会信用代码", length=18, share_condition="限核验"),
        spec("id_number", "公民身份号码", length=18, share_type="withheld", share_basis="个人信息保护法第十三条"),
        spec("handled_on", "办理日期", "date", share_condition="限核验"),
        spec("amount", "金额", "decimal", share_condition="限核验"),
    )
    code = cataloguing.category_of_department(SYSTEM, district.unit("住建局")).code
    entries = [
        (district.unit("住建局"), catalog.Content(catalog.Description(name=name, category=code, abstract=f"{name}，按月报送。"), items))
        for name in NAMES
    ]  # fmt: skip
    return catalog.register_published(SYSTEM, entries, timezone.now(), is_demo=True)


def test_packages_in_every_state_and_figures_that_agree(district: District) -> None:
    register(district)
    build()
    states = set(Package.objects.values_list("state", flat=True))
    assert states == {"published", "waiting", "mapping"}, list(Package.objects.values_list("state", "message"))
    assert Statement.objects.get().state == "different"
    count = Package.objects.count()
    build()
    assert Package.objects.count() == count, "once"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), sum(rows), sum(valid), sum(bad), count(DISTINCT organisation_id), count(DISTINCT resource_id), "
            "(SELECT sum(rows) FROM lake_snapshot WHERE id IN (SELECT current_id FROM lake_laketable)) "
            "FROM collection_package WHERE state = 'published'"
        )
        packages, rows, valid, bad, units, resources, stock = cursor.fetchone()
    figures = {
        code: measures.value(SYSTEM, f"collection.{code}", TODAY).value
        for code in ("packages", "rows", "valid_rows", "bad_rows", "organisations", "resources", "stock_change")
    }
    assert figures == {
        "packages": packages, "rows": rows, "valid_rows": valid, "bad_rows": bad, "organisations": units,
        "resources": resources, "stock_change": stock,
    }  # fmt: skip
    assert rows == valid + bad


def test_the_truth_of_what_was_planted(district: District) -> None:
    facts = register(district)[0]
    assert {"id_number", "uscc"} <= {item["name"] for item in map(asdict, facts.items)}
    lines, truth = generated(facts, 2000, bad=1500)
    again, same = generated(facts, 2000, bad=1500)
    assert lines == again and truth == same, "deterministic"
    header, rows = lines[0], lines[1:]
    identities = [row[header.index("公民身份号码")] for row in rows]
    organisations = [row[header.index("统一社会信用代码")] for row in rows]
    assert sum(not identity_ok(each) for each in identities) == truth["identity_wrong"]
    assert all(map(organisation_ok, organisations))
    assert sum(row[0] == "" for row in rows) == truth["key_empty"]
    assert sum(row[header.index("办理日期")] == "2025-02-30" for row in rows) == truth["date_impossible"]
    assert 200 < sum(truth.values()) < 400


@pytest.mark.slow
def test_a_whole_district_goes_through(district: District) -> None:
    register(district)
    total = scale.run(lambda done, of, what: None, rows=600)
    assert (total["resources"], total["rows"], total["published"]) == (6, 600, 6)
    assert total["rows"] == total["valid"] + total["bad"] and 0 < total["bad"] < 200
    again = scale.run(lambda done, of, what: None, rows=600)
    assert again == total and Package.objects.count() == 6, "the same content is the same package"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(rows), sum(valid), sum(bad), sum(repaired_rows), sum(repaired), count(*), avg((bad = 0)::int) * 100, "
            "(SELECT avg(passed::int) * 100 FROM governance_finding) FROM governance_run WHERE state = 'done'"
        )
        counted = cursor.fetchone()
        cursor.execute(
            "SELECT sum(rows) FROM (SELECT DISTINCT ON (resource_id) rows FROM collection_stock ORDER BY resource_id, id DESC) s"
        )
        (stock,) = cursor.fetchone()
    codes = ("checked", "valid", "held", "cleaned", "repaired", "runs", "clean_runs", "rule_pass")
    shown = [measures.value(SYSTEM, f"governance.{code}", TODAY).value for code in codes]
    assert [round(float(each), 2) for each in shown] == [round(float(each), 2) for each in counted]
    files = [path for table in LakeTable.objects.filter(current__isnull=False) for path in lake.paths(table.current)]
    with sealed.plain(*map(Path, files)) as opened:
        held = sum(parquet.read_metadata(path).num_rows for path in opened)
    assert measures.value(SYSTEM, "catalog.rows", EVER).value == stock == held == total["valid"]
    assert measures.value(SYSTEM, "catalog.attached", EVER).value == 100


def identity_ok(number: str) -> bool:
    """GB 11643-1999, written here again on purpose."""
    total = sum(int(digit) * (2 ** (17 - place)) for place, digit in enumerate(number[:17]))
    return "10X98765432"[total % 11] == number[17]


def organisation_ok(code: str) -> bool:
    """GB 32100-2015, written here again on purpose."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    total = sum(alphabet.index(char) * 3**place for place, char in enumerate(code[:17]))
    return alphabet[(31 - total % 31) % 31] == code[17]
