"""数据开放。"""

from yiwang.data.opendata import api, demo, flows, jobs, measures, pages, queries, registers
from yiwang.data.opendata.models import Application, Feedback
from yiwang.data.opendata.services.feedback import on_feedback
from yiwang.data.opendata.services.opening import on_application
from yiwang.data.opendata.terms import BASIS, CLERK, REVIEWER, SERVICE
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.flow.kinds import CaseKind
from yiwang.kernel.pages.limits import limit_grants, limit_menu
from yiwang.kernel.pages.manifest import Domain, MenuItem, PublicItem, RoleSpec

REGISTERS = ("dataset", "application", "edition", "feedback", "use", "subscription")


def _read(scope: Scope) -> tuple[tuple[str, str, Scope], ...]:
    return (
        ("catalog.entry", "view", Scope.ALL), *limit_grants("opendata", "view"),
        *((f"opendata.{code}", verb, scope) for code in REGISTERS for verb in ("view", "export")),
    )  # fmt: skip


DOMAIN = Domain(
    code="opendata",
    name="数据开放",
    basis=(BASIS, "GB/T 38664 政务数据开放共享", "GB/T 43697-2024 分类分级"),
    wing="data",
    menu=(
        MenuItem("申请开放", "/opendata/apply/", ("opendata.dataset", "add"), icon="list"),
        MenuItem("开放数据集", "/r/opendata.dataset/", ("opendata.dataset", "view"), icon="book"),
        MenuItem("开放申请", "/r/opendata.application/", ("opendata.application", "view"), icon="flow"),
        MenuItem("公众反馈", "/r/opendata.feedback/", ("opendata.feedback", "view"), icon="list"),
        MenuItem("发布的数据", "/r/opendata.edition/", ("opendata.edition", "view"), icon="list"),
        MenuItem("开放使用量", "/r/opendata.use/", ("opendata.use", "view"), icon="chart"),
        MenuItem("开放订阅", "/r/opendata.subscription/", ("opendata.subscription", "view"), icon="list"),
        limit_menu("opendata", "开放时限"),
    ),
    roles=(
        RoleSpec(CLERK, "数据开放员", (*_read(Scope.TREE), ("opendata.dataset", "add", Scope.TREE), ("opendata.dataset", "withdraw", Scope.TREE))),
        RoleSpec(REVIEWER, "开放审核员", (*_read(Scope.ALL), ("opendata.dataset", "withdraw", Scope.ALL), *limit_grants("opendata", "export", "declare"))),
        RoleSpec(SERVICE, "开放服务员", _read(Scope.ALL)),
    ),
    flows=flows.FLOWS,
    registers=registers.ALL,
    measures=measures.MEASURES,
    case_kinds=(
        CaseKind("opendata.publication", "opendata.application", Application, sections=queries.application_sections,
                 on_event=on_application),
        CaseKind("opendata.feedback", "opendata.feedback", Feedback, sections=queries.feedback_sections, on_event=on_feedback),
    ),
    urls=(*pages.URLS, *api.URLS),
    public=(
        PublicItem("开放数据", "/public/open/", "查找、预览、下载部门开放的数据；提供 CKAN 兼容接口和 DCAT 目录。"),
        PublicItem("开放需求与纠错", "/public/open/talk/", "想要的数据没有开放，或数据有误，请告诉我们；凭查询码看答复。"),
    ),
    jobs=jobs.JOBS,
    demo=demo.build,
    demo_after=("catalog", "collection", "protection"),
    words=(("case", "办理单"), ("columns", "列"), ("edition", "期"), ("limit", "时限"), ("resource", "信息资源"), ("snapshot", "快照"),
        ("opendata.apply", "申请开放数据"), ("opendata.publish", "发布开放数据文件"), ("opendata.withdraw", "撤下开放数据"),
    ),
)  # fmt: skip
