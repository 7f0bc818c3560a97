"""研判用语。"""

from django.db.models import TextChoices


class Judgement(TextChoices):
    PENDING = "pending", "待研判"
    CONFIRMED = "confirmed", "认定"
    REJECTED = "rejected", "排除"
