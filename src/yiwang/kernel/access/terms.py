"""Choices of the access room."""

from django.db.models import TextChoices


class Scope(TextChoices):
    """五种数据范围，由宽到窄。"""

    ALL = "all", "全部"
    CUSTOM = "custom", "自定义"
    TREE = "tree", "本部门及以下"
    ORGANISATION = "organisation", "本部门"
    OWN = "own", "本人"


class Duty(TextChoices):
    BUSINESS = "business", "业务"
    SYSTEM = "system", "系统管理"
    SECURITY = "security", "安全管理"
    AUDIT = "audit", "审计管理"
