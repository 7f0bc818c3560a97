"""A source that disagrees with the golden record is asked to verify, through governance."""

import json

from django.db import transaction

from yiwang.data.catalog import contract as catalog
from yiwang.data.governance import contract as governance
from yiwang.data.masters.models import Conflict, Design
from yiwang.data.masters.services import grouping
from yiwang.data.masters.terms import ConflictState
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Refused

RULE = "政务数据共享条例第二十六条：校核纠错"


def _column(conflict: Conflict) -> str:
    """The source's own column behind the field; "" when the field is computed from several."""
    design = (
        Design.objects.filter(library=conflict.golden.library, published_at__isnull=False).order_by("-number").first()
    )
    if design is None:
        return ""
    source = next((each for each in design.content["sources"] if each["alias"] == conflict.member.source), None)
    return str(source["fields"].get(conflict.field, "")) if source else ""


def object_to(actor: Actor, conflict_id: int, *, reason: str) -> Conflict:
    """Open an objection on the source's cell. Refused when the source is not a catalogued resource."""
    with transaction.atomic():
        held: Conflict = doors.row(actor, "masters.conflict", conflict_id, "object")
        held = Conflict.objects.select_for_update().get(pk=held.pk)
        if held.state != ConflictState.OPEN:
            raise Refused("该冲突已提异议或已一致，没有重复提出。", rule=RULE, code="state")
        member = held.member
        resource = next((each for each in catalog.resources(actor) if each.table == member.table), None)
        if resource is None:
            raise Refused(
                f"“{member.source_title}”不是目录里的信息资源，不能提异议。请先由提供单位编目，或线下联系核实。", rule=RULE,
                code="no_resource",
            )  # fmt: skip
        column = _column(held).strip('"')
        if resource.item(column) is None:
            raise Refused(f"“{held.title}”在来源中是算出的值，请对其来源字段逐个提异议。", rule=RULE, code="computed")
        key = grouping.plain_of(member)[""]
        values = json.loads(key) if key.startswith("[") else [key]
        held.objection = governance.open_objection(
            actor, resource.id, member.snapshot, values, column, reason, idempotency=f"masters-{held.pk}-{held.version}"
        )
        held.state = ConflictState.OBJECTED
        held.save(update_fields=["objection", "state", "updated_at"])
    return held
