"""目录审核：数据专员 → 首席数据官 → 数管局。"""

from typing import Literal

from yiwang.kernel.flow.definitions import Action, Assign, ClockRule, Flow, Operation, Stage, end

CLERK, OFFICER, CHIEF, REVIEWER, READER = (
    "catalog.clerk", "catalog.officer", "catalog.chief", "catalog.reviewer", "catalog.reader",
)  # fmt: skip
BASIS = "政务数据共享条例：部门编制、主管部门审核、统一发布；三级审核参照六安市做法"


def _stage(code: str, name: str, role: str, of: str, to: str, charge: Literal["lead", "operator"]) -> Stage:
    agree = Action("agree", "同意", to=to, basis=BASIS)
    back = Action("return", "退回修改", to=end("returned"), needs_opinion=True, basis=BASIS)
    seats = Assign(by="role", role=role, of=of, pool=True)
    return Stage(code, name, seats, (agree, back), charge=charge, same_person="refuse", basis=BASIS)


def _clock(stage: str, name: str) -> ClockRule:
    return ClockRule(stage, name, limit=f"catalog.publication.{stage}", starts=f"enter:{stage}", stops=f"leave:{stage}")


PUBLICATION = Flow(
    code="catalog.publication",
    name="目录审核",
    edition="2026-1",
    stages=(
        _stage("officer", "数据专员审核", OFFICER, "lead", "chief", "lead"),
        _stage("chief", "首席数据官审核", CHIEF, "lead", "bureau", "lead"),
        _stage("bureau", "数管局审核", REVIEWER, "operator", end("agreed"), "operator"),
    ),
    outcomes=(("agreed", "通过"), ("returned", "退回修改"), ("cancelled", "撤销")),
    clocks=(_clock("officer", "数据专员审核时限"), _clock("chief", "首席数据官审核时限"), _clock("bureau", "数管局审核时限")),
    operations=(Operation("claim"), Operation("release"), Operation("copy"), Operation("cancel", who=("initiator",))),
    number="catalog.publication|目录-{year}-{value:05d}",
    operator_role=REVIEWER, basis=BASIS,
)  # fmt: skip
FLOWS = (PUBLICATION,)
