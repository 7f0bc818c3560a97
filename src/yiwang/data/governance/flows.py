"""异议校核与问题整改。期限取自“期限”表，不写在流程里。"""

from yiwang.kernel.flow.definitions import Action, Assign, ClockRule, Field, Flow, Operation, Stage, end

STEWARD, PROVIDER, READER = "governance.steward", "governance.provider", "governance.reader"
BASIS = "政务数据共享条例（国令第809号）关于校核纠错的规定；异议处理参照 DB3208/T 219-2024：提出、受理、标注、核实处理、标注撤销"
VERIFY, RECTIFY = "verify", "rectify"

OBJECTION = Flow(
    code="governance.objection",
    name="数据异议校核",
    edition="2026-2",
    stages=(
        Stage(
            "acceptance", "受理",
            Assign(by="role", role=STEWARD, of="operator", pool=True),
            actions=(
                Action("accept", "受理，交提供单位核实", to="verification", basis=BASIS),
                Action("decline", "不予受理", to=end("unfounded"), needs_opinion=True, basis=BASIS),
            ),
            charge="operator", basis=BASIS,
        ),
        Stage(
            "verification", "核实处理",
            Assign(by="role", role=PROVIDER, of="lead", pool=True),
            actions=(
                Action("corrected", "确有错误，已在新快照更正", to=end("corrected"), needs_opinion=True, basis=BASIS,
                       fields=(Field("snapshot", "更正所在快照", "integer", required=True, help="更正后的数据已发布的快照编号"),)),
                Action("unfounded", "核实无误", to=end("unfounded"), needs_opinion=True, basis=BASIS),
            ),
            charge="lead", basis=BASIS,
        ),
    ),
    outcomes=(("corrected", "已更正"), ("unfounded", "核实无误"), ("cancelled", "撤回")),
    clocks=(ClockRule(VERIFY, "异议校核时限", limit=f"governance.objection.{VERIFY}", starts="open", stops="close", kind="statutory"),),
    operations=(Operation("claim"), Operation("release"), Operation("copy"), Operation("cancel", who=("initiator",))),
    number="governance.objection|异议-{year}-{value:05d}",
    operator_role=STEWARD,
    basis=BASIS,
)  # fmt: skip

ISSUE = Flow(
    code="governance.issue",
    name="数据质量整改",
    edition="2026-1",
    stages=(
        Stage(
            "rectification", "整改",
            Assign(by="role", role=PROVIDER, of="lead", pool=True),
            actions=(
                Action("fixed", "已更正并重新报送", to="review", needs_opinion=True, basis=BASIS),
                Action("explained", "情况说明：数据无误或无法取得", to="review", needs_opinion=True, basis=BASIS),
            ),
            charge="lead", basis=BASIS,
        ),
        Stage(
            "review", "复核",
            Assign(by="role", role=STEWARD, of="operator", pool=True),
            actions=(
                Action("agree_fixed", "整改合格", to=end("fixed"), basis=BASIS),
                Action("agree_explained", "说明成立", to=end("explained"), basis=BASIS),
                Action("again", "退回继续整改", to="rectification", needs_opinion=True, basis=BASIS),
            ),
            charge="operator", basis=BASIS,
        ),
    ),
    outcomes=(("fixed", "已整改"), ("explained", "已说明"), ("cancelled", "撤销")),
    clocks=(ClockRule(RECTIFY, "整改时限", limit=f"governance.issue.{RECTIFY}", starts="open", stops="close", kind="promised"),),
    operations=(Operation("claim"), Operation("release"), Operation("copy"), Operation("urge", who=("role:" + STEWARD,)), Operation("cancel", who=("initiator",))),
    data=(Field("run", "检查", "integer"),),
    number="governance.issue|整改-{year}-{value:05d}",
    operator_role=STEWARD,
    basis=BASIS,
)  # fmt: skip
FLOWS = (OBJECTION, ISSUE)
