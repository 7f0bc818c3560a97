"""数据治理。"""

from yiwang.data.governance import flows, measures, pages, queries, registers
from yiwang.data.governance.demo import build
from yiwang.data.governance.models import Issue, Objection
from yiwang.data.governance.services import scheduling
from yiwang.data.governance.services.objections import on_objection
from yiwang.data.governance.services.scoring import on_issue
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.flow.kinds import CaseKind
from yiwang.kernel.pages.limits import limit_grants, limit_menu
from yiwang.kernel.pages.manifest import Domain, MenuItem, RoleSpec

KINDS = ("rule_set", "run", "finding", "proposal", "objection", "issue", "score")


def _view(scope: Scope) -> tuple[tuple[str, str, Scope], ...]:
    return tuple((f"governance.{kind}", verb, scope) for kind in KINDS for verb in ("view", "export"))


def _menu(label: str, code: str, icon: str) -> MenuItem:
    return MenuItem(label, f"/r/governance.{code}/", (f"governance.{code}", "view"), icon=icon)


DOMAIN = Domain(
    code="governance",
    name="数据治理",
    basis=("政务数据共享条例（国令第809号）", "GB/T 36344-2018 信息技术 数据质量评价指标", "DB3208/T 219-2024 异议处理"),
    wing="data",
    menu=(
        _menu("质量检查", "run", "list"), _menu("质量规则", "rule_set", "book"), _menu("规则建议", "proposal", "list"),
        _menu("质量整改", "issue", "list"), _menu("数据异议", "objection", "list"), _menu("质量分", "score", "chart"),
        limit_menu("governance", "治理时限"),
    ),
    roles=(
        RoleSpec(
            flows.STEWARD,
            "数据治理员",
            (
                *_view(Scope.ALL),
                *((f"governance.{kind}", verb, Scope.ALL) for kind, verb in (
                    ("rule_set", "add"), ("rule_set", "change"), ("rule_set", "publish"), ("proposal", "change"), ("issue", "add"), ("rule_set", "unmask"), ("proposal", "unmask"),
                    ("objection", "add"), ("score", "add"))),
                *limit_grants("governance", "view", "export", "declare"),
                ("catalog.entry", "view", Scope.ALL),
                ("catalog.resource", "view", Scope.ALL),
            ),
        ),
        RoleSpec(
            flows.PROVIDER,
            "数据提供单位治理岗",
            (*_view(Scope.TREE), ("catalog.entry", "view", Scope.ALL), ("governance.objection", "add", Scope.ALL)),
        ),
        RoleSpec(
            flows.READER,
            "数据使用单位",
            (
                ("governance.score", "view", Scope.ALL), ("governance.objection", "add", Scope.ALL),
                ("governance.objection", "view", Scope.OWN), ("catalog.entry", "view", Scope.ALL),
            ),
        ),
    ),
    flows=flows.FLOWS,
    registers=registers.REGISTERS,
    measures=measures.MEASURES,
    headlines=("governance.valid_share",),
    urls=pages.URLS,
    jobs=scheduling.JOBS,
    demo=build,
    demo_after=("collection",),
    case_kinds=(
        CaseKind("governance.objection", "governance.objection", Objection, sections=queries.objection_sections, on_event=on_objection),
        CaseKind("governance.issue", "governance.issue", Issue, sections=queries.issue_sections, on_event=on_issue),
    ),
    words=(("bad", "拦截行数"), ("resources", "信息资源"), ("rules", "规则数"), ("governance.publish", "发布质量规则"), ("governance.reveal", "查看修复对照明文"), ("governance.check", "质量检查"), ("governance.object", "提出数据异议"),
           ("governance.issue", "发出整改单"), ("governance.score", "汇总质量分")),
)  # fmt: skip
