"""识别：抽样、举证、建议分级；人决定后才写入目录。"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.protection.models import Finding, Scan
from yiwang.data.protection.services import detection, grading
from yiwang.data.protection.services.rules import grade_rules
from yiwang.data.protection.terms import Decision, ScanState
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Conflict, Invalid
from yiwang.kernel.lake import queries as lake
from yiwang.kernel.lake.models import LakeTable, Snapshot
from yiwang.kernel.ledger import services as ledger
from yiwang.standards.sensitive import SensitiveKind

SAMPLE = 1000
PROPOSED_FROM = 0.5
RULE = "GB/T 43697-2024 就高从严"


@dataclass(frozen=True)
class Choice:
    """What a person decides for an item: kind "" says not sensitive."""

    kind: str
    level: int
    reason: str = ""


@transaction.atomic
def request_scan(actor: Actor, resource_id: int) -> Scan:
    """Put a scan of a resource on the books, or return the one that still runs; the job does the work."""
    actor.require("protection.scan", "add")
    facts = catalog.resource(actor, resource_id)
    if not facts.items:
        raise Invalid(f"“{facts.name}”还没有发布的信息项，无从识别。请先发布目录。")
    running = Scan.objects.select_for_update().filter(resource_id=facts.id, state=ScanState.RUNNING).first()
    if running is not None:
        return running
    scan = Scan.objects.create(
        resource_id=facts.id, resource_code=facts.code, resource_name=facts.name, organisation_id=facts.organisation_id,
        created_by_id=actor.person_id, is_demo=facts.is_demo,
    )  # fmt: skip
    ledger.record(actor, "protection.scan", ("protection.scan", scan.pk), after={"resource": facts.code})
    return scan


def _sampled(scan: Scan, facts: catalog.ResourceFacts, snapshot: Snapshot | None) -> list[detection.Sampled]:
    held = {column["name"] for column in snapshot.columns} if snapshot is not None else set()
    wanted = [item.name for item in facts.items if item.name in held]
    # Another sample each time, so that dirt a former one missed has its chance.
    rows = lake.sample(snapshot, wanted, SAMPLE, scan.pk) if snapshot is not None and wanted else []
    return [
        detection.Sampled(item.name, item.title, [None if row.get(item.name) is None else str(row[item.name]) for row in rows])
        for item in facts.items
    ]  # fmt: skip


def run_scan(actor: Actor, scan_id: int) -> Scan:
    """Detect and grade; what a person decided on an earlier scan is proposed again, not what the detector thinks."""
    scan = Scan.objects.get(pk=scan_id)
    if scan.state != ScanState.RUNNING:
        return scan
    facts = catalog.resource(actor, scan.resource_id)
    table = LakeTable.objects.filter(name=facts.table).first()
    snapshot = lake.current(table) if table is not None else None
    samples = _sampled(scan, facts, snapshot)
    detected = {each.name: each for each in detection.detect_all(samples)}
    settled = _settled(scan.resource_id)
    kinds = {
        item.name: settled[item.id] if item.id in settled else _proposed(detected[item.name]) for item in facts.items
    }
    rows = snapshot.rows if snapshot is not None else 0
    graded = grading.grades(kinds, rows, grade_rules(), timezone.localdate())
    with transaction.atomic():
        locked = Scan.objects.select_for_update().get(pk=scan_id)
        if locked.state != ScanState.RUNNING:
            return locked
        Finding.objects.bulk_create(
            [
                Finding(
                    scan=locked, item_id=item.id, name=item.name, title=item.title, kind=kinds[item.name],
                    confidence=Decimal(str(round(1.0 if item.id in settled else detected[item.name].confidence, 3))),
                    level=graded[item.name].level,
                    evidence=[each.sentence for each in detected[item.name].evidence]
                    + (["此前已由人确定"] if item.id in settled else []),
                    rules=[{"code": rule.code, "level": rule.level, "basis": rule.basis} for rule in graded[item.name].rules],
                )
                for item in facts.items
            ]
        )  # fmt: skip
        locked.snapshot, locked.rows = (snapshot.number, snapshot.rows) if snapshot is not None else (0, 0)
        locked.sampled = max((len(each.values) for each in samples), default=0)
        locked.note = "" if snapshot is not None else "还没有归集数据，只按名称识别；有数据后请再识别一次。"
        locked.state, locked.finished_at = ScanState.PROPOSED, timezone.now()
        locked.save()
    return locked


def _proposed(found: detection.Detected) -> str:
    return found.kind if found.confidence >= PROPOSED_FROM else ""


def _settled(resource_id: int) -> dict[int, str]:
    """Item → kind of the last decision a person made on it."""
    decided = Finding.objects.filter(scan__resource_id=resource_id).exclude(decision=Decision.PENDING).order_by("pk")
    return {each.item_id: each.decided_kind for each in decided}


def fail_scan(actor: Actor, scan_id: int, why: str) -> None:
    Scan.objects.filter(pk=scan_id, state=ScanState.RUNNING).update(
        state=ScanState.FAILED, note=why[:300], finished_at=timezone.now()
    )


@transaction.atomic
def decide(actor: Actor, scan_id: int, choices: Mapping[int, Choice]) -> Scan:
    """Decide on findings (id → choice) and grade the items in the catalogue; undecided ones stay open.

    Lower than proposed, or another kind, needs a reason. Raises Invalid with a sentence per finding, nothing is saved.
    """
    doors.row(actor, "protection.scan", scan_id, "decide")
    scan = Scan.objects.select_for_update().get(pk=scan_id)
    if scan.state not in (ScanState.PROPOSED, ScanState.DECIDED):
        raise Conflict(f"{scan}{scan.get_state_display()}，现在不能确认。", rule=RULE)
    findings = {each.pk: each for each in scan.findings.select_for_update().filter(pk__in=choices)}
    errors = _mistakes(findings, choices)
    if errors:
        raise Invalid("定级没有保存，请改正后再确认。", errors=errors, rule=RULE)
    for pk, choice in choices.items():
        found = findings[pk]
        same = (choice.kind, choice.level) == (found.kind, found.level)
        found.decision = Decision.ACCEPTED if same else (Decision.CHANGED if choice.kind else Decision.REJECTED)
        found.decided_kind, found.decided_level, found.reason = choice.kind, choice.level, choice.reason.strip()[:300]
    Finding.objects.bulk_update(findings.values(), ["decision", "decided_kind", "decided_level", "reason"])
    levels = {each.item_id: (each.decided_level or grading.HIGHEST, each.decided_kind) for each in findings.values()}
    reasons = "；".join(dict.fromkeys(each.reason for each in findings.values() if each.reason))
    catalog.set_levels(actor, scan.resource_id, levels, reasons or f"按{scan}的建议定级")
    if not scan.findings.filter(decision=Decision.PENDING).exists():
        scan.state = ScanState.DECIDED
    scan.version += 1
    scan.save(update_fields=["state", "version", "updated_at"])
    ledger.record(
        actor, "protection.decide", ("protection.scan", scan.pk), reason=reasons, organisation_id=scan.organisation_id,
        after={found.title: [found.decided_level, found.decided_kind] for found in findings.values()},
    )  # fmt: skip
    return scan


def _mistakes(findings: Mapping[int, Finding], choices: Mapping[int, Choice]) -> dict[str, list[str]]:
    if not choices:
        return {"findings": ["至少选一项"]}
    errors: dict[str, list[str]] = {}
    for pk, choice in choices.items():
        found = findings.get(pk)
        if found is None:
            errors[str(pk)] = ["不属于这次识别"]
        elif choice.level not in (1, 2, 3, 4):
            errors[found.name] = ["分级只能是 1 至 4"]
        elif choice.kind and choice.kind not in SensitiveKind.values:
            errors[found.name] = ["没有这个敏感类别"]
        elif (choice.level < found.level or choice.kind != found.kind) and not choice.reason.strip():
            errors[found.name] = [f"“{found.title}”低于建议的 {found.level} 级或改了类别，须写明理由"]
    return errors


def accept_all(actor: Actor, scan_id: int) -> Scan:
    """Take every open proposal as it stands."""
    doors.row(actor, "protection.scan", scan_id, "decide")
    pending = Finding.objects.filter(scan_id=scan_id, decision=Decision.PENDING)
    return decide(actor, scan_id, {each.pk: Choice(each.kind, each.level) for each in pending})
