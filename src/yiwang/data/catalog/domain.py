"""政务信息资源目录。"""

from yiwang.data.catalog import flows, registers
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.pages.manifest import Domain, MenuItem, RoleSpec

DOMAIN = Domain(
    code="catalog",
    name="资源目录",
    basis=("政务信息资源目录编制指南（试行）（发改高技〔2017〕1272号）", "政务数据共享条例（国令第809号）"),
    wing="data",
    menu=(MenuItem("目录编制", "/r/catalog.resource/", ("catalog.resource", "view"), icon="list"),),
    roles=(
        RoleSpec(flows.READER, "目录查阅", (("catalog.entry", "view", Scope.ALL),)),
        RoleSpec(
            flows.CLERK,
            "编目员",
            (
                ("catalog.entry", "view", Scope.ALL),
                *(("catalog.resource", verb, Scope.TREE) for verb in ("view", "add", "change", "export", "import")),
            ),
        ),
        RoleSpec(flows.OFFICER, "数据专员", (("catalog.entry", "view", Scope.ALL), ("catalog.resource", "view", Scope.TREE))),
        RoleSpec(flows.CHIEF, "首席数据官", (("catalog.entry", "view", Scope.ALL), ("catalog.resource", "view", Scope.TREE))),
        RoleSpec(
            flows.REVIEWER,
            "数管局审核员",
            (
                ("catalog.entry", "view", Scope.ALL),
                ("catalog.category", "view", Scope.ALL),
                ("catalog.category", "add", Scope.ALL),
                *(("catalog.resource", verb, Scope.ALL) for verb in ("view", "export", "take_over")),
            ),
        ),
    ),
    flows=flows.FLOWS,
    registers=(registers.RESOURCES,),
    deeds=(("catalog.add_category", "新增分类"), ("catalog.register", "登记资源"), ("catalog.draft", "起草目录"), ("catalog.discard", "放弃草稿"), ("catalog.grade", "信息项定级"), ("catalog.settle_demand", "需求办结")),
)  # fmt: skip
