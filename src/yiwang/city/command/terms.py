"""词典用语。"""

from django.db.models import TextChoices


class EditionState(TextChoices):
    DRAFT = "draft", "编制中"
    PUBLISHED = "published", "已发布"


class LimitUnit(TextChoices):
    """办理时限单位；各地条例不同，故为字段而非代码（潍坊 12345 条例第 20 条 5 个工作日，信访按自然日）。"""

    WORKING_DAY = "working_day", "工作日"
    CALENDAR_DAY = "calendar_day", "自然日"
    WORKING_HOUR = "working_hour", "工作小时"
    MINUTE = "minute", "分钟"
