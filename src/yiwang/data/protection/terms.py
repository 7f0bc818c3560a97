"""敏感数据的类别、脱敏方式与个人信息请求的种类。"""

from django.db.models import IntegerChoices, TextChoices

from yiwang.standards.sensitive import SensitiveKind

# What a sealed value belongs to.
NUMBER, WORDS, CONTACT = "protection.person.id_number", "protection.person.words", "protection.person.contact"


class AccessDoor(TextChoices):
    """敏感数据经哪条途径被读取。"""

    SHARE_API = "share_api", "接口共享"
    SHARE_TABLE = "share_table", "库表推送"
    SHARE_FILE = "share_file", "文件共享"
    REPAIR_TABLE = "repair_table", "查看修复对照表"


# 个人信息保护法第二十八条：一旦泄露容易致人格尊严或人身、财产安全受害的；不满十四周岁未成年人的个人信息一律在内。
SENSITIVE_PERSONAL = frozenset(
    {
        SensitiveKind.BIOMETRIC,
        SensitiveKind.BELIEF,
        SensitiveKind.STATUS,
        SensitiveKind.HEALTH,
        SensitiveKind.ACCOUNT,
        SensitiveKind.BANK_CARD,
        SensitiveKind.LOCATION,
        SensitiveKind.MINOR,
        SensitiveKind.FINANCE,
    }
)


class Level(IntegerChoices):
    """一般数据分级（GB/T 43697-2024 附录 H）。重要数据、核心数据不进共享，按 4 级对待。"""

    ONE = 1, "1 级"
    TWO = 2, "2 级"
    THREE = 3, "3 级"
    FOUR = 4, "4 级"


class Method(TextChoices):
    """脱敏方式（DB34/T 4631.2-2023：替换、掩码、扰动、加密；另有泛化）。"""

    MASK = "mask", "掩码"
    PLAIN = "plain", "不脱敏"
    GENERALISE = "generalise", "泛化"
    PERTURB = "perturb", "扰动"
    PSEUDONYM = "pseudonym", "加密（可追溯的假名）"
    REPLACE = "replace", "替换"


class Recipient(TextChoices):
    """数据给谁：各自最多见到什么，由脱敏规则表决定。"""

    PUBLIC = "public", "社会公众"
    DEPARTMENT = "department", "其他部门"
    OWNER = "owner", "本部门"
    ANALYST = "analyst", "统计分析"


class Decision(TextChoices):
    PENDING = "pending", "待确认"
    ACCEPTED = "accepted", "采纳"
    CHANGED = "changed", "改后采纳"
    REJECTED = "rejected", "不采纳"


class ScanState(TextChoices):
    RUNNING = "running", "识别中"
    PROPOSED = "proposed", "待确认"
    DECIDED = "decided", "已确认"
    FAILED = "failed", "识别失败"


CLERK, STEWARD = "protection.person_clerk", "protection.steward"
TELLING = "《个人信息保护法》第四十七条；GB/T 35273-2020 8.3：要求删除的，停止共享并通知接收方及时删除"
LAW = "《个人信息保护法》第十五、四十四至四十七条、第五十条；GB/T 35273-2020 第 8 章"


class RequestKind(TextChoices):
    CONSULT = "consult", "查阅"
    COPY = "copy", "复制"
    CORRECT = "correct", "更正"
    DELETE = "delete", "删除"
    WITHDRAW = "withdraw", "撤回同意"
