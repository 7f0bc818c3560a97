"""治理的台账。"""

from typing import Any

from django.urls import reverse

from yiwang.data.governance import queries
from yiwang.data.governance.models import Finding, GovernanceLimit, Issue, Objection, Proposal, RuleSet, Run, Score
from yiwang.data.governance.services import proposing, rules, scheduling, scoring
from yiwang.data.governance.terms import ProposalState, RuleSetState, RunState
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.access.doors import Resource
from yiwang.kernel.jobs.services import enqueue
from yiwang.kernel.pages.limits import limit_register
from yiwang.kernel.registers.declarations import Column, RecordAction, Register, Section
from yiwang.kernel.registers.registry import register

VIEW = (("view", "查看"), ("export", "导出"))
UNMASK = ("unmask", "查看修复对照明文")


def _draft(actor: Actor, found: RuleSet, data: dict[str, Any]) -> RuleSet:
    return rules.draft(actor, found.resource)


def _publish(actor: Actor, found: RuleSet, data: dict[str, Any]) -> RuleSet:
    return rules.publish(actor, found)


def _is_draft(actor: Actor, found: RuleSet) -> bool:
    return bool(found.state == RuleSetState.DRAFT)


def _is_published(actor: Actor, found: RuleSet) -> bool:
    return bool(found.state == RuleSetState.PUBLISHED)


def _accept(actor: Actor, found: Proposal, data: dict[str, Any]) -> object:
    return proposing.accept(actor, found.pk)


def _refuse(actor: Actor, found: Proposal, data: dict[str, Any]) -> Proposal:
    return proposing.refuse(actor, found.pk)


def _waits(actor: Actor, found: Proposal) -> bool:
    return bool(found.state == ProposalState.PROPOSED)


def _issue(actor: Actor, found: Run, data: dict[str, Any]) -> Issue:
    return scoring.open_issue(actor, found.pk)


def _held_back(actor: Actor, found: Run) -> bool:
    return found.bad > 0 and actor.can("governance.issue", "add") and not hasattr(found, "issue")


def _may_profile(actor: Actor, found: Run) -> bool:
    return bool(found.state == RunState.DONE) and actor.can("governance.proposal", "change")


def _profile(actor: Actor, found: Run, data: dict[str, Any]) -> object:
    actor.require("governance.proposal", "change")
    return enqueue(scheduling.profile, key=str(found.pk), run_id=found.pk)


def _proposed(actor: Actor, found: Proposal) -> tuple[str, str, dict[str, Any]]:
    return "建议与依据", "governance/proposal.html", queries.described(found)


def _rules(actor: Actor, found: RuleSet) -> tuple[str, str, dict[str, Any]]:
    context = {"rules": queries.ruled(found), "repairs": queries.repairs_of(found), "rule_set": found,
               "editable": _is_draft(actor, found) and actor.can("governance.rule_set", "change")}  # fmt: skip
    return "规则与修复", "governance/rules.html", context


def _verdict(actor: Actor, found: Run) -> tuple[str, str, dict[str, Any]]:
    return "各规则的结论", "governance/verdict.html", {"run": found, "findings": queries.findings_of(found)}


def _month(found: Score) -> str:
    return f"{found.month:%Y年%m月}"


def _fits(found: Proposal) -> str:
    return f"{found.support:.2%}"


