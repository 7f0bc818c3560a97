"""检查：由治理按规则给出结论。"""

from dataclasses import dataclass
from typing import Any

from yiwang.data.collection import queries
from yiwang.data.collection.models import Package
from yiwang.kernel.lake import engine

MEMORY_MB, SECONDS = 1536, 1800.0


@dataclass(frozen=True)
class Verdict:
    run_id: int | None
    rows: int
    valid: int
    bad: int
    repaired_path: str
    quarantined_path: str
    by_rule: list[dict[str, Any]]


def check(package: Package, parsed: str, key: tuple[str, ...], job_id: int | None) -> Verdict:
    folder = queries.area("packages", str(package.pk))
    found = engine.run(
        "yiwang.kernel.tables.keys:split", {"path": parsed, "key": list(key)}, memory_mb=MEMORY_MB, seconds=SECONDS,
        folder=folder, job_id=job_id,
    )  # fmt: skip
    words = (("empty", "主键为空"), ("twice", "主键重复，保留最后一行"))
    by_rule = [{"rule": name, "rows": found[code]} for code, name in words if found[code]]
    bad = found["empty"] + found["twice"]
    return Verdict(
        None,
        found["rows"],
        found["valid"],
        bad,
        str(folder / "repaired.parquet"),
        str(folder / "quarantined.parquet"),
        by_rule,
    )
