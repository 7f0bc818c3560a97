"""检查：由治理按规则修正、转换、隔离，给出结论。"""

from typing import Any

from yiwang.data.collection.models import Package
from yiwang.data.governance import contract as governance
from yiwang.kernel.access.actors import SYSTEM


def check(package: Package, parsed: str, job_id: int | None) -> governance.Verdict:
    """The same package and rule set give the same run, also after a kill."""
    return governance.check(SYSTEM, package.resource_id, parsed, package.number, job_id=job_id)


def plain(verdict: governance.Verdict) -> dict[str, Any]:
    """What the package keeps of a verdict: the rules that found something, and where the files lie."""
    found = [
        {"rule": each.name, "rows": each.failed, "unknown": each.unknown, "blocks": each.blocks, "reason": each.reason,
         "passed": each.passed}
        for each in verdict.by_rule if each.failed or each.unknown or not each.passed
    ]  # fmt: skip
    return {
        "run": verdict.run_id, "repaired": verdict.repaired_path, "quarantined": verdict.quarantined_path, "by_rule": found,
        "rules": len(verdict.by_rule),
    }  # fmt: skip


def published(package: Package, number: int) -> None:
    """In the publisher's transaction: the valid rows of the run became this snapshot."""
    if run := package.verdict.get("run"):
        governance.record_snapshot(SYSTEM, run, number)
