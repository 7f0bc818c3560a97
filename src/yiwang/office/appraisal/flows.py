"""扣分复核流程。"""

from yiwang.kernel.flow.definitions import Action, Assign, ClockRule, Flow, Operation, Stage, end

REVIEWER = "appraisal.reviewer"

APPEAL = Flow(
    code="appraisal.appeal",
    name="扣分复核",
    edition="2026-1",
    stages=(
        Stage(
            "review",
            "复核",
            Assign(by="role", role=REVIEWER, of="operator", pool=True),
            actions=(
                Action(
                    "uphold",
                    "申请成立，冲回扣分",
                    to=end("upheld"),
                    needs_opinion=True,
                    basis="考核办法：复核成立的冲回扣分并重新排名",
                ),
                Action(
                    "dismiss",
                    "申请不成立，维持扣分",
                    to=end("dismissed"),
                    needs_opinion=True,
                    basis="考核办法：复核不成立的说明理由",
                ),
            ),
            charge="operator",
            same_person="refuse",
            basis="考核办法：对扣分有异议的可申请复核，由原扣分人以外的人员办理",
        ),
    ),
    outcomes=(("upheld", "成立"), ("dismissed", "不成立")),
    clocks=(ClockRule("review", "复核时限", limit="appraisal.appeal.review", starts="open", stops="close"),),
    operations=(Operation("claim"), Operation("release"), Operation("copy"), Operation("cancel", who=("initiator",))),
    number="appraisal.appeal|复核-{year}-{value:05d}",
    operator_role=REVIEWER,
    basis="扣分与复核：柳州等地政府热线月度考核做法",
)

FLOWS = (APPEAL,)
