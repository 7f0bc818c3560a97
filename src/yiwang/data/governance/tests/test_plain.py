"""Rows that are right as received are only looked at; what becomes of a row must not depend on it."""

import random
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from yiwang.data.catalog import contract as catalog
from yiwang.data.catalog.terms import ItemSpec
from yiwang.data.governance import contract
from yiwang.data.governance.services import rules
from yiwang.data.governance.terms import Severity
from yiwang.data.governance.tests.world import OPEN, World
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.lake.testing import parquet

ITEMS = (
    ItemSpec("no", "登记号", length=20, is_key=True, nullable=False, **OPEN),
    ItemSpec("name", "姓名", length=3, nullable=False, **OPEN),
    ItemSpec("id_number", "公民身份号码", length=18, **OPEN),
    ItemSpec("phone", "联系电话", length=30, **OPEN),
    ItemSpec("born", "出生日期", "date", **OPEN),
    ItemSpec("amount", "金额", "decimal", **OPEN),
    ItemSpec("people", "人数", "integer", **OPEN),
    ItemSpec("alive", "是否在册", "boolean", **OPEN),
    ItemSpec("seen", "更新时间", "timestamp", is_timestamp=True, **OPEN),
)
GOOD = {"name": "张三", "id_number": "11010519491231002X", "phone": "13800138000", "born": "1949-12-31", "amount": "12.50",
        "people": "3", "alive": "true", "seen": "2025-06-18 01:05:45"}  # fmt: skip
ODD: dict[str, tuple[str | None, ...]] = {
    "name": (None, "—", "无", " 张三", "张三\u3000", "欧阳修之", "ab", "12345678901", "不详"),
    "id_number": (None, "11010519491231002x", "11O10519491231002X", "110105491231002", "110105194912310021", "１１０１０５１９４９１２３１００２Ｘ",
                  "无", "1101051949123100 X", "000000000000000000"),
    "phone": (None, "1380013800０", "027-85750000", "—", "12", "13800138000 ", "1.380013e10"),
    "born": (None, "1949/12/31", "1949年12月31日", "18263", "1950-01-01", "1949-02-30", "无", "2999-01-01", "1949-12-3O", "0949-12-31"),
    "amount": (None, "1,234.5元", "0.00001", "1e5", "-3", "007", "12.", "99999999999999999.5", "无", "１２", "+4"),
    "people": (None, "3.0", "03", "-0", "三", "1,000", "1234567890123456", "-7", "无", "3 "),
    "alive": (None, "是", "否", "false", "TRUE", "也许", "√"),
    "seen": (None, "2025/06/18 01:05:45", "2025-06-18", "2025-06-18 25:05:45", "2025-06-18 01:05:45.5", "无", "2025-06-18T01:05:45"),
}  # fmt: skip


def odd_rows(count: int) -> list[dict[str, str | None]]:
    chance = random.Random(11)
    rows: list[dict[str, str | None]] = []
    for number in range(count):
        row: dict[str, str | None] = {**GOOD, "no": f"A{number - (chance.random() < 0.2)}"}
        for name in chance.sample(sorted(ODD), chance.choice((0, 1, 1, 1, 2, 3))):
            row[name] = chance.choice(ODD[name])
        rows.append(row)
    return rows


def found(facts: catalog.ResourceFacts, folder: Path, rows: list[dict[str, str | None]], package: str) -> list[Any]:
    """What became of the rows: the verdict by rule, and the files without the rows that were added."""
    columns = [{"name": item.name, "type": "text"} for item in ITEMS]
    verdict = contract.check(SYSTEM, facts.id, parquet(folder, columns, rows), package)
    answer: list[Any] = [{each.code: (each.failed, each.unknown) for each in verdict.by_rule}]
    names = ("valid.parquet", "quarantine.parquet", "repairs.parquet")
    with contract.kept(verdict.run_id, *names) as paths:
        for path in paths:
            read = pq.read_table(path).to_pylist()
            answer.append(sorted((row for row in read if not str(row.get("no")).startswith("B")), key=str))
    return answer


def test_a_row_fares_alike_among_plain_rows_and_among_odd_ones(world: World, tmp_path: Path) -> None:
    facts = catalog.resource(SYSTEM, world.district.published("各种类型", items=ITEMS).pk)
    draft = rules.draft(SYSTEM, facts.id)
    for template, blanks in (
        ("birth_matches", {"field": "born", "other": "id_number"}), ("not_future", {"field": "born"}),
        ("range", {"field": "amount", "low": 0, "high": 1000}), ("range", {"field": "people", "low": 1, "high": 5}),
        ("tidy", {"field": "name"}),
    ):  # fmt: skip
        rules.add_rule(SYSTEM, draft, template, blanks, severity=Severity.WARN)
    rules.publish(SYSTEM, draft)
    rows = odd_rows(400)
    alone = found(facts, tmp_path, rows, "P1")
    plain: list[dict[str, str | None]] = [{**GOOD, "no": f"B{number}"} for number in range(1200)]
    assert found(facts, tmp_path, rows + plain, "P2") == alone
    assert min(map(len, alone)) > 15
