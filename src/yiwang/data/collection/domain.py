"""数据归集。"""

from yiwang.data.collection import api, flows, jobs, measures, pages, queries, registers
from yiwang.data.collection.demo import build
from yiwang.data.collection.models import Reminder
from yiwang.data.collection.services.watching import on_reminder
from yiwang.data.collection.terms import CLERK, MANAGER, OBSERVER
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.flow.kinds import CaseKind
from yiwang.kernel.pages.limits import limit_grants, limit_menu
from yiwang.kernel.pages.manifest import Domain, MenuItem, RoleSpec

PACKAGE, SOURCE, DELIVERY = queries.PACKAGE, queries.SOURCE, queries.DELIVERY
LEDGERS = ("collection.stock", "collection.due", "collection.reminder", "collection.statement")


def _views(scope: Scope) -> tuple[tuple[str, str, Scope], ...]:
    return ((PACKAGE, "view", scope), *((ledger, "view", scope) for ledger in LEDGERS))


ROLES = (
    RoleSpec(CLERK, "归集报送员", (
        *_views(Scope.TREE), ("catalog.entry", "view", Scope.ALL), (DELIVERY, "add", Scope.TREE), (SOURCE, "view", Scope.TREE),
        (PACKAGE, "confirm", Scope.TREE), (PACKAGE, "withdraw", Scope.TREE), *limit_grants("collection", "view"))),
    RoleSpec(MANAGER, "归集管理员", (
        *_views(Scope.ALL), ("catalog.entry", "view", Scope.ALL), (DELIVERY, "add", Scope.ALL),
        *((SOURCE, verb, Scope.ALL) for verb in ("view", "add", "change", "export")),
        *((PACKAGE, verb, Scope.ALL) for verb in ("export", "confirm", "withdraw", "approve", "replay", "rollback")),
        *((ledger, "export", Scope.ALL) for ledger in LEDGERS), *limit_grants("collection", "view", "export", "declare"))),
    RoleSpec(OBSERVER, "归集查阅", _views(Scope.ALL)),
)  # fmt: skip

DOMAIN = Domain(
    code="collection",
    name="数据归集",
    basis=("政务数据共享条例（国令第809号）", "政务信息资源目录编制指南（试行）（发改高技〔2017〕1272号）"),
    wing="data",
    menu=(
        MenuItem("报送数据", "/collection/upload/", (DELIVERY, "add"), icon="upload"),
        MenuItem("数据包", f"/r/{PACKAGE}/", (PACKAGE, "view"), icon="list"),
        MenuItem("数据来源", f"/r/{SOURCE}/", (SOURCE, "view"), icon="flow"),
        MenuItem("更新催报", "/r/collection.reminder/", ("collection.reminder", "view"), icon="bell"),
        MenuItem("返还对账", "/collection/statement/", ("collection.statement", "view"), icon="book"),
        MenuItem("存量账", "/r/collection.stock/", ("collection.stock", "view"), icon="chart"),
        limit_menu("collection", "归集时限"),
    ),
    roles=ROLES,
    flows=flows.FLOWS,
    registers=registers.REGISTERS,
    measures=measures.MEASURES,
    headlines=("collection.rows", "collection.on_time"),
    case_kinds=(
        CaseKind("collection.reminder", "collection.reminder", Reminder, sections=queries.sections, on_event=on_reminder),
    ),
    urls=(*pages.URLS, *api.URLS),
    jobs=jobs.JOBS,
    demo=build,
    demo_after=("catalog",),
    words=(("resource", "信息资源"), ("snapshot", "快照"),
        ("collection.receive", "接收数据包"), ("collection.confirm_mapping", "确认表头对应"), ("collection.publish", "数据入库"), ("collection.taken_over", "承接已有数据"),
        ("collection.rollback", "回退数据"), ("collection.replay", "重放数据包"), ("collection.withdrawn", "撤回数据包"),
        ("collection.refused", "退回数据包"), ("collection.source.created", "登记来源"), ("collection.source.changed", "修改来源"),
        ("collection.landing.opened", "开通前置库"), ("collection.push.begun", "开始接口推送"),
    ),
)  # fmt: skip
