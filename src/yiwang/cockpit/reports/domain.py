"""报告编制。"""

from pathlib import Path

from yiwang.cockpit.reports import registers
from yiwang.cockpit.reports.demo import build
from yiwang.cockpit.reports.pages import URLS
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.measures.declarations import ReportSpec
from yiwang.kernel.pages.manifest import Domain, MenuItem, RoleSpec

RESOURCES = (registers.REPORT, registers.TEMPLATE)
# Issued reports are for every reader; a draft is its organisation's own.
EDIT = (
    *(("reports.report", verb, Scope.ALL) for verb in ("view", "export")),
    *(("reports.report", verb, Scope.TREE) for verb in ("add", "change")),
)
# Who compiles or reads the figures of the data wing must see the rows behind every one of them.
DATA_ROWS = (
    "catalog.resource", "catalog.item", "catalog.demand", "census.duty", "census.target", "collection.package", "collection.due",
    "collection.statement", "governance.run", "governance.issue", "governance.objection", "governance.score", "masters.library",
    "masters.golden", "masters.member", "masters.object", "opendata.dataset", "opendata.feedback", "opendata.use",
    "sharing.request", "sharing.usage", "sharing.delivery",
)  # fmt: skip
TEXTS = Path(__file__).parent / "templates" / "reports"
DOMAIN = Domain(
    code="reports",
    name="报告编制",
    basis=("统计法实施条例：统计数据应当有据可查",),
    wing="cockpit",
    menu=(MenuItem("报告", "/reports/", ("reports.report", "view"), icon="chart"),),
    roles=(
        RoleSpec("reports.editor", "报告编制员", EDIT),
        RoleSpec("reports.issuer", "报告签发人", (
            *EDIT, ("reports.report", "issue", Scope.TREE),
            ("reports.template", "view", Scope.ALL), ("reports.template", "change", Scope.ALL),
        )),
        RoleSpec("reports.data_reader", "数据工作统计查阅", tuple((code, "view", Scope.ALL) for code in DATA_ROWS)),
    ),
    reports=(
        ReportSpec("reports.data", "数据资源工作年度情况", (TEXTS / "data.md").read_text(encoding="utf-8"), "year",
                   "政务数据共享条例（国令第809号）"),
    ),
    urls=URLS,
    demo=build,
    demo_after=("hotline", "insight", "appraisal"),
    words=(("figures", "数字个数"), ("reports.draft", "起草报告"), ("reports.issue", "签发报告"), ("reports.save_template", "保存报告模板"), ("reports.write_note", "写报告说明"),),
)  # fmt: skip
