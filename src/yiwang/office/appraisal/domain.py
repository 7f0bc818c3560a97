"""考核督办。"""

from yiwang.kernel.access.terms import Scope
from yiwang.kernel.flow.kinds import CaseKind
from yiwang.kernel.pages.limits import limit_grants, limit_menu
from yiwang.kernel.pages.manifest import Domain, MenuItem, RoleSpec
from yiwang.office.appraisal import flows, measures, pages, queries, registers
from yiwang.office.appraisal.demo import build
from yiwang.office.appraisal.flows import REVIEWER
from yiwang.office.appraisal.models import Appeal
from yiwang.office.appraisal.services.appeals import on_appeal

KINDS = ("scheme", "version", "period", "deduction", "appeal")


def _view(scope: Scope) -> tuple[tuple[str, str, Scope], ...]:
    return tuple((f"appraisal.{kind}", "view", scope) for kind in KINDS)


DOMAIN = Domain(
    code="appraisal",
    name="考核督办",
    basis=("政府热线月度考核办法（各地）",),
    wing="office",
    menu=(
        MenuItem("考核月", "/r/appraisal.period/", ("appraisal.period", "view"), icon="chart"),
        MenuItem("扣分记录", "/r/appraisal.deduction/", ("appraisal.deduction", "view"), icon="list"),
        MenuItem("扣分复核", "/r/appraisal.appeal/", ("appraisal.appeal", "view"), icon="list"),
        MenuItem("考核办法", "/r/appraisal.scheme/", ("appraisal.scheme", "view"), icon="book"),
        MenuItem("办法版本", "/r/appraisal.version/", ("appraisal.version", "view"), icon="book"),
        limit_menu("appraisal", "复核时限"),
    ),
    roles=(
        RoleSpec(
            "appraisal.officer",
            "考核员",
            (
                *_view(Scope.ALL),
                *((resource, verb, Scope.ALL) for resource, verb in (
                    ("appraisal.scheme", "add"), ("appraisal.scheme", "open"), ("appraisal.version", "add"),
                    ("appraisal.version", "change"), ("appraisal.version", "publish"), ("appraisal.period", "add"),
                    ("appraisal.period", "open"), ("appraisal.period", "deduct"), ("appraisal.period", "freeze"),
                    ("appraisal.deduction", "add"), ("appraisal.deduction", "export"))),
                *limit_grants("appraisal", "view", "export", "declare"),
            ),
        ),
        RoleSpec(REVIEWER, "复核员", (*_view(Scope.ALL), *limit_grants("appraisal", "view"))),
        RoleSpec(
            "appraisal.unit",
            "参评单位",
            (
                ("appraisal.period", "view", Scope.ALL),
                ("appraisal.version", "view", Scope.ALL),
                ("appraisal.scheme", "view", Scope.ALL),
                ("appraisal.deduction", "view", Scope.TREE),
                ("appraisal.deduction", "appeal", Scope.TREE),
                ("appraisal.appeal", "view", Scope.TREE),
                ("appraisal.appeal", "add", Scope.TREE),
            ),
        ),
    ),
    flows=flows.FLOWS,
    registers=(registers.SCHEMES, registers.VERSIONS, registers.PERIODS, registers.DEDUCTIONS, registers.APPEALS, registers.LIMITS),
    measures=measures.MEASURES,
    case_kinds=(CaseKind("appraisal.appeal", "appraisal.appeal", Appeal, sections=queries.sections, on_event=on_appeal),),
    urls=pages.URLS,
    demo=build,
    demo_after=("hotline",),
    words=(("edition", "期"), ("subject", "对象"), ("units", "单位"), ("appraisal.appeal", "申请复核"), ("appraisal.change_units", "调整考核单位"), ("appraisal.correct_bulletin", "更正通报"), ("appraisal.create_scheme", "新建考核方案"), ("appraisal.deduct", "扣分"), ("appraisal.draft_version", "起草方案版本"), ("appraisal.freeze_period", "封存考核期"), ("appraisal.open_period", "开始考核期"), ("appraisal.publish_version", "发布方案版本"), ("appraisal.reverse", "撤销扣分"),),
)  # fmt: skip
