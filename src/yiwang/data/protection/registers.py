"""规则、识别、访问记录的台账。"""

from typing import Any

from yiwang.data.protection import flows, queries, services
from yiwang.data.protection.models import (
    AccessEntry,
    Finding,
    GradingRule,
    MaskRule,
    Notice,
    PersonLimit,
    PersonRequest,
    Scan,
)
from yiwang.data.protection.terms import Level, ScanState
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.access.doors import Resource, register_resource
from yiwang.kernel.flow.definitions import Field
from yiwang.kernel.pages.limits import limit_register
from yiwang.kernel.registers.declarations import Column, Filter, RecordAction, Register, Section
from yiwang.kernel.registers.registry import register
from yiwang.standards.sensitive import SensitiveKind

VIEW, EXPORT = ("view", "查看"), ("export", "导出")
RULE = register_resource(
    Resource("protection.rule", "定级规则", GradingRule, verbs=(VIEW, ("add", "新增"), ("replace", "修订"), EXPORT))
)
MASK = register_resource(Resource("protection.mask", "脱敏规则", MaskRule, verbs=(VIEW, EXPORT)))
SCAN = register_resource(
    Resource("protection.scan", "敏感数据识别", Scan, verbs=(VIEW, ("add", "发起"), ("decide", "确认定级"), EXPORT))
)
FINDING = register_resource(
    Resource(
        "protection.finding", "识别结果", Finding, organisation="scan__organisation", owner=None, verbs=(VIEW, EXPORT)
    )
)
ACCESS = register_resource(
    Resource(
        "protection.access", "敏感数据访问", AccessEntry, organisation="provider", owner="person", verbs=(VIEW, EXPORT)
    )
)


def _kinds(rule: GradingRule) -> str:
    return "、".join(SensitiveKind(kind).label for kind in rule.kinds)


def _evidence(finding: Finding) -> str:
    return "；".join(finding.evidence) or "—"


def _reasons(finding: Finding) -> str:
    return "；".join(f"{rule['level']} 级：{rule['basis']}" for rule in finding.rules) or "没有规则要求更高"


def _fields(entry: AccessEntry) -> str:
    return "、".join(entry.fields)


def _replace(actor: Actor, rule: GradingRule, data: dict[str, Any]) -> GradingRule:
    return services.replace_grading(
        actor, rule.code, name=rule.name, kinds=rule.kinds, rows_from=rule.rows_from, level=int(data["level"]),
        valid_from=data["valid_from"], basis=data["basis"],
    )  # fmt: skip


def _accept_all(actor: Actor, scan: Scan, data: dict[str, Any]) -> Scan:
    return services.accept_all(actor, scan.pk)


def _proposed(actor: Actor, scan: Scan) -> bool:
    return scan.state == ScanState.PROPOSED


LEVELS = tuple((str(value), label) for value, label in Level.choices)

RULES = register(
    Register(
        code="protection.rule", model=GradingRule, name="定级规则", resource=RULE,
        columns=("name", Column(_kinds, "敏感类别"), "rows_from", "level", "valid_from", "valid_until", "code"),
        filters=("level", Filter("valid_from", kind="dates")), search=("code", "name"), sort=("code",), writes=(),
        sections=(Section("规则", ("code", "name", Column(_kinds, "敏感类别"), "rows_from", "level")),
                  Section("效力", ("basis", "valid_from", "valid_until"))),
        actions=(
            RecordAction("replace", "修订", _replace, fields=(
                Field("level", "新的分级", "choice", required=True, choices=LEVELS),
                Field("valid_from", "生效日期", "date", required=True), Field("basis", "依据", required=True)),
                confirm="旧规则到新规则生效前一日为止，已定的级不会自动改变，确定修订吗？"),
        ),
        empty="还没有定级规则。请系统管理员载入随平台给出的一套，再按本地规定修订。",
    )
)  # fmt: skip

MASKS = register(
    Register(
        code="protection.mask", model=MaskRule, name="脱敏规则", resource=MASK,
        columns=("kind", "recipient", "method", "basis", "valid_from", "valid_until"),
        filters=("kind", "recipient", "method"), sort=("kind", "recipient"), writes=(),
        sections=(Section("规则", ("kind", "recipient", "method")), Section("效力", ("basis", "valid_from", "valid_until"))),
        empty="还没有脱敏规则；没有规则的敏感信息项一律替换，不会外流。",
    )
)  # fmt: skip

