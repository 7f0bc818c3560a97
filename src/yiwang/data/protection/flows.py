"""个人信息请求：核验身份 → 查找、处理 → 答复。"""

from yiwang.data.protection.terms import CLERK, LAW, RequestKind
from yiwang.kernel.flow.definitions import Action, Assign, ClockRule, Field, Flow, Operation, Stage, end

ANSWER = (
    Field("answer", "答复", "long_text", required=True, help="本人凭查询码看到的就是这段话；不予办理的写明法律依据"),
)
HERE = Assign(by="role", role=CLERK, of="lead", pool=True)
REQUEST = Flow(
    code="protection.request",
    name="个人信息请求",
    edition="2026-1",
    stages=(
        Stage("identity", "核验身份", HERE, actions=(
            Action("verify", "身份核验无误", to="handle", basis="GB/T 35273-2020 8.7",
                   fields=(Field("verified_how", "核验方式", required=True, help="如：窗口核验身份证原件、政务服务平台实名认证"),)),
            Action("reject", "无法核验，不予办理", to=end("refused"), fields=ANSWER, basis="GB/T 35273-2020 8.7"),
        ), basis=LAW),
        Stage("handle", "查找与处理", HERE, actions=(
            Action("answer", "已办理，答复", to=end("done"), fields=ANSWER, basis=LAW),
            Action("decline", "不予办理，答复", to=end("refused"), fields=ANSWER, basis="个人信息保护法第五十条：拒绝的应当说明理由"),
        ), basis=LAW),
    ),
    outcomes=(("done", "已办理"), ("refused", "不予办理")),
    clocks=(ClockRule("answer", "答复时限", limit="protection.request.answer", variant_field="kind", kind="statutory", starts="open", stops="close"),),
    operations=(Operation("claim"), Operation("release")),
    data=(Field("kind", "请求事项", "choice", choices=tuple(RequestKind.choices)),),
    number="protection.request|个人信息-{year}-{value:05d}",
    operator_role=CLERK,
    basis=LAW,
)  # fmt: skip
FLOWS = (REQUEST,)
