"""政务信息资源目录。"""

from yiwang.data.catalog import flows, measures, pages, queries, registers
from yiwang.data.catalog.demo import build
from yiwang.data.catalog.models import Application
from yiwang.data.catalog.services.review import on_publication
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.flow.kinds import CaseKind
from yiwang.kernel.pages.limits import limit_grants, limit_menu
from yiwang.kernel.pages.manifest import Domain, MenuItem, RoleSpec

Grants = tuple[tuple[str, str, Scope], ...]
KEPT = ("resource", "item", "load", "application")
READ: Grants = (
    ("catalog.entry", "view", Scope.ALL), ("catalog.category", "view", Scope.ALL), ("catalog.demand", "view", Scope.ALL),
)  # fmt: skip


def _view(scope: Scope) -> Grants:
    return (*READ, *((f"catalog.{code}", "view", scope) for code in KEPT))


def _grants(scope: Scope, *named: tuple[str, str]) -> Grants:
    return tuple((f"catalog.{code}", verb, scope) for code, verbs in named for verb in verbs.split())


DOMAIN = Domain(
    code="catalog",
    name="资源目录",
    basis=("政务信息资源目录编制指南（试行）（发改高技〔2017〕1272号）", "政务数据共享条例（国令第809号）"),
    wing="data",
    menu=(
        MenuItem("目录检索", "/catalog/", ("catalog.entry", "view"), icon="search"),
        MenuItem("目录编制", "/r/catalog.resource/", ("catalog.resource", "view"), icon="list"),
        MenuItem("信息项", "/r/catalog.item/", ("catalog.item", "view"), icon="list"),
        MenuItem("目录审核", "/r/catalog.application/", ("catalog.application", "view"), icon="flow"),
        MenuItem("需求清单", "/r/catalog.demand/", ("catalog.demand", "view"), icon="book"),
        MenuItem("资源分类", "/r/catalog.category/", ("catalog.category", "view"), icon="book"),
        limit_menu("catalog", "目录审核时限"),
    ),
    roles=(
        RoleSpec(flows.READER, "目录查阅", READ),
        RoleSpec(flows.CLERK, "编目员", (*_view(Scope.TREE), *_grants(
            Scope.TREE, ("resource", "add change submit import export"), ("item", "export")))),
        RoleSpec(flows.OFFICER, "数据专员", _view(Scope.TREE)),
        RoleSpec(flows.CHIEF, "首席数据官", _view(Scope.TREE)),
        RoleSpec(flows.REVIEWER, "数管局审核员", (*_view(Scope.ALL), *_grants(
            Scope.ALL, ("resource", "export take_over sync"), ("category", "add export"), ("item", "export"), ("demand", "export")), *limit_grants("catalog", "view", "export", "declare"))),
    ),
    flows=flows.FLOWS,
    registers=registers.ALL,
    measures=measures.MEASURES,
    case_kinds=(CaseKind("catalog.publication", "catalog.application", Application, sections=queries.sections, on_event=on_publication),),
    urls=pages.URLS,
    demo=build,
    demo_after=("appraisal", "hotline"),
    words=(("case", "办理单"), ("codes", "资源代码"), ("outcome", "结果"),
        ("catalog.add_category", "新增分类"), ("catalog.discard", "放弃草稿"), ("catalog.draft", "起草目录"), ("catalog.grade", "信息项定级"),
        ("catalog.register", "登记资源"), ("catalog.settle_demand", "需求办结"), ("catalog.submit", "提交目录审核"), ("catalog.sync", "登记同步上级"),
    ),
)  # fmt: skip
