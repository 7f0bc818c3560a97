"""个人信息请求：核验身份 → 查找、处理 → 答复。"""

from yiwang.data.protection.terms import CLERK, LAW, STEWARD, TELLING, RequestKind
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
RECEIPT = (
    Field(
        "receipt",
        "回执说明",
        "long_text",
        required=True,
        help="删了哪些库表、文件和转出的份，各多少行，哪天删的；不要写本人的姓名和号码",
    ),
)
NOTICE = Flow(
    code="protection.notice",
    name="个人信息删除通知",
    edition="2026-1",
    stages=(
        Stage("receipt", "删除并回执", Assign(by="role", role=STEWARD, of="lead", pool=True), actions=(
            Action("deleted", "已删除", to=end("deleted"), fields=RECEIPT, basis=TELLING),
            Action("absent", "没有留存", to=end("absent"), fields=RECEIPT, basis=TELLING),
            Action("kept", "依法须保存或技术上难以删除，已停止其他处理", to=end("kept"), fields=RECEIPT,
                   basis="个人信息保护法第四十七条第二款：停止除存储和采取必要的安全保护措施之外的处理"),
        ), charge="lead", basis=TELLING),
    ),
    outcomes=(("deleted", "已删除"), ("absent", "没有留存"), ("kept", "依法保存，停止处理")),
    clocks=(ClockRule("receipt", "回执时限", limit="protection.notice.receipt", kind="promised", starts="open", stops="close"),),
    operations=(Operation("claim"), Operation("release"), Operation("urge", who=("role:" + CLERK,))),
    number="protection.notice|删除通知-{year}-{value:05d}",
    operator_role=CLERK,
    basis=TELLING,
)  # fmt: skip
FLOWS = (REQUEST, NOTICE)
