"""查看修复对照表的明文：写明用途，先登记后显示。"""

from django.db import transaction

from yiwang.data.catalog import contract as catalog
from yiwang.data.governance import queries
from yiwang.data.governance.models import Proposal, Repair
from yiwang.data.protection import contract as protection
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.ledger import services as ledger


@transaction.atomic
def reveal(actor: Actor, found: Repair | Proposal, *, purpose: str) -> queries.ValueTable:
    """The table with plain values; who, when and what for is kept and can't be taken back (个人信息保护法第六条)."""
    kind, pk = (
        ("governance.proposal", found.pk) if isinstance(found, Proposal) else ("governance.rule_set", found.rule_set_id)
    )
    row = doors.row(actor, kind, pk, "unmask")
    purpose = protection.purpose_of(purpose)
    table = queries.value_table(found, plain=True)
    protection.record_access(
        actor, catalog.resource(SYSTEM, row.resource), table.masked, len(table.rows), door=protection.AccessDoor.REPAIR_TABLE, purpose=purpose, reference=f"{kind}:{pk}",
    )  # fmt: skip
    ledger.record(
        actor, "governance.reveal", (kind, pk), organisation_id=row.organisation_id, reason=purpose,
        after={"fields": list(table.masked), "rows": len(table.rows)},
    )  # fmt: skip
    return table
