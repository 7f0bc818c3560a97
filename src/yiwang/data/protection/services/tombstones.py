"""Deletions outlive the database: an older backup that is restored does not bring the person back.

Each deletion is kept as a small sealed file beside the database (VAR/erasures), which restoring never removes and every
backup takes along. The ledger of the database says which of them it has carried out; what it has not is due again.
"""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from yiwang.data.protection.models import PersonRequest
from yiwang.data.protection.terms import NUMBER
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.crypto import CryptoProblem, decrypt, sm3
from yiwang.kernel.files import sealed
from yiwang.kernel.ledger import services as ledger
from yiwang.kernel.ledger.models import Entry

log = logging.getLogger(__name__)
FOLDER, DONE, TARGET = "erasures", "protection.erased", "protection.erasure"


@dataclass(frozen=True)
class Stone:
    """One deletion: its case, when it began, whom it was about."""

    case: str
    at: str
    number: str


def root() -> Path:
    """Where they lie; a renewed key reaches them there."""
    return Path(settings.VAR) / FOLDER


sealed.keep_below("protection.erasures", root)


def _path(case: str) -> Path:
    return root() / "kept" / f"{sm3(case.encode())[:32]}.json"


def keep(found: PersonRequest) -> None:
    """Before the first row is deleted, so that no deletion is without."""
    case = found.case.number
    if not sealed.exists(_path(case)):
        facts = {"case": case, "at": timezone.now().isoformat(), "number": decrypt(found.id_number, NUMBER)}
        sealed.keep(io.BytesIO(json.dumps(facts, ensure_ascii=False).encode()), _path(case))


def done(actor: Actor, case: str) -> None:
    """This database has carried the deletion out."""
    if not Entry.objects.filter(action=DONE, target_kind=TARGET, target_id=case).exists():
        ledger.record(actor, DONE, (TARGET, case))


def _stones() -> Iterator[Stone]:
    for path in sorted((root() / "kept").glob(f"*{sealed.SUFFIX}")):
        with suppress(FileNotFoundError), sealed.opened(path) as content:
            yield Stone(**json.loads(content.read()))


def due() -> list[Stone]:
    """Deletions that this database knows nothing of. Raises CryptoProblem for one that no key in use opens."""
    known = set(Entry.objects.filter(action=DONE, target_kind=TARGET).values_list("target_id", flat=True))
    return [stone for stone in _stones() if stone.case not in known]


def keep_all(actor: Actor) -> int:
    """Deletions of before this was kept; how many."""
    count = 0
    for found in PersonRequest.objects.filter(deletions__isnull=False).select_related("case").distinct():
        if not sealed.exists(_path(found.case.number)):
            try:
                keep(found)
                count += 1
            except CryptoProblem:
                # The others are kept all the same; this one a restored backup would bring back.
                log.warning("no key in use opens the number of deletion %s: it is not kept", found.case.number)
        if found.answered_at is not None:
            done(actor, found.case.number)
    return count
