"""Counting failures so that guessing does not pay.

The attempt is counted before the password is looked at, under a row lock, and given back when it was right:
however many requests arrive at once, no more than the limit are ever checked.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from yiwang.kernel.crypto import mac
from yiwang.kernel.people.models import Throttle


@dataclass(frozen=True)
class Limit:
    kind: str
    failures: int
    minutes: int


ACCOUNT = Limit("account", settings.SIGN_IN_FAILURES, settings.SIGN_IN_LOCK_MINUTES)
ADDRESS = Limit("address", settings.SIGN_IN_ADDRESS_FAILURES, settings.SIGN_IN_LOCK_MINUTES)
SECOND_FACTOR = Limit("code", settings.SIGN_IN_FAILURES, settings.SIGN_IN_LOCK_MINUTES)


def _key(limit: Limit, subject: str) -> str:
    # Hashed: a mistyped user name may well be a password.
    digest = mac(subject.strip().casefold().encode(), "throttle")
    return f"{limit.kind}:{digest}"


def reserve(limit: Limit, subject: str) -> datetime | None:
    """Count one attempt; the time until which it is refused, or None when it may go on."""
    now, span = timezone.now(), timedelta(minutes=limit.minutes)
    with transaction.atomic():
        key = _key(limit, subject)
        Throttle.objects.get_or_create(key=key, defaults={"started_at": now})
        counted = Throttle.objects.select_for_update().get(key=key)
        if counted.locked_until and counted.locked_until > now:
            return counted.locked_until
        if counted.locked_until or counted.started_at + span < now:
            counted.failures, counted.started_at, counted.locked_until = 0, now, None
        counted.failures += 1
        if counted.failures >= limit.failures:
            counted.locked_until = now + span
        counted.save()
    return None


def give_back(limit: Limit, subject: str) -> None:
    """The attempt was right: it does not count, though earlier failures of others at the same address do."""
    with transaction.atomic():
        counted = Throttle.objects.select_for_update().filter(key=_key(limit, subject)).first()
        if counted is not None:
            counted.failures = max(counted.failures - 1, 0)
            if counted.failures < limit.failures:
                counted.locked_until = None
            counted.save()


def clear(limit: Limit, subject: str) -> bool:
    return bool(Throttle.objects.filter(key=_key(limit, subject)).delete()[0])


def locked_until(limit: Limit, subject: str) -> datetime | None:
    found = Throttle.objects.filter(key=_key(limit, subject), locked_until__gt=timezone.now()).first()
    return found.locked_until if found else None
