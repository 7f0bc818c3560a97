"""数据剖析：由数据提出规则，由人采纳。"""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.governance import queries as proposals
from yiwang.data.governance.models import Proposal, Rule, Run
from yiwang.data.governance.services import rules, running
from yiwang.data.governance.terms import VALUES, Kind, ProposalState, RunState, Severity
from yiwang.data.governance.terms.templates import TEMPLATES
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Conflict, Refused
from yiwang.kernel.crypto import encrypt, sm3
from yiwang.kernel.lake import engine, queries
from yiwang.kernel.lake.models import LakeTable

MEND = "mend"
SLACK = 1.5


def _name(found: dict[str, Any], titles: dict[str, str]) -> str:
    params = found["params"]
    fields = [*params.get("fields", ()), *(params[name] for name in ("field", "dependent") if name in params)]
    shown = "、".join(titles.get(name, name) for name in fields)
    if found["template"] == MEND:
        return f"{shown}：{found['evidence']['why']} {found['evidence']['cells']} 格，建议修复"
    return f"{shown}：{TEMPLATES[found['template']].name}"


def profile(actor: Actor, run_id: int, path: Path | None = None, *, job_id: int | None = None) -> int:
    """Propose rules from a run's valid rows (or a file of the same columns); worker only. What was proposed before
    stays as it was decided. Returns how many are new."""
    actor.require("governance.proposal", "change")
    run: Run = doors.row(actor, "governance.run", run_id)
    if run.state != RunState.DONE:
        raise Refused("这次检查没有完成，不能剖析。", rule="剖析须有数据")
    rule_set = run.rule_set
    with running.kept(run, "valid.parquet") as (valid,):
        found: list[dict[str, Any]] = engine.run(
            "yiwang.data.governance.jobs.profiling:profile",
            {"path": str(path or valid), "columns": rule_set.columns, "titles": rule_set.titles, "known": _known(rule_set.resource),
             "sealed": sorted(catalog.resource(actor, rule_set.resource).sealed)},
            seconds=300, job_id=job_id,
        )  # fmt: skip
    rows = [
        Proposal(
            organisation_id=run.organisation_id, created_by_id=actor.person_id, resource=rule_set.resource,
            resource_name=rule_set.resource_name, template=each["template"], params=each["params"],
            name=_name(each, rule_set.titles)[:200], evidence=each["evidence"], support=str(each["support"]), is_demo=run.is_demo,
            values=encrypt(json.dumps(each["values"], ensure_ascii=False), VALUES) if "values" in each else "",
            digest=_digest(each["template"], each["params"], *([turn] if turn else [])),
        )
        for turn, each in _undecided(rule_set.resource, found)
    ]  # fmt: skip
    before = Proposal.objects.filter(resource=rule_set.resource).count()
    Proposal.objects.bulk_create(rows, ignore_conflicts=True)
    return Proposal.objects.filter(resource=rule_set.resource).count() - before


def _digest(*said: Any) -> str:
    return sm3(json.dumps(said, ensure_ascii=False, sort_keys=True).encode())


def _undecided(resource: int, found: list[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """With how many proposals of its kind there were. A later package's slips in the same field are proposed too: only
    values that nobody was asked about yet."""
    asked: dict[str, list[set[tuple[Any, ...]]]] = defaultdict(list)
    for earlier in Proposal.objects.filter(resource=resource, template=MEND):
        asked[_digest(MEND, earlier.params)].append({(*row,) for *row, _ in proposals.values_of(earlier)})
    for each in found:
        if before := asked[_digest(each["template"], each["params"])]:
            values = [row for row in each["values"] if not any((*row[:-1],) in known for known in before)]
            seen = {"cells": sum(row[-1] for row in values), "values": len(values)}
            each |= {"values": values, "evidence": each["evidence"] | seen}
        if not before or each["values"]:
            yield len(before), each


def _known(resource: int) -> dict[str, tuple[str, list[str]]]:
    """Other tables with a key of one column, to look for references in."""
    found = LakeTable.objects.filter(current__isnull=False, key__len=1).select_related("current").order_by("name")[:20]
    return {table.name: (table.key[0], queries.paths(table.current)) for table in found if table.current is not None}


@transaction.atomic
def accept(actor: Actor, proposal_id: int) -> Rule | None:
    """Into the resource's draft: a rule that tolerates a little more than was seen, or a repair for each value."""
    found = _decide(actor, proposal_id, ProposalState.ACCEPTED)
    draft = rules.draft(actor, found.resource)
    if found.template == MEND:
        _accept_repairs(actor, found)
        return None
    missing = 1 - float(found.support)
    whole = TEMPLATES[found.template].kind in (Kind.DEPENDENCY, Kind.REFERENTIAL)
    return rules.add_rule(
        actor, draft, found.template, found.params, severity=Severity.WARN if whole else Severity.BLOCK,
        threshold=min(1.0, round(missing * SLACK, 6)), evidence=found.evidence,
    )  # fmt: skip


def _accept_repairs(actor: Actor, found: Proposal) -> None:
    """A word for nothing needs no repair: the platform reads it as nothing anyway."""
    if "by" not in found.params:
        raise Conflict("这条建议没有记下凭哪些字段看出有误，照它改写会改到别处正确的值。请不予采纳，重新剖析。")
    values = [row for *row, _ in proposals.values_of(found) if row[-1]]
    if values:
        draft, params = rules.draft(actor, found.resource), found.params
        rules.add_values(
            actor, draft, field=params["field"], by=params["by"], values=values, reason=found.evidence["why"]
        )


@transaction.atomic
def refuse(actor: Actor, proposal_id: int) -> Proposal:
    """Not proposed again."""
    return _decide(actor, proposal_id, ProposalState.REFUSED)


def _decide(actor: Actor, proposal_id: int, state: ProposalState) -> Proposal:
    row = doors.row(actor, "governance.proposal", proposal_id, "change")
    found = Proposal.objects.select_for_update().get(pk=row.pk)
    if found.state != ProposalState.PROPOSED:
        raise Conflict(f"这条建议已由他人确认（{found.get_state_display()}）。")
    found.state, found.decided_by_id, found.decided_at = state, actor.person_id, timezone.now()
    found.version += 1
    found.save()
    return found
