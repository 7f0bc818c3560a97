"""公共数据资源普查。"""

from yiwang.data.census import jobs, measures, registers
from yiwang.data.census.demo import build
from yiwang.data.census.terms import MANAGER, UNIT
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.pages.manifest import Domain, MenuItem, RoleSpec

KINDS = ("survey", "target", "duty", "responsibility", "negative")

DOMAIN = Domain(
    code="census",
    name="普查与三清单",
    basis=("政务数据共享条例（国令第809号）", "政务信息资源目录编制指南（试行）（发改高技〔2017〕1272号）"),
    wing="data",
    menu=(
        MenuItem("数据普查", "/r/census.survey/", ("census.survey", "view"), icon="flag"),
        MenuItem("普查填报", "/r/census.target/", ("census.target", "view"), icon="list"),
        MenuItem("责任清单", "/r/census.responsibility/", ("census.responsibility", "view"), icon="book"),
        MenuItem("负面清单", "/r/census.negative/", ("census.negative", "view"), icon="book"),
        MenuItem("部门职能", "/r/census.duty/", ("census.duty", "view"), icon="list"),
    ),
    roles=(
        RoleSpec(MANAGER, "普查管理", (
            *((f"census.{code}", verb, Scope.ALL) for code in KINDS for verb in ("view", "export")),
            *(("census.survey", verb, Scope.ALL) for verb in ("add", "remind", "close")),
            *(("census.duty", verb, Scope.ALL) for verb in ("add", "change", "import")))),
        RoleSpec(UNIT, "普查填报", (
            *((f"census.{code}", "view", Scope.ALL) for code in ("survey", "responsibility", "negative")),
            ("census.target", "view", Scope.TREE), ("census.target", "report", Scope.TREE),
            *(("census.duty", verb, Scope.TREE) for verb in ("view", "add", "change", "import", "export")))),
    ),
    registers=registers.ALL,
    measures=measures.MEASURES,
    jobs=jobs.JOBS,
    demo=build,
    demo_after=("catalog",),
    words=(("units", "单位"), ("census.close_survey", "结束普查"), ("census.open_survey", "布置普查"), ("census.report_survey", "普查填报")),
)  # fmt: skip
