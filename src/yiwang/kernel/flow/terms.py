"""Choices of the flow room."""

from django.db.models import TextChoices


class Status(TextChoices):
    OPEN = "open", "办理中"
    SUSPENDED = "suspended", "已挂起"
    CLOSED = "closed", "已办结"


class SeatKind(TextChoices):
    HANDLE = "handle", "办理"
    CO = "co", "协办"
    SIGN = "sign", "会签"
    COPY = "copy", "传阅"
    WATCH = "watch", "督办"
    CONSULT = "consult", "委派"
    APPROVE = "approve", "审批"


# Seats that outlive a stage and never block it.
FREE = frozenset({SeatKind.COPY, SeatKind.WATCH})


# After so many failed deliveries a row of the outbox is parked.
TRIES = 8


class SeatState(TextChoices):
    OPEN = "open", "待办"
    WAITING = "waiting", "等待"
    DONE = "done", "已办"
    VOID = "void", "失效"


class Verdict(TextChoices):
    PASS = "pass", "同意"
    REJECT = "reject", "不同意"
    NOTE = "note", "意见"


class LinkKind(TextChoices):
    CHILD = "child", "子案件"
    MERGED = "merged", "并入"
    SPLIT = "split", "拆出"
    RELATES = "relates", "相关"


class VersionState(TextChoices):
    PUBLISHED = "published", "已发布"
    RETIRED = "retired", "已停用"


OPERATIONS = {
    "open": "登记", "act": "办理", "claim": "认领", "release": "退回公共池", "send_back": "退回", "withdraw": "撤回",
    "cancel": "撤件", "transfer": "转办", "delegate": "委派", "recall": "收回委派", "answer": "反馈意见",
    "add_seat": "加签", "remove_seat": "减签", "copy": "抄送", "read": "已阅", "urge": "催办", "supervise": "督办",
    "strike_off": "督办销号", "suspend": "挂起", "resume": "恢复", "correct": "补正告知", "extend": "申请延期",
    "rule_extension": "延期审批", "decline": "退单", "arbitrate": "裁定", "co_handle": "协办", "merge": "并案",
    "split": "拆单", "terminate": "终止", "reopen": "重启", "jump": "跳转", "handover": "移交", "batch": "批量办理",
    "late_entry": "补录", "child_opened": "发起子案件", "child_closed": "子案件办结", "release_child": "解除子案件约束",
    "rung": "时限提醒", "migrate": "流程换版", "migrate_back": "撤销换版", "assign": "改派",
}  # fmt: skip

OUTCOMES = {"merged": "已并案", "split": "已拆单", "cancelled": "已撤件", "terminated": "已终止"}