SCANS = register(
    Register(
        code="protection.scan", model=Scan, name="敏感数据识别", resource=SCAN,
        columns=("resource_name", "resource_code", "organisation", "state", "rows", "sampled", "finished_at"),
        filters=("state", Filter("created_at", kind="dates")), search=("resource_name", "resource_code"), sort=("-id",),
        related=("organisation",), writes=(), link=lambda found: f"/protection/scans/{found.pk}/",
        sections=(Section("资源", ("resource_name", "resource_code", "organisation", "snapshot", "rows")),
                  Section("识别", ("state", "sampled", "note", "finished_at"))),
        actions=(
            RecordAction("accept_all", "全部按建议定级", _accept_all, verb="decide", available=_proposed,
                         why="只有待确认的识别可以定级。", confirm="没有逐项确认的信息项将按建议定级，确定吗？"),
        ),
        empty="还没有做过识别。从“识别敏感数据”选资源发起。",
    )
)  # fmt: skip

FINDINGS = register(
    Register(
        code="protection.finding", model=Finding, name="识别结果", resource=FINDING,
        columns=("scan", "title", "kind", "confidence", "level", "decision", "decided_kind", "decided_level"),
        filters=("decision", "kind", "level"), search=("title", "name"), sort=("-id",), related=("scan",), writes=(), large=True,
        sections=(Section("信息项", ("scan", "title", "name")),
                  Section("建议", ("kind", "confidence", "level", Column(_evidence, "证据"), Column(_reasons, "定级理由"))),
                  Section("决定", ("decision", "decided_kind", "decided_level", "reason"))),
        empty="还没有识别结果。",
    )
)  # fmt: skip

ACCESSES = register(
    Register(
        code="protection.access", model=AccessEntry, name="敏感数据访问", resource=ACCESS,
        columns=("at", "resource_name", "organisation", "person", "door", Column(_fields, "信息项"), "rows", "purpose"),
        filters=("door", Filter("at", kind="dates")), search=("resource_name", "purpose", "reference"), sort=("-id",), large=True,
        related=("organisation", "person"), writes=(),
        sections=(Section("访问", ("at", "resource_name", "provider", "snapshot", Column(_fields, "信息项"), "rows")),
                  Section("访问人", ("person", "organisation", "door", "purpose", "reference"))),
        empty="还没有人读取过敏感数据。",
    )
)  # fmt: skip

OUTCOMES = dict(flows.REQUEST.outcomes)


def _outcome(found: PersonRequest) -> str:
    return OUTCOMES.get(found.outcome, "办理中")


def _notice_outcome(found: Notice) -> str:
    return queries.OUTCOMES.get(found.outcome, "待回执")


REQUESTS = register(
    Register(
        code="protection.request", model=PersonRequest, name="个人信息请求",
        resource=Resource("protection.request", "个人信息请求", PersonRequest, verbs=(VIEW, ("add", "登记"), ("handle", "办理"), EXPORT)),
        columns=("id", "kind", "organisation", "verified", "due_at", "answered_at", Column(_outcome, "结果"), "created_at"),
        filters=("kind", "verified", Filter("created_at", kind="dates")), sort=("-id",), related=("organisation",), writes=(),
        link=lambda found: f"/protection/requests/{found.pk}/",
        sections=(Section("请求", ("kind", "organisation", "basis", "due_at")),
                  Section("办理", ("verified", "verified_how", "answered_at", "answer", Column(_outcome, "结果")))),
        empty="还没有个人信息请求。",
    )
)  # fmt: skip

NOTICES = register(
    Register(
        code="protection.notice", model=Notice, name="删除通知",
        resource=Resource("protection.notice", "删除通知", Notice, owner=None, verbs=(VIEW, ("handle", "查看要删除的人"), EXPORT)),
        columns=(Column("case__number", "通知单号"), "organisation", "created_at", "due_at", "answered_at", Column(_notice_outcome, "回执")),
        filters=(Filter("created_at", kind="dates"), Filter("organisation", kind="organisation")), sort=("-id",),
        related=("organisation", "case"), writes=(), link=lambda found: f"/protection/notices/{found.pk}/",
        sections=(Section("通知", (Column("case__number", "通知单号"), "organisation", "created_at", "due_at")),
                  Section("回执", ("answered_at", Column(_notice_outcome, "回执"), "receipt"))),
        empty="没有删除通知。个人信息依法删除后，接收过该数据的部门会在这里收到通知。",
    )
)  # fmt: skip

LIMITS = limit_register("protection", "个人信息请求时限", PersonLimit)
