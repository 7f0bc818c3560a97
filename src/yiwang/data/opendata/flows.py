"""开放审核与公众反馈的流程。"""

from yiwang.data.opendata.terms import BASIS, CLERK, REVIEWER, SERVICE, FeedbackKind
from yiwang.kernel.flow.definitions import Action, Assign, ClockRule, Field, Flow, Operation, Stage, end

ANSWER = (
    Field("answer", "答复内容", "long_text", required=True, help="提交人凭查询码看到的就是这段话，不要写个人信息"),
)

PUBLICATION = Flow(
    code="opendata.publication",
    name="数据开放审核",
    edition="2026-1",
    stages=(
        Stage(
            "bureau",
            "数管局审核",
            Assign(by="role", role=REVIEWER, of="operator", pool=True),
            actions=(
                Action("open", "同意开放", to=end("opened"), basis=BASIS,
                       confirm="同意后即向社会公开。请确认字段、说明和样例都不含个人信息和不宜公开的内容。"),
                Action("refuse", "不同意开放", to=end("refused"), needs_opinion=True, basis=BASIS),
            ),
            charge="operator",
            same_person="refuse",
            basis=BASIS,
        ),
    ),
    outcomes=(("opened", "已开放"), ("refused", "不同意开放"), ("cancelled", "撤销")),
    clocks=(
        ClockRule("review", "审核时限", limit="opendata.publication.review", starts="open", stops="close"),
    ),
    operations=(Operation("claim"), Operation("release"), Operation("copy"), Operation("cancel", who=("initiator",))),
    number="opendata.publication|开放-{year}-{value:05d}",
    operator_role=REVIEWER,
    basis=BASIS,
)  # fmt: skip

FEEDBACK = Flow(
    code="opendata.feedback",
    name="开放数据反馈",
    edition="2026-1",
    stages=(
        Stage(
            "provider",
            "提供部门答复",
            Assign(by="role", role=CLERK, of="lead", pool=True),
            actions=(
                Action("answer", "答复", to=end("answered"), fields=ANSWER, basis=BASIS),
                Action("pass", "不属本部门，转数管局", to="bureau", verdict="pass", needs_opinion=True, basis=BASIS),
            ),
            charge="lead",
            basis=BASIS,
        ),
        Stage(
            "bureau",
            "数管局答复",
            Assign(by="role", role=SERVICE, of="operator", pool=True),
            actions=(
                Action("answer", "答复", to=end("answered"), fields=ANSWER, basis=BASIS),
                Action("return", "退回提供部门", to="provider", needs_opinion=True, basis=BASIS),
            ),
            charge="operator",
            basis=BASIS,
        ),
    ),
    outcomes=(("answered", "已答复"),),
    clocks=(
        ClockRule("answer", "答复时限", limit="opendata.feedback.answer", variant_field="kind", kind="promised", starts="open",
                  stops="close"),
    ),
    operations=(Operation("claim"), Operation("release"), Operation("copy")),
    data=(Field("kind", "反馈种类", "choice", choices=tuple(FeedbackKind.choices)),),
    number="opendata.feedback|开放反馈-{year}-{value:05d}",
    operator_role=REVIEWER,
    basis=BASIS,
)  # fmt: skip

FLOWS = (PUBLICATION, FEEDBACK)
