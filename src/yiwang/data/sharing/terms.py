"""共享交换的选项。"""

from django.db.models import TextChoices

REQUESTER, PROVIDER, BUREAU, OPERATOR = "sharing.requester", "sharing.provider", "sharing.bureau", "sharing.operator"
# What a sealed connection belongs to.
TARGET = "sharing.target"


class Way(TextChoices):
    """提供方式（发改高技〔2017〕1272号：联机查询、系统对接优先于拷贝）。"""

    API = "api", "接口查询"
    TABLE = "table", "库表推送"
    FILE = "file", "文件"


class ShareType(TextChoices):
    """《政务数据共享条例》（国令第 809 号）的三类。"""

    UNCONDITIONAL = "unconditional", "无条件共享"
    CONDITIONAL = "conditional", "有条件共享"
    WITHHELD = "withheld", "不予共享"


class RequestState(TextChoices):
    REVIEWING = "reviewing", "审核中"
    AGREED = "agreed", "已同意，待交付"
    DELIVERED = "delivered", "已交付"
    REFUSED = "refused", "不予共享"
    WITHDRAWN = "withdrawn", "已撤回"


class GrantKind(TextChoices):
    FORMAL = "formal", "正式"
    SANDBOX = "sandbox", "沙箱（合成数据）"


class GrantState(TextChoices):
    PENDING = "pending", "待交付"
    ACTIVE = "active", "有效"
    SUSPENDED = "suspended", "暂停"
    REVOKED = "revoked", "已撤销"


class KeyState(TextChoices):
    ACTIVE = "active", "有效"
    REVOKED = "revoked", "已作废"


class Frequency(TextChoices):
    ONCE = "once", "一次"
    REAL_TIME = "real_time", "实时"
    DAILY = "daily", "每日"
    WEEKLY = "weekly", "每周"
    MONTHLY = "monthly", "每月"
    QUARTERLY = "quarterly", "每季"
    YEARLY = "yearly", "每年"
