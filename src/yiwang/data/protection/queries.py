"""读取：规则与记录，按操作人范围。"""

from datetime import date

from django.db.models import Q

from yiwang.data.protection.models import MaskRule


def methods(recipient: str, on: date) -> dict[str, str]:
    """Kind → method in force for a recipient."""
    rules = MaskRule.objects.filter(
        Q(valid_until=None) | Q(valid_until__gte=on), recipient=recipient, valid_from__lte=on
    )
    return {rule.kind: rule.method for rule in rules.order_by("valid_from")}
