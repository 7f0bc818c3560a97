"""异议：提出即标注，受理、核实、更正，标注撤销；期限从提出起算。"""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from yiwang.data.catalog import contract as catalog
from yiwang.data.governance import queries
from yiwang.data.governance.models import Objection
from yiwang.data.governance.terms import PROPOSED, ROW, STATEMENT, Mark
from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.crypto import encrypt
from yiwang.kernel.flow import services as flow
from yiwang.kernel.flow.kinds import Event
from yiwang.kernel.lake import lineage
from yiwang.kernel.lake import queries as lake
from yiwang.kernel.lake.models import LakeTable
from yiwang.kernel.ledger import services as ledger

OUTCOMES = {"corrected": Mark.CORRECTED, "unfounded": Mark.UNFOUNDED}


def sources_of(table: str, column: str) -> list[dict[str, Any]]:
    """Where a cell of a column comes from, by column lineage, nearest first: [{table, column, origin, depth}]."""
    steps = lineage.upstream(lake.table(table), column).steps
    return [
        {"table": step.source, "column": step.source_column, "origin": step.origin, "depth": step.distance} for step in steps
    ]  # fmt: skip


@transaction.atomic
def open_objection(
    actor: Actor, resource_id: int, snapshot_number: int, key: Sequence[Any], field: str, reason: str, *, proposed: str = "",
    idempotency: str = "",
) -> Objection:  # fmt: skip
    """Object to one cell of a snapshot. From the same transaction on every answer shows the mark."""
    actor.require("governance.objection", "add")
    facts = catalog.resource(actor, resource_id)
    item = facts.item(field)
    if item is None:
        raise Invalid(f"该资源没有字段“{field}”。", errors={"field": ["没有这个字段"]})
    if not reason.strip():
        raise Invalid("请写明异议理由与依据。", errors={"reason": ["必填"]})
    if len(key) != len(facts.key) or not facts.key:
        raise Invalid(
            f"请给出主键（{'、'.join(facts.key) or '该资源没有登记主键'}）的值。", errors={"key": ["与主键不符"]}
        )
    lake.numbered(lake.table(facts.table), snapshot_number)
    text, today = queries.key_text(key), timezone.localdate()
    digests = queries.key_macs(text)
    if Objection.objects.filter(resource=resource_id, key_mac__in=digests, field=field, mark=Mark.OPEN).exists():
        raise Conflict("这一项已有异议正在核实，请等待结果，不必重复提出。")
    case = flow.open_case(
        actor, "governance.objection", f"{facts.name}“{item.title}”数据异议", organisation_id=facts.organisation_id,
        key=idempotency,
    )  # fmt: skip
    found = Objection.objects.create(
        case=case, organisation_id=facts.organisation_id, created_by_id=actor.person_id, resource=resource_id,
        resource_name=facts.name, table=facts.table, snapshot=snapshot_number, row_key=encrypt(text, ROW), key_mac=digests[0],
        field=field, statement=encrypt(reason.strip(), STATEMENT), proposed=encrypt(proposed, PROPOSED) if proposed else "",
        sources=sources_of(facts.table, field), raised_on=today, is_demo=facts.is_demo,
    )  # fmt: skip
    ledger.record(
        actor, "governance.object", ("governance.objection", found.pk), organisation_id=facts.organisation_id,
        after={"resource": resource_id, "snapshot": snapshot_number, "field": field, "case": case.number},
    )  # fmt: skip
    return found


def on_objection(event: Event) -> None:
    """The close withdraws the mark; a correction must name a published snapshot after the one objected to."""
    if event.name not in ("act:corrected", "close"):
        return
    found = Objection.objects.select_for_update(of=("self",)).filter(case_id=event.case.pk, mark=Mark.OPEN).first()
    if found is None:
        return
    if event.name == "act:corrected":
        _require_correction(
            found, int(event.case.data.get("snapshot") or event.entry.payload.get("facts", {}).get("snapshot") or 0)
        )
        return
    found.mark = OUTCOMES.get(event.case.outcome, Mark.WITHDRAWN)
    found.decided_at = event.entry.happened_at
    found.version += 1
    found.save(update_fields=["mark", "decided_at", "version", "updated_at"])


def _require_correction(found: Objection, number: int) -> None:
    table = lake.table(found.table)
    later = table.snapshots.filter(number=number).first()
    if later is None or number <= found.snapshot or not later.publications.exists():
        raise Refused(
            f"更正要指明第 {found.snapshot} 号之后、已经发布的快照；第 {number} 号不是。请先报送并发布更正后的数据。",
            rule="更正须有据可查",
        )
    _require_change(found, table)
    found.corrected_in = number
    found.save(update_fields=["corrected_in", "updated_at"])


def uncompared() -> list[int]:
    """Open objections whose cell was not yet looked up in today's data."""
    now = dict(LakeTable.objects.filter(current__isnull=False).values_list("name", "current__number"))
    found = Objection.objects.filter(mark=Mark.OPEN).values_list("pk", "table", "compared__snapshot")
    return [pk for pk, table, seen in found if table in now and now[table] != seen]


def compare(actor: Actor, objection_id: int) -> Objection:
    """Look the disputed cell up in the data objected to and in today's; worker only. Values are not kept."""
    actor.require("governance.objection", "view")
    found = Objection.objects.get(pk=objection_id)
    table, key = lake.table(found.table), queries.key_of(found)
    then, now = table.snapshots.filter(number=found.snapshot, expired_at=None).first(), lake.current(table)
    old = lake.rows(then, [found.field], limit=1, keys=[key]) if then else None
    new = lake.rows(now, [found.field], limit=1, keys=[key]) if now else []
    found.compared = {
        "snapshot": now.number if now else 0,
        "found": old is None or bool(old),
        "same": bool(old) and old == new,
    }
    found.save(update_fields=["compared"])
    return found


def _require_change(found: Objection, table: LakeTable) -> None:
    """The cell of today's data must differ from the one objected to; a row that left the data is a correction too."""
    now = lake.current(table)
    if now is None or found.compared.get("snapshot") != now.number:
        raise Refused(
            "平台还没有把现行数据与异议所指的内容核对过，没有办结。新数据发布后一分钟左右自动核对，请稍候再办。",
            rule="更正须有据可查",
        )
    if found.compared["same"]:
        raise Refused(
            f"现行数据（第 {now.number} 号快照）里这一行这一项的内容与提出异议时相同，没有更正，异议没有办结。"
            "请先报送改正后的数据；核实后认为原内容无误的，请选“核实无误”并写明依据。",
            rule="更正须有据可查",
        )
