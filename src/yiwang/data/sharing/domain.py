"""共享交换。"""

from yiwang.data.sharing import demo, flows, jobs, measures, pages, queries, registers
from yiwang.data.sharing.models import Request
from yiwang.data.sharing.services.handing import deliver
from yiwang.data.sharing.services.requests import on_request
from yiwang.data.sharing.terms import BUREAU, OPERATOR, PROVIDER, REQUESTER
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.flow.kinds import CaseKind
from yiwang.kernel.pages.limits import limit_grants, limit_menu
from yiwang.kernel.pages.manifest import Domain, MenuItem, RoleSpec

CATALOGUE = (("catalog.entry", "view", Scope.ALL),)


def _on(scope: Scope, resource: str, *verbs: str) -> tuple[tuple[str, str, Scope], ...]:
    return tuple((f"sharing.{resource}", verb, scope) for verb in verbs)


ROLES = (
    RoleSpec(REQUESTER, "数据需求", (
        *CATALOGUE, *_on(Scope.TREE, "request", "view", "export", "add", "try"),
        *_on(Scope.TREE, "grant", "view", "issue", "receive"), *_on(Scope.TREE, "apikey", "view", "revoke"),
        *_on(Scope.TREE, "call", "view"), *_on(Scope.TREE, "usage", "view", "export"), *_on(Scope.TREE, "delivery", "view"),
        *_on(Scope.TREE, "target", "view", "add"), *limit_grants("sharing", "view"))),
    RoleSpec(PROVIDER, "数据提供审核", (
        *CATALOGUE, *_on(Scope.TREE, "asked", "view", "export"), *_on(Scope.TREE, "provided", "view", "export", "suspend", "revoke"),
        *_on(Scope.TREE, "read", "view"), *_on(Scope.TREE, "reader", "view", "export"), *limit_grants("sharing", "view"))),
    RoleSpec(BUREAU, "共享复核", (
        *CATALOGUE, *_on(Scope.ALL, "request", "view", "export"), *_on(Scope.ALL, "grant", "view", "export", "suspend", "revoke", "quota"),
        *_on(Scope.ALL, "call", "view"), *_on(Scope.ALL, "usage", "view", "export"), *_on(Scope.ALL, "delivery", "view", "export"),
        *limit_grants("sharing", "view", "export", "declare"), *_on(Scope.ALL, "serving", "view"))),
    RoleSpec(OPERATOR, "接口管理", (
        *CATALOGUE, *_on(Scope.ALL, "request", "view"), *_on(Scope.ALL, "grant", "view", "issue", "quota", "suspend", "revoke", "deliver"),
        *_on(Scope.ALL, "apikey", "view", "revoke"), *_on(Scope.ALL, "call", "view", "export"), *_on(Scope.ALL, "usage", "view"),
        *_on(Scope.ALL, "delivery", "view"), *_on(Scope.ALL, "serving", "view", "build"), *limit_grants("sharing", "view"))),
)  # fmt: skip

DOMAIN = Domain(
    code="sharing",
    name="共享交换",
    basis=("《政务数据共享条例》（国令第 809 号）", "发改高技〔2017〕1272 号", "GB/T 38664"),
    wing="data",
    menu=(
        MenuItem("申请共享", "/sharing/apply/", ("sharing.request", "add"), icon="search"),
        MenuItem("我的共享", "/sharing/mine/", ("sharing.grant", "view"), icon="list"),
        MenuItem("谁在用我的数据", "/sharing/readers/", ("sharing.provided", "view"), icon="chart"),
        MenuItem("共享申请", "/r/sharing.request/", ("sharing.request", "view"), icon="list"),
        MenuItem("收到的共享申请", "/r/sharing.asked/", ("sharing.asked", "view"), icon="list"),
        MenuItem("共享授权", "/r/sharing.grant/", ("sharing.grant", "quota"), icon="book"),
        MenuItem("接口密钥", "/r/sharing.apikey/", ("sharing.apikey", "view"), icon="gear"),
        MenuItem("调用记录", "/r/sharing.call/", ("sharing.grant", "quota"), icon="list"),
        MenuItem("交付记录", "/r/sharing.delivery/", ("sharing.grant", "quota"), icon="list"),
        MenuItem("推送目标", "/r/sharing.target/", ("sharing.target", "add"), icon="gear"),
        MenuItem("服务表", "/r/sharing.serving/", ("sharing.serving", "view"), icon="gear"),
        limit_menu("sharing", "共享时限"),
    ),
    roles=ROLES,
    flows=flows.FLOWS,
    registers=(
        registers.REQUESTS, registers.ASKED, registers.GRANTS, registers.PROVIDED, registers.KEYS, registers.CALLS,
        registers.READS, registers.USAGE, registers.READERS, registers.DELIVERIES, registers.TARGETS, registers.SERVING,
        registers.LIMITS,
    ),
    measures=measures.MEASURES, headlines=("sharing.calls",),
    case_kinds=(
        CaseKind("sharing.request", "sharing.request", Request, verbs={"deliver": deliver}, sections=queries.sections,
                 on_event=on_request),
    ),
    urls=pages.URLS,
    jobs=jobs.JOBS,
    demo=demo.build,
    demo_after=("catalog", "protection"),
    words=(("answer_basis", "答复时限依据"), ("answered", "应答次数"), ("days", "天数"), ("first_day", "首日"), ("last_day", "末日"), ("filter", "数据范围"), ("key", "密钥编号"), ("quota", "每日限额"), ("refused", "拒绝次数"), ("resource", "信息资源"),
        ("sharing.apply", "申请共享"), ("sharing.give", "授权共享"), ("sharing.end_grant", "暂停、恢复或撤销授权"),
        ("sharing.change_quota", "调整限额"), ("sharing.issue_key", "签发密钥"), ("sharing.revoke_key", "作废密钥"),
        ("sharing.sandbox", "开通沙箱"), ("sharing.take_over_usage", "补录历史用量"), ("sharing.register_target", "登记推送目标"), ("sharing.choose_target", "选择推送目标"),
        ("sharing.deliver", "交付数据"), ("sharing.fetch", "下载文件包"),
    ),
)  # fmt: skip
