"""数据安全与个人信息保护。"""

from yiwang.data.protection import jobs, registers
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.pages.manifest import Domain, MenuItem, RoleSpec

KEEPER, STEWARD = "protection.keeper", "protection.steward"
REGISTERS = (registers.SCANS, registers.FINDINGS, registers.RULES, registers.MASKS, registers.ACCESSES)
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
                ("catalog.entry", "view", Scope.ALL),
                ("catalog.resource", "view", Scope.ALL),
                ("catalog.resource", "grade", Scope.ALL),
            ),
        ),
        RoleSpec(
            STEWARD,
            "部门数据安全员",
            (
                *((resource, verb, Scope.TREE) for resource, verb in READ),
                *(("protection.scan", verb, Scope.TREE) for verb in ("add", "decide")),
                *RULES,
                ("catalog.resource", "view", Scope.TREE),
                ("catalog.resource", "grade", Scope.TREE),
            ),
        ),
    ),
    registers=REGISTERS,
    jobs=jobs.JOBS,
    deeds=(
        ("protection.scan", "发起敏感数据识别"), ("protection.decide", "确认定级"), ("protection.load_standard", "载入随附规则"),
        ("protection.replace_grading", "修订定级规则"),
    ),
)  # fmt: skip
