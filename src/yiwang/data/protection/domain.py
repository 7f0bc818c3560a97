"""数据安全与个人信息保护。"""

from yiwang.data.protection import demo, flows, jobs, measures, pages, queries, registers
from yiwang.data.protection.models import Notice, PersonRequest
from yiwang.data.protection.services.notices import on_notice
from yiwang.data.protection.services.persons import on_request
from yiwang.data.protection.terms import CLERK, STEWARD
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.flow.kinds import CaseKind
from yiwang.kernel.pages.limits import limit_grants, limit_menu
from yiwang.kernel.pages.manifest import Domain, MenuItem, PublicItem, RoleSpec

KEEPER = "protection.keeper"
REGISTERS = (
    registers.SCANS,
    registers.FINDINGS,
    registers.RULES,
    registers.MASKS,
    registers.ACCESSES,
    registers.REQUESTS,
    registers.NOTICES,
    registers.LIMITS,
)
READ = tuple(
    (resource, verb)
    for resource in ("protection.scan", "protection.finding", "protection.access")
    for verb in ("view", "export")
)
RULES = tuple((resource, "view", Scope.ALL) for resource in ("protection.rule", "protection.mask"))
DOMAIN = Domain(
    code="protection",
    name="数据安全",
    basis=("数据安全法", "个人信息保护法", "GB/T 43697-2024", "DB34/T 4631.2-2023", "GB/T 39477-2020"),
    wing="data",
    menu=(
        MenuItem("识别敏感数据", "/protection/scans/start/", ("protection.scan", "add"), icon="search"),
        MenuItem("个人信息请求", "/r/protection.request/", ("protection.request", "view"), icon="shield"),
        MenuItem("登记个人信息请求", "/protection/requests/new/", ("protection.request", "add"), icon="shield"),
        MenuItem("删除通知", "/r/protection.notice/", ("protection.notice", "view"), icon="shield"),
        limit_menu("protection", "个人信息请求时限"),
        MenuItem("敏感数据识别", "/r/protection.scan/", ("protection.scan", "view"), icon="shield"),
        MenuItem("分级与脱敏规则", "/r/protection.rule/", ("protection.rule", "view"), icon="shield"),
        MenuItem("敏感数据访问", "/r/protection.access/", ("protection.access", "view"), icon="shield"),
    ),
    roles=(
        RoleSpec(
            KEEPER,
            "数据安全管理员",
            (
                *((resource, verb, Scope.ALL) for resource, verb in READ),
                *(("protection.scan", verb, Scope.ALL) for verb in ("add", "decide")),
                *RULES,
                *(("protection.rule", verb, Scope.ALL) for verb in ("add", "replace", "export")),
                ("protection.mask", "export", Scope.ALL),
                *limit_grants("protection", "view", "export", "declare"),
                ("catalog.entry", "view", Scope.ALL),
                ("catalog.resource", "view", Scope.ALL),
                ("catalog.resource", "grade", Scope.ALL),
            ),
        ),
        RoleSpec(
            CLERK,
            "个人信息请求办理",
            (*(("protection.request", verb, Scope.TREE) for verb in ("view", "add", "handle", "export")),
             *(("protection.notice", verb, Scope.ALL) for verb in ("view", "export")), *limit_grants("protection", "view")),
        ),
        RoleSpec(
            STEWARD,
            "部门数据安全员",
            (
                *((resource, verb, Scope.TREE) for resource, verb in READ),
                *(("protection.scan", verb, Scope.TREE) for verb in ("add", "decide")),
                *(("protection.notice", verb, Scope.TREE) for verb in ("view", "handle", "export")),
                *RULES,
                ("catalog.resource", "view", Scope.TREE),
                ("catalog.resource", "grade", Scope.TREE),
            ),
        ),
    ),
    flows=flows.FLOWS,
    measures=measures.MEASURES,
    case_kinds=(CaseKind("protection.request", "protection.request", PersonRequest, sections=queries.sections, on_event=on_request,
                         links=lambda actor, found: [("查找与删除", f"/protection/requests/{found.pk}/")]),
                CaseKind("protection.notice", "protection.notice", Notice, sections=queries.notice_sections, on_event=on_notice,
                         links=lambda actor, found: [("查看要删除的人", f"/protection/notices/{found.pk}/")])),
    urls=pages.URLS,
    public=(PublicItem("个人信息权利请求", "/public/personal-information/", "查阅、复制、更正、删除本人信息或撤回同意（个人信息保护法第四十四至四十七条）。"),),
    demo=demo.build,
    demo_after=("catalog", "collection"),
    registers=REGISTERS,
    jobs=jobs.JOBS,
    words=(("grading", "定级规则数"), ("masks", "脱敏规则数"), ("resource", "信息资源"),
        ("protection.scan", "发起敏感数据识别"), ("protection.decide", "确认定级"), ("protection.load_standard", "载入随附规则"),
        ("protection.replace_grading", "修订定级规则"), ("protection.person_request", "登记个人信息请求"),
        ("protection.reveal_person", "查看请求人"), ("protection.find_person", "查找本人数据"), ("protection.erase_person", "删除本人数据"),
        ("protection.tell_recipient", "通知接收部门删除"),
    ),
)  # fmt: skip
