"""Seeing plain values: with a purpose, recorded before anything is shown."""

import json
from dataclasses import dataclass

from django.db import transaction

from yiwang.data.masters.models import GoldenRecord, Look
from yiwang.data.masters.services import grouping
from yiwang.data.masters.terms import GOLDEN
from yiwang.data.protection import contract as protection
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.crypto import decrypt
from yiwang.kernel.ledger.services import record


@dataclass(frozen=True)
class Revealed:
    """Plain values of the golden record, and of each member by its id."""

    values: dict[str, str]
    members: dict[int, dict[str, str]]
    look: Look


def reveal(actor: Actor, golden_id: int, *, purpose: str) -> Revealed:
    """Plain values of one record; who, when and what for is kept and can't be taken back."""
    golden: GoldenRecord = doors.row(actor, "masters.golden", golden_id, "reveal")
    purpose = protection.purpose_of(purpose)
    with transaction.atomic():
        look = Look.objects.create(
            golden=golden, purpose=purpose, fields=sorted(golden.shown), created_by_id=actor.person_id,
            organisation_id=actor.organisation_id or golden.organisation_id, is_demo=golden.is_demo,
        )  # fmt: skip
        record(
            actor,
            "masters.reveal",
            ("masters.golden", golden.pk),
            after={"fields": sorted(golden.shown)},
            reason=purpose,
        )
    values = json.loads(decrypt(golden.sealed, GOLDEN)) if golden.sealed else {}
    return Revealed(values, {member.pk: grouping.plain_of(member) for member in golden.members.all()}, look)
