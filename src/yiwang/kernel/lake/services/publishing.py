"""Moving the pointer: what is current changes in the caller's transaction, and only there."""

from django.db import transaction

from yiwang.kernel.access.actors import Actor, Conflict, Invalid
from yiwang.kernel.lake.models import DataFile, LakeTable, Publication, Snapshot
from yiwang.kernel.lake.services.locks import take
from yiwang.kernel.lake.services.writing import snapshot as make_snapshot
from yiwang.kernel.lake.terms import Kind
from yiwang.kernel.ledger.services import record

RULE = "发布须基于现行快照"


def publish(actor: Actor, snapshot: Snapshot, reason: str) -> Snapshot:
    """Make a staged snapshot current. Publishing the current one again changes nothing.

    Refused when another was published since it was staged, or when it was discarded or has expired.
    """
    with transaction.atomic():
        table = LakeTable.objects.select_for_update().get(pk=snapshot.table_id)
        held = Snapshot.objects.select_for_update().get(pk=snapshot.pk)
        if table.current_id == held.pk:
            return held
        if held.expired_at is not None:
            raise Conflict(f"“{table.title}”第 {held.number} 号快照已作废或失效，没有发布。请重新入湖。", rule=RULE)
        if held.base_id != table.current_id:
            now = table.current.number if table.current else "无"
            raise Conflict(
                f"“{table.title}”第 {held.number} 号快照入湖之后，现行快照已变为第 {now} 号，没有发布。请重新入湖后再发布。",
                rule=RULE,
            )
        point(actor, table, held, reason)
    return held


def point(actor: Actor, table: LakeTable, held: Snapshot, reason: str) -> None:
    """Make `held` current: its record, the ledger's, and the export to follow when the caller commits."""
    previous = table.current
    Publication.objects.create(snapshot=held, previous=previous, reason=reason, published_by_id=actor.person_id)
    table.current = held
    table.save(update_fields=["current"])
    record(
        actor, "lake.snapshot.published", ("lake.table", table.pk),
        before={"number": previous.number if previous else None},
        after={"number": held.number, "rows": held.rows, "digest": held.digest}, reason=reason,
    )  # fmt: skip


def rollback(actor: Actor, table: LakeTable, number: int, reason: str) -> Snapshot:
    """A new snapshot with the content of an earlier one, published at once; history stays."""
    with transaction.atomic():
        take(table)
        held = LakeTable.objects.select_for_update().get(pk=table.pk)
        earlier = held.snapshots.filter(number=number).first()
        if earlier is None or not earlier.publications.exists():
            raise Invalid(f"“{held.title}”没有发布过第 {number} 号快照。", errors={"number": ["没有发布过这个快照。"]})
        if earlier.expired_at is not None:
            raise Conflict(f"“{held.title}”第 {number} 号快照已超过保留期，不能回退到它。", rule="快照保留期")
        files = list(DataFile.objects.filter(pk__in=earlier.files))
        made = make_snapshot(
            actor, held, Kind.ROLLBACK, files, base=held.current, cause={"rollback_to": number},
            counts={"added": earlier.rows, "removed": held.current.rows if held.current else 0}, like=earlier,
        )  # fmt: skip
        point(actor, held, made, reason)
    table.refresh_from_db()
    return made
