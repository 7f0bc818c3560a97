"""The bytes that MACs and chain digests are made of: one form, whatever the database gives back."""

import json
from datetime import UTC
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from yiwang.kernel.crypto import keys, sm3
from yiwang.kernel.ledger.models import DailyBill, Entry

ENTRY, BILL, GENESIS = keys.lasting("ledger-entry"), keys.lasting("ledger-bill"), "0" * 64


def canonical(value: Any) -> str:
    """Sorted keys, no spaces, ASCII only: a NUL or a lone surrogate in somebody's text can't break the insert."""
    return json.dumps(value, cls=DjangoJSONEncoder, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def entry_bytes(entry: Entry) -> bytes:
    at = entry.recorded_at.astimezone(UTC).isoformat()
    who = [entry.person_id, entry.person_name, entry.organisation_id]
    what = [entry.action, entry.target_kind, entry.target_id, entry.reason, entry.content]
    return canonical([str(entry.uid), at, *who, *what]).encode()


def link_digest(previous: str, position: int, entry_id: int, entry_mac: str) -> str:
    return sm3(f"{previous}|{position}|{entry_id}|{entry_mac}".encode())


def bill_bytes(bill: DailyBill) -> bytes:
    return f"{bill.day}|{bill.first_position}|{bill.last_position}|{bill.digest}".encode()
