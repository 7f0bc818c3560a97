"""报告用语。"""

from django.db.models import TextChoices


class State(TextChoices):
    DRAFT = "draft", "草稿"
    ISSUED = "issued", "已发布"
    SUPERSEDED = "superseded", "已更正"


class Span(TextChoices):
    MONTH = "month", "月"
    YEAR = "year", "年"