RULE_SETS = register(Register(
    code="governance.rule_set", model=RuleSet, name="质量规则",
    columns=("resource_name", "number", "organisation", "state", "published_at"), filters=("state",),
    search=("resource_name",), related=("organisation",),
    sections=(Section("规则集", ("resource_name", "number", "organisation", "state", "published_at", "published_by", "digest"), form=False),),
    actions=(
        RecordAction("draft", "编制新版", _draft, available=_is_published, why="只有现行的一版可以编制新版；草稿请直接修改。", verb="add",
                     onward=lambda found: reverse("governance_edit", args=[queries.draft_of(found).pk])),
        RecordAction("publish", "发布", _publish, available=_is_draft, why="只有草稿可以发布。", confirm="发布后不能再改，此后的检查都用这一版。确定发布？"),
    ),
    resource=Resource("governance.rule_set", "质量规则", RuleSet,
                      verbs=(*VIEW, ("add", "编制新版"), ("change", "修改草稿"), ("publish", "发布"), UNMASK)),
    writes=(), panels=(_rules,), empty="还没有质量规则。资源第一次报送数据时，平台会按目录登记的内容生成一版。",
))  # fmt: skip
RUNS = register(Register(
    code="governance.run", model=Run, name="质量检查",
    columns=("resource_name", "package", "organisation", "rows", "valid", "bad", "repaired_rows", "state", "created_at"),
    filters=("state", "created_at"), search=("package", "resource_name"), large=True, sort=("-id",),
    related=("organisation", "rule_set"),
    sections=(Section("检查", ("rule_set", "package", "organisation", "state", "as_of", "rows", "valid", "bad", "warned", "repaired_rows", "repaired",
                               "message", "finished_at", "snapshot"), form=False),),
    writes=(), panels=(_verdict,),
    actions=(
        RecordAction("issue", "发整改单", _issue, available=_held_back, why="没有拦截的行，或已发过整改单。", verb="view",
                     confirm="把拦截的问题交提供单位限期整改？"),
        RecordAction("profile", "数据剖析", _profile, available=_may_profile, why="检查完成后才能剖析。", verb="view",
                     confirm="由数据提出规则建议，在后台进行，建议由人逐条确认。开始剖析？"),
    ),
    attachments=True, empty="还没有检查过数据。",
))  # fmt: skip
FINDINGS = register(Register(
    code="governance.finding", model=Finding, name="规则结论",
    columns=("run__rule_set__resource_name", "rule", "dimension", "organisation", "rows", "failed", "unknown", "passed", "created_at"),
    filters=("dimension", "passed", "created_at"), related=("organisation", "rule", "run__rule_set"), writes=(),
    append_only=True, empty="还没有结论。",
))  # fmt: skip
PROPOSALS = register(Register(
    code="governance.proposal", model=Proposal, name="规则建议",
    columns=("resource_name", "name", Column(_fits, "符合比例"), "organisation", "state", "created_at"), filters=("state",),
    search=("resource_name", "name"), related=("organisation",),
    sections=(Section("建议", ("resource_name", "name", "organisation", "state", "decided_by", "decided_at"), form=False),),
    actions=(
        RecordAction("accept", "采纳", _accept, available=_waits, why="这条建议已经确认过。", verb="change"),
        RecordAction("refuse", "不采纳", _refuse, available=_waits, why="这条建议已经确认过。", verb="change"),
    ),
    resource=Resource("governance.proposal", "规则建议", Proposal, verbs=(*VIEW, ("change", "采纳与不采纳"), UNMASK)),
    writes=(), panels=(_proposed,), empty="还没有建议。在“质量检查”里打开一次检查，点“数据剖析”即可得到。",
))  # fmt: skip
OBJECTIONS = register(Register(
    code="governance.objection", model=Objection, name="数据异议",
    columns=(Column("case__number", "单号"), Column("case__title", "异议"), "organisation", "mark", "raised_on", "decided_at"),
    filters=("mark", "raised_on"), search=("resource_name", "field"), related=("organisation", "case"),
    link=lambda record: reverse("case", args=[record.case_id]), writes=(),
    empty="没有数据异议。对某一项数据有异议，在“目录检索”里打开该资源，点“数据有误？”下的链接。",
))  # fmt: skip
ISSUES = register(Register(
    code="governance.issue", model=Issue, name="质量整改",
    columns=(Column("case__number", "单号"), "run", "organisation", "state", "created_at", "closed_at"),
    filters=("state", "created_at"), related=("organisation", "case", "run__rule_set"),
    link=lambda record: reverse("case", args=[record.case_id]), writes=(), empty="没有整改单。",
))  # fmt: skip
SCORES = register(Register(
    code="governance.score", model=Score, name="质量分",
    columns=(Column(_month, "月份"), "resource_name", "organisation", "score", "run__valid", "run__rows"), filters=("month",),
    search=("resource_name",), related=("organisation", "run__rule_set"), writes=(), empty="还没有质量分；每月由检查结果汇总。",
))  # fmt: skip
LIMITS = limit_register("governance", "治理时限", GovernanceLimit)
REGISTERS = (RULE_SETS, RUNS, FINDINGS, PROPOSALS, OBJECTIONS, ISSUES, SCORES, LIMITS)
