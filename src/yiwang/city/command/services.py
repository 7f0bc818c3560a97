"""词典的编制与发布。"""

import json
import re
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from yiwang.city.command.models import Edition, Matter
from yiwang.city.command.terms import EditionState
from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.crypto import sm3
from yiwang.kernel.ledger import services as ledger
from yiwang.kernel.orgs.models import Organisation

EDITABLE = ("code", "category", "subcategory", "name", "responsible", "by_region", "joint_names", "limit",
            "unit", "closing_condition", "keywords", "basis")  # fmt: skip


def _locked_draft(edition_id: int) -> Edition:
    edition = Edition.objects.select_for_update().get(pk=edition_id)
    if edition.state != EditionState.DRAFT:
        raise Refused(
            f"{edition} 已发布，不能再改。请复制为新版本后修改，再行发布。",
            rule="词典版本发布后不可变更",
            code="frozen",
        )
    return edition


@transaction.atomic
def create_edition(actor: Actor, *, number: str, name: str, copy_of: Edition | None = None) -> Edition:
    actor.require("command.edition", "add")
    if Edition.objects.filter(number=number).exists():
        raise Invalid(f"版本号 {number} 已存在，请换一个。", errors={"number": ["版本号重复"]})
    edition = Edition.objects.create(
        number=number, name=name, organisation_id=actor.home(), created_by_id=actor.person_id
    )
    for matter in copy_of.matters.prefetch_related("joint") if copy_of else ():
        values = {name: getattr(matter, name) for name in EDITABLE}
        copy = Matter.objects.create(
            edition=edition, organisation_id=edition.organisation_id, created_by_id=actor.person_id, **values
        )
        copy.joint.set(matter.joint.all())
    ledger.record(actor, "command.create_edition", ("command.edition", edition.pk), after={"number": number})
    return edition


def _organisations(names: str) -> list[Organisation]:
    """Organisations by name or short name; one that is not on the books refuses the whole."""
    wanted = [name.strip() for name in re.split(r"[、,，;；]", names) if name.strip()]
    known = Organisation.objects.filter(Q(name__in=wanted) | Q(short_name__in=wanted), valid_until=None)
    found = {name: each for each in known for name in (each.name, each.short_name) if name in wanted}
    missing = [name for name in wanted if name not in found]
    if missing:
        raise Invalid(
            f"协同单位“{'、'.join(missing)}”不在机构清单中。请用机构全称或简称。",
            errors={"joint_names": ["机构不存在"]},
        )
    return [found[name] for name in wanted]


@transaction.atomic
def save_matter(actor: Actor, edition: Edition, values: dict[str, Any]) -> Matter:
    """Create or change the matter of `values["code"]` in a draft edition; joint organs are named in `joint_names`."""
    actor.require("command.matter", "change")
    draft = _locked_draft(edition.pk)
    unknown = set(values) - set(EDITABLE)
    if unknown:
        raise Invalid(f"事项没有这些字段：{'、'.join(sorted(unknown))}。")
    if not values.get("closing_condition"):
        raise Invalid("请填写结案条件：没有结案条件的事项无法审核办结。", errors={"closing_condition": ["必填"]})
    if int(values.get("limit") or 0) <= 0:
        raise Invalid("办理时限须为大于 0 的整数。", errors={"limit": ["须大于 0"]})
    joint = _organisations(values.get("joint_names", ""))
    before = Matter.objects.filter(edition=draft, code=values["code"]).values(*EDITABLE).first()
    matter, _ = Matter.objects.update_or_create(
        edition=draft,
        code=values["code"],
        defaults={**values, "organisation_id": draft.organisation_id, "created_by_id": actor.person_id},
    )
    matter.joint.set(joint)
    after = {name: getattr(matter, f"{name}_id" if name == "responsible" else name) for name in EDITABLE}
    ledger.record(actor, "command.save_matter", ("command.matter", matter.pk), before=before, after=after)
    return matter


def _digest(edition: Edition) -> str:
    rows = [
        [matter.code, matter.name, matter.responsible_id, matter.limit, matter.unit, matter.closing_condition,
         sorted(matter.joint.values_list("pk", flat=True))]
        for matter in edition.matters.prefetch_related("joint").order_by("code")
    ]  # fmt: skip
    return sm3(json.dumps(rows, ensure_ascii=False).encode())


@transaction.atomic
def publish_edition(actor: Actor, edition: Edition, *, effective_from: date) -> Edition:
    actor.require("command.edition", "publish")
    draft = _locked_draft(edition.pk)
    if not draft.matters.exists():
        raise Invalid(f"{draft} 没有事项，不能发布。请先录入或导入事项。")
    draft.state = EditionState.PUBLISHED
    draft.effective_from = effective_from
    draft.published_at = timezone.now()
    draft.digest = _digest(draft)
    draft.version += 1
    draft.save()
    ledger.record(
        actor, "command.publish_edition", ("command.edition", draft.pk),
        after={"effective_from": effective_from.isoformat(), "digest": draft.digest},
    )  # fmt: skip
    return draft
