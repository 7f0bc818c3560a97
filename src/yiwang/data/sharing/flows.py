"""共享申请的流程：提供部门答复 → 数管局复核 → 交付。"""

from yiwang.data.sharing.terms import BUREAU, OPERATOR, PROVIDER, ShareType
from yiwang.kernel.flow.definitions import Action, Assign, ClockRule, Field, Flow, Operation, Stage, Where, end

LAW = "《政务数据共享条例》（国令第 809 号）"
CONDITIONAL = (Where("share_type", "eq", ShareType.CONDITIONAL.value),)
UNCONDITIONAL = (Where("share_type", "eq", ShareType.UNCONDITIONAL.value),)
REASONS = (
    Field("refusal_reason", "不予共享理由", "long_text", required=True),
    Field("refusal_basis", "法律、行政法规或国务院决定依据", required=True, help="写明名称与条款"),
)

REQUEST = Flow(
    code="sharing.request",
    name="共享申请",
    edition="2026-1",
    stages=(
        Stage(
            "provider",
            "提供部门答复",
            Assign(by="role", role=PROVIDER, of="lead", pool=True),
            actions=(
                Action("agree", "同意共享", to="bureau", where=UNCONDITIONAL,
                       basis=f"{LAW}：无条件共享的应当共享，不得附加条件"),
                Action(
                    "agree_conditional", "同意共享", to="bureau", where=CONDITIONAL,
                    fields=(
                        Field("condition", "共享条件", "long_text", help="不填为无附加条件"),
                        Field("granted_quota", "每日限额", "integer", help="不填为申请的次数"),
                        Field("page_rows", "每页行数", "integer", help="0 或不填：只许按键查询"),
                        Field("plain", "核准明文的字段", help="从“申请明文”里选，中文名或英文名，用顿号或逗号分开；不填的敏感字段一律脱敏"),
                    ),
                    basis=f"{LAW}：有条件共享的按条件共享",
                ),
                Action("refuse", "不予共享", to="refusal", where=CONDITIONAL, fields=REASONS,
                       basis=f"{LAW}：不予共享的应当书面说明理由和依据"),
            ),
            same_person="allow",
            basis=f"{LAW}：无条件 1 个工作日、有条件 10 个工作日内答复",
        ),
        Stage(
            "bureau",
            "数管局复核",
            Assign(by="role", role=BUREAU, of="operator", pool=True),
            actions=(
                Action("approve", "同意授权", to="deliver", basis=LAW),
                Action("return", "退回提供部门", to="provider", needs_opinion=True, basis=LAW),
            ),
            charge="operator",
            same_person="refuse",
            basis=f"{LAW}：政务数据共享主管部门统筹",
        ),
        Stage(
            "refusal",
            "不予共享复核",
            Assign(by="role", role=BUREAU, of="operator", pool=True),
            actions=(
                Action("confirm", "理由与依据充分，答复不予共享", to=end("refused"), basis=LAW,
                       confirm="将书面答复需求部门，并列入负面清单。确定吗？"),
                Action("overrule", "依据不足，退回提供部门", to="provider", needs_opinion=True, basis=LAW),
            ),
            charge="operator",
            same_person="refuse",
            basis=f"{LAW}：不予共享须有法律、行政法规或国务院决定依据",
        ),
        Stage(
            "deliver",
            "交付",
            Assign(by="role", role=OPERATOR, of="operator", pool=True),
            actions=(Action("deliver", "交付", to=end("delivered"), basis=f"{LAW}：同意共享的 20 个工作日内共享"),),
            charge="operator",
            basis=f"{LAW}：同意共享的 20 个工作日内共享",
        ),
    ),
    outcomes=(("delivered", "已交付"), ("refused", "不予共享")),
    clocks=(
        ClockRule("answer", "答复时限", limit="sharing.request.answer", variant_field="share_type", kind="statutory", starts="open",
                  stops="enter:deliver"),
        ClockRule("deliver", "交付时限", limit="sharing.request.deliver", variant_field="share_type", kind="statutory",
                  starts="enter:deliver", stops="close"),
    ),
    operations=(
        Operation("claim"), Operation("release"), Operation("copy"), Operation("cancel", who=("initiator",)),
        Operation("urge", who=("initiator",)), Operation("transfer", settings={"same": "organisation"}),
    ),
    data=(Field("share_type", "共享类型"),),
    number="sharing.request|共享-{year}-{value:05d}",
    operator_role=BUREAU,
    basis=LAW,
)  # fmt: skip

FLOWS = (REQUEST,)
