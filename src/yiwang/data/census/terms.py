"""普查的选项。"""

from django.db.models import TextChoices


class SurveyState(TextChoices):
    RUNNING = "running", "进行中"
    CLOSED = "closed", "已结束"


MANAGER, UNIT = "census.manager", "census.unit"
