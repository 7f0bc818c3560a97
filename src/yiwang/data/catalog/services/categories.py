"""分类：标准的类、项，部门的目。"""

from django.db import transaction
from django.utils import timezone

from yiwang.data.catalog.models import Category
from yiwang.data.catalog.terms import STANDARD_CATEGORIES
from yiwang.kernel.access.actors import Actor, Invalid
from yiwang.kernel.flow.numbers import draw
from yiwang.kernel.ledger import services as ledger
from yiwang.kernel.orgs.models import Organisation

LEAF = 6
_KINDS = {Organisation.Kind.SUBDISTRICT: "307", Organisation.Kind.COMMUNITY: "307", Organisation.Kind.ENTERPRISE: "308"}


def load_standard(actor: Actor) -> None:
    """类 and 项 of the guide; does nothing for those already there."""
    actor.require("catalog.category", "add")
    _standard(*STANDARD_CATEGORIES)


def _standard(*codes: str) -> None:
    Category.objects.bulk_create(
        [Category(code=code, name=STANDARD_CATEGORIES[code]) for code in codes], ignore_conflicts=True
    )


@transaction.atomic
def add_category(actor: Actor, code: str, name: str) -> Category:
    """A 目 (3 digits below its 项) or 细目 of the bureau's own; its parent must be there."""
    actor.require("catalog.category", "add")
    _standard(*STANDARD_CATEGORIES)
    parents = [code[:size] for size in range(3, len(code)) if size == 3 or size >= LEAF]
    if not (code.isascii() and code.isdigit() and len(code) >= LEAF):
        raise Invalid("目的代码为 6 位数字（类 1 位＋项 2 位＋目 3 位），细目更长。", errors={"code": ["格式不符"]})
    if not Category.objects.filter(code__in=parents).exists():
        raise Invalid(f"没有 {code} 的上级分类，请先建上级。", errors={"code": ["缺上级"]})
    if Category.objects.filter(code=code).exists():
        raise Invalid(f"分类 {code} 已存在。", errors={"code": ["重复"]})
    made = Category.objects.create(code=code, name=name.strip())
    ledger.record(actor, "catalog.add_category", ("catalog.category", made.pk), after={"code": code, "name": name})
    return made


@transaction.atomic
def category_of_department(actor: Actor, organisation_id: int) -> Category:
    """The 目 of a department in 部门类; made with the next number of its 项 when the department has none yet."""
    found = Category.objects.filter(organisation_id=organisation_id).first()
    if found is not None:
        return found
    unit = Organisation.objects.select_for_update().get(pk=organisation_id)
    found = Category.objects.filter(organisation_id=organisation_id).first()
    if found is not None:
        return found
    above = _KINDS.get(Organisation.Kind(unit.kind), "306")
    _standard("3", above)
    made = Category.objects.create(
        code=draw(f"catalog.{above}|{above}{{value:03d}}", timezone.now())[2], name=unit.name[:60], organisation=unit
    )
    ledger.record(actor, "catalog.add_category", ("catalog.category", made.pk), after={"code": made.code})
    return made
