"""Writing the ledger: one insert per record in the caller's transaction; the sealer makes the chain later."""

import logging
import secrets
import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.db import connection, transaction
from django.db.models import Min
from django.utils import timezone

from yiwang.kernel.crypto import mac, mac_matches
from yiwang.kernel.ledger import anchors, canon
from yiwang.kernel.ledger.models import DailyBill, Entry, Link

logger = logging.getLogger(__name__)
SEALER_LOCK = 0x6C656467  # "ledg"
BATCH, PAGE = 2000, 500
RECENT_IDS = 20_000
SWEEP_DAYS = 3


class Signatory(Protocol):
    def signature(self) -> dict[str, Any]: ...


def _ordered_uuid() -> uuid.UUID:
    """Random, but grows with time, so that its unique index stays in memory however long the ledger gets."""
    return uuid.UUID(int=(time.time_ns() // 1_000_000 << 80) | secrets.randbits(80))


def record(
    who: Signatory,
    action: str,
    target: tuple[str, int | str],
    *,
    before: Any = None,
    after: Any = None,
    reason: str = "",
    organisation_id: int | None = None,
) -> Entry:
    """Keep one act. It commits or vanishes with the caller's transaction."""
    signature = who.signature()
    entry = Entry(
        uid=_ordered_uuid(),
        recorded_at=timezone.now(),
        person_id=signature.get("person"),
        person_name=str(signature.get("name", ""))[:80],
        organisation_id=organisation_id if organisation_id is not None else signature.get("organisation"),
        action=action,
        target_kind=target[0],
        target_id=str(target[1]),
        reason=reason.replace("\x00", "").encode("utf-8", "replace").decode(),
        content=canon.canonical({"who": signature, "before": before, "after": after}),
    )
    entry.mac = mac(canon.entry_bytes(entry), canon.ENTRY)
    entry.save(force_insert=True)
    return entry


def _unsealed(sweep: bool) -> Iterator[Entry]:
    """Committed entries without a link, in id order.

    The hot path looks at the newest ids only; a transaction that stayed open for longer commits lower ids later,
    and the sweep finds those by their recorded time.
    """
    last = Link.objects.order_by("-entry_id").values_list("entry_id", flat=True).first() or 0
    after = last - RECENT_IDS
    if sweep and last:
        recent = Entry.objects.filter(recorded_at__gte=timezone.now() - timedelta(days=SWEEP_DAYS))
        after = (recent.aggregate(first=Min("id"))["first"] or 0) - 1
    while page := list(
        Entry.objects.raw(
            "SELECT e.* FROM ledger_entry e LEFT JOIN ledger_link l ON l.entry_id = e.id "
            "WHERE l.entry_id IS NULL AND e.id > %s ORDER BY e.id LIMIT %s",
            [after, PAGE],
        )
    ):
        yield from page
        after = page[-1].pk


def seal(*, sweep: bool = False, limit: int = BATCH) -> int:
    """Give the next chain positions to committed entries; return how many.

    One sealer at a time by an advisory lock; writers never wait. An entry whose MAC is wrong gets no position:
    `verify` names it.
    """
    with transaction.atomic():
        if not _only_sealer():
            return 0
        last = Link.objects.order_by("-position").first()
        position, digest = (last.position, last.digest) if last else (0, canon.GENESIS)
        links: list[Link] = []
        for entry in _unsealed(sweep):
            if len(links) == limit:
                break
            if not mac_matches(canon.entry_bytes(entry), entry.mac, canon.ENTRY):
                continue
            position += 1
            digest = canon.link_digest(digest, position, entry.pk, entry.mac)
            links.append(Link(position=position, entry_id=entry.pk, entry_mac=entry.mac, digest=digest))
        Link.objects.bulk_create(links)
    if links and not anchors.advance():
        logger.error("the ledger's chain does not contain its anchor; run verify_ledger")
    return len(links)


def _only_sealer() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SEALER_LOCK])
        return bool(cursor.fetchone()[0])


def bill(now: datetime | None = None) -> DailyBill | None:
    """Close the books of yesterday (Asia/Shanghai) once; every link is in exactly one bill."""
    day = timezone.localtime(now).date() - timedelta(days=1)
    with transaction.atomic():
        if DailyBill.objects.filter(day__gte=day).exists() or not _only_sealer():
            return None
        previous = DailyBill.objects.order_by("-day").first()
        last = Link.objects.order_by("-position").first()
        first_position = previous.last_position + 1 if previous else 1
        if last is None or last.position < first_position:
            return None
        made = DailyBill(
            day=day,
            first_position=first_position,
            last_position=last.position,
            digest=last.digest,
            sealed_at=timezone.now(),
        )
        made.mac = mac(canon.bill_bytes(made), canon.BILL)
        made.save(force_insert=True)
        return made


def accept_database(who: Signatory, reason: str) -> int:
    """After a deliberate restore or change of database: forget the old ends of chains, and keep that in the ledger."""
    with transaction.atomic():
        record(who, "ledger.accept_database", ("ledger", 1), reason=reason)
    forgotten = anchors.forget()
    seal()
    return forgotten
