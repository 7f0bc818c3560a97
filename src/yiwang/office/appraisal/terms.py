"""考核用语。"""

from django.db.models import TextChoices


class EntryKind(TextChoices):
    MANUAL = "manual", "人工扣分"
    AUTOMATIC = "automatic", "系统扣分"
    REVERSAL = "reversal", "复核冲回"


class VersionState(TextChoices):
    DRAFT = "draft", "编制中"
    PUBLISHED = "published", "已发布"


class PeriodState(TextChoices):
    OPEN = "open", "进行中"
    FROZEN = "frozen", "已冻结"
