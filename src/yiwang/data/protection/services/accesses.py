"""访问记录：敏感信息项离开数据底座的每一次。"""

from collections.abc import Sequence

from django.db import transaction

from yiwang.data.catalog.contract import ResourceFacts
from yiwang.data.protection.models import AccessEntry
from yiwang.kernel.access.actors import Actor, Invalid

KEPT_FROM_LEVEL = 3


@transaction.atomic
def record_access(
    actor: Actor, resource: ResourceFacts, fields: Sequence[str], rows: int, *, door: str, purpose: str, reference: str = ""
) -> bool:  # fmt: skip
    """个人信息保护法第五十五条第三项、GB/T 39477：向他人提供个人信息须有处理记录。"""
    if not purpose.strip():
        raise Invalid("读取敏感数据须写明目的，没有读取。", errors={"purpose": ["必填"]}, rule="个人信息保护法第六条")
    items = [item for name in fields if (item := resource.item(name)) is not None]
    grave = [item.name for item in items if item.sensitive or item.declared_sensitive or item.level >= KEPT_FROM_LEVEL]
    if not grave:
        return False
    AccessEntry.objects.create(
        person_id=actor.person_id, organisation_id=actor.home() if actor.person_id else None, resource_id=resource.id,
        resource_name=resource.name, provider_id=resource.organisation_id, snapshot=resource.snapshot, fields=grave,
        rows=rows, door=door[:40], purpose=purpose.strip()[:300], reference=reference[:100],
    )  # fmt: skip
    return True
