"""更新催报：到期未更新的资源，一件工单给提供单位。"""

from yiwang.data.collection.terms import CLERK, MANAGER
from yiwang.kernel.flow.definitions import Action, Assign, ClockRule, Field, Flow, Operation, Stage, end

REMINDER = Flow(
    code="collection.reminder",
    name="数据更新催报",
    edition="2026-1",
    stages=(
        Stage(
            "update",
            "补报数据",
            Assign(by="role", role=CLERK, of="lead", pool=True),
            actions=(
                Action("arrived", "数据已入库", to=end("updated"), fields=(Field("package", "数据包"),),
                       basis="数据入库后由系统办结"),
                Action("explain", "说明本期无更新", to="confirm", needs_opinion=True, basis="政务数据共享条例：目录动态更新"),
            ),
            basis="政务数据共享条例（国令第809号）：数源部门应当及时更新、保证数据质量",
        ),
        Stage(
            "confirm",
            "核实说明",
            Assign(by="role", role=MANAGER, of="operator", pool=True),
            actions=(
                Action("accept", "认可，本期无更新", to=end("no_change"), needs_opinion=True),
                Action("insist", "仍须补报", to="update", needs_opinion=True),
                Action("arrived", "数据已入库", to=end("updated"), verdict="note", fields=(Field("package", "数据包"),)),
            ),
            charge="operator",
            same_person="refuse",
        ),
    ),
    outcomes=(("updated", "已更新"), ("no_change", "本期无更新")),
    clocks=(ClockRule("update", "补报时限", limit="collection.reminder.update", starts="open", stops="close"),),
    operations=(Operation("claim"), Operation("release"), Operation("transfer", settings={"same": "organisation"}),
                Operation("urge", who=(f"role:{MANAGER}",)), Operation("supervise", who=(f"role:{MANAGER}",)),
                Operation("copy"), Operation("terminate", who=(f"role:{MANAGER}",))),
    number="collection.reminder|催报-{year}-{value:05d}",
    operator_role=MANAGER,
    basis="按目录承诺的更新周期，到期未更新即催报",
)  # fmt: skip

FLOWS = (REMINDER,)
