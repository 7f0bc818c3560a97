"""质量分、整改单与期限。"""

from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.governance.models import Finding, Issue, Run, Score
from yiwang.data.governance.terms import WEIGHTS, Dimension, IssueState, RunState, Severity
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Refused
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.kinds import Event
from yiwang.kernel.ledger import services as ledger

HUNDRED, CENT = Decimal(100), Decimal("0.01")


def score_of(findings: Iterable[Finding]) -> tuple[Decimal, dict[str, Any]]:
    """(0..100, parts by dimension). A rule's share is the rows it passes over the rows it judged; a rule about the
    whole table passes or not. Shares are averaged with the weight of the severity, first within a dimension, then
    over the dimensions that have rules: a dimension nobody wrote a rule for neither helps nor hurts."""
    by_dimension: dict[str, list[tuple[int, Decimal]]] = {}
    for finding in findings:
        wrong = finding.failed + finding.unknown
        whole = finding.measure is not None or not finding.rows
        share = Decimal(int(finding.passed)) if whole else 1 - Decimal(wrong) / Decimal(finding.rows)
        by_dimension.setdefault(finding.dimension, []).append(
            (WEIGHTS[Severity(finding.rule.severity)], max(share, Decimal(0)))
        )
    parts = {}
    for dimension, shares in sorted(by_dimension.items()):
        weight = sum(each for each, _ in shares)
        mean = sum((each * share for each, share in shares), Decimal(0)) / weight
        parts[dimension] = {
            "name": Dimension(dimension).label,
            "score": str((mean * HUNDRED).quantize(CENT)),
            "rules": len(shares),
        }
    if not parts:
        return Decimal(0), {}
    total = sum((Decimal(str(part["score"])) for part in parts.values()), Decimal(0)) / len(parts)
    return total.quantize(CENT), parts


def month_end(month: date) -> datetime:
    after = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    return timezone.make_aware(datetime.combine(after, time()))


@transaction.atomic
def score_month(actor: Actor, month: date) -> int:
    """Score every resource by its last run that finished before the month ended. Again: only what changed."""
    actor.require("governance.score", "add")
    month = month.replace(day=1)
    last = (
        Run.objects.filter(state=RunState.DONE, finished_at__lt=month_end(month))
        .order_by("rule_set__resource", "-finished_at", "-pk").distinct("rule_set__resource").select_related("rule_set")
    )  # fmt: skip
    made = 0
    for run in last:
        score, parts = score_of(run.findings.select_related("rule"))
        known = Score.objects.select_for_update().filter(resource=run.rule_set.resource, month=month).first()
        if known is not None and known.run_id == run.pk:
            continue
        values = {"run": run, "score": score, "parts": parts, "resource_name": run.rule_set.resource_name,
                  "organisation_id": run.organisation_id, "is_demo": run.is_demo}  # fmt: skip
        Score.objects.update_or_create(resource=run.rule_set.resource, month=month, defaults=values)
        pinned = {**parts, "run": run.pk, "rule_set": run.rule_set_id, "snapshot": run.snapshot}
        catalog.record_quality(run.rule_set.resource, month, score, pinned)
        made += 1
    if made:
        ledger.record(
            actor, "governance.score", ("governance.score", 0), after={"month": month.isoformat(), "resources": made}
        )
    return made


@transaction.atomic
def open_issue(actor: Actor, run_id: int, *, key: str = "") -> Issue:
    """Send what a run kept back to the providing department, once per run."""
    actor.require("governance.issue", "add")
    run: Run = doors.row(actor, "governance.run", run_id)
    run = Run.objects.select_for_update(of=("self",)).select_related("rule_set").get(pk=run.pk)
    if hasattr(run, "issue"):
        return run.issue
    if run.state != RunState.DONE or not run.bad:
        raise Refused("这次检查没有拦截的行，不需要整改。", rule="整改须有问题")
    worst = run.findings.filter(passed=False).select_related("rule").order_by("-failed")[:5]
    summary = "；".join(f"{each.rule.name} {each.failed + each.unknown} 行（{each.rule.reason}）" for each in worst)
    case = flow.open_case(
        actor, "governance.issue", f"{run.rule_set.resource_name}：{run.bad} 行数据待整改", organisation_id=run.organisation_id,
        data={"run": run.pk}, key=key,
    )  # fmt: skip
    found = Issue.objects.create(
        case=case, run=run, summary=summary, organisation_id=run.organisation_id, created_by_id=actor.person_id,
        is_demo=run.is_demo,
    )  # fmt: skip
    ledger.record(
        actor, "governance.issue", ("governance.issue", found.pk), organisation_id=run.organisation_id,
        after={"run": run.pk, "bad": run.bad, "case": case.number},
    )  # fmt: skip
    return found


def on_issue(event: Event) -> None:
    if event.name != "close":
        return
    found = Issue.objects.select_for_update(of=("self",)).filter(case_id=event.case.pk, state=IssueState.OPEN).first()
    if found is not None:
        outcome = event.case.outcome
        found.state = IssueState(outcome) if outcome in ("fixed", "explained") else IssueState.CANCELLED
        found.closed_at = event.entry.happened_at
        found.version += 1
        found.save(update_fields=["state", "closed_at", "version", "updated_at"])
