"""Test flows: what the first domain needs and what the next ones will."""

from yiwang.kernel.flow.definitions import (
    ORIGIN,
    PREVIOUS,
    Action,
    Assign,
    ClockRule,
    Decide,
    Field,
    Flow,
    Gate,
    Operation,
    Stage,
    end,
)  # fmt: skip

EVERY = (
    *(Operation(code, who=("seat",)) for code in
      ("send_back", "withdraw", "transfer", "delegate", "add_seat", "remove_seat", "copy", "co_handle", "suspend",
       "resume", "correct", "decline", "extend", "open_child")),
    Operation("cancel", who=("initiator",)),
    Operation("urge", who=("initiator",), settings={"hours": 24}),
    Operation("supervise", who=("role:leader",)),
    Operation("arbitrate", who=("role:operator",)),
    *(Operation(code, who=("role:operator",)) for code in
      ("merge", "split", "terminate", "reopen", "jump", "handover", "batch", "late_entry", "release_child")),
)  # fmt: skip


def approve(decide: Decide = Decide(), **rest: object) -> Stage:  # noqa: B008 - frozen
    return Stage(
        "sign", "会签", Assign("role", role="handler"),
        (Action("agree", "同意", end("passed")), Action("refuse", "不同意", end("refused"), "reject")),
        decide=decide, **rest,
    )  # fmt: skip


def voting(decide: Decide, *operations: Operation, **rest: object) -> Flow:
    return Flow("voting", "会签测试", "1", (approve(decide, **rest),), (("passed", "通过"), ("refused", "未通过")),
                operations=operations or EVERY, operator_role="operator")  # fmt: skip


def hotline(*clocks: ClockRule, **rest: object) -> Flow:
    """登记-派单-办理-审核-回访: loops, send-back, lead and co-handlers."""
    return Flow(
        "hot", "热线测试", "1",
        (
            Stage("accept", "登记", Assign("initiator"), (Action("submit", "提交", "dispatch"),), charge="operator"),
            Stage(
                "dispatch", "派单", Assign("role", role="operator", of="operator", pool=True),
                (
                    Action("send", "派出", "handle", fields=(Field("to", "承办单位", "organisation", required=True),)),
                    Action("direct", "直接答复", end("done"), needs_opinion=True),
                ), charge="operator",
            ),
            Stage(
                "handle", "办理", Assign("role", role="handler", pool=True),
                (
                    Action("finish", "办结送审", "review", needs_opinion=True, gates=(Gate("co_opinions"),),
                           fields=(Field("result", "结果", "choice", choices=(("solved", "解决"), ("told", "解释"))),)),
                    Action("note", "过程记录", "@stay", "note"),
                ),
            ),
            Stage(
                "review", "审核", Assign("head"),
                (Action("agree", "通过", "visit"), Action("rework", "退回重办", PREVIOUS, "reject")),
                same_person="refuse",
            ),
            Stage(
                "visit", "回访", Assign("role", role="operator", of="operator", pool=True),
                (Action("satisfied", "满意", end("done")), Action("again", "不满意重办", "handle")),
                charge="operator",
            ),
        ),
        (("done", "办结"),), clocks=clocks, operations=EVERY, operator_role="operator", **rest,
    )  # fmt: skip


def plain(stages: int, **rest: object) -> Flow:
    """A straight line of stages with one handler each."""
    names = [f"s{index}" for index in range(stages)]
    return Flow(
        "line", "直线", "1",
        tuple(
            Stage(
                name, name, Assign("role", role="operator", of="operator", pool=True),
                (
                    Action("go", "下一步", names[index + 1] if index + 1 < stages else end("done")),
                    Action("back", "回起点", ORIGIN, "reject"),
                    Action("note", "记录", "@stay", "note"),
                ),
            )
            for index, name in enumerate(names)
        ),
        (("done", "办结"),), operations=EVERY, operator_role="operator", **rest,
    )  # fmt: skip
