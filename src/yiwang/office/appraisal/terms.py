"""考核用语。"""

from django.db.models import TextChoices


class EntryKind(TextChoices):
    MANUAL = "manual", "人工扣分"
    AUTOMATIC = "automatic", "系统扣分"
    REVERSAL = "reversal", "冲回"


class VersionState(TextChoices):
    DRAFT = "draft", "编制中"
    PUBLISHED = "published", "已发布"


class PeriodState(TextChoices):
    OPEN = "open", "进行中"
    FROZEN = "frozen", "已冻结"


class AppealResult(TextChoices):
    """撤回的申请不是结论，可以再申请；成立与不成立是终局的。"""

    PENDING = "pending", "复核中"
    UPHELD = "upheld", "成立"
    DISMISSED = "dismissed", "不成立"
    WITHDRAWN = "withdrawn", "已撤回"
