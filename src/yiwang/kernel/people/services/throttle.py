"""Counting failures so that guessing does not pay.

The attempt is counted before the password is looked at, under a row lock, and given back when it was right:
however many requests arrive at once, no more than the limit are ever checked.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from yiwang.kernel.people.limits import Limit, key_of
from yiwang.kernel.people.models import Throttle


def reserve(limit: Limit, subject: str) -> datetime | None:
    """Count one attempt; the time until which it is refused, or None when it may go on."""
    now, span = timezone.now(), timedelta(minutes=limit.minutes)
    with transaction.atomic():
        key = key_of(limit, subject)
        # The upsert locks the row even when somebody clears it at the same moment.
        Throttle.objects.bulk_create(
            [Throttle(key=key, started_at=now)], update_conflicts=True, unique_fields=["key"], update_fields=["key"]
        )
        counted = Throttle.objects.get(key=key)
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
        counted = Throttle.objects.select_for_update().filter(key=key_of(limit, subject)).first()
        if counted is not None:
            counted.failures = max(counted.failures - 1, 0)
            if counted.failures < limit.failures:
                counted.locked_until = None
            counted.save()


def clear(limit: Limit, subject: str) -> bool:
    return bool(Throttle.objects.filter(key=key_of(limit, subject)).delete()[0])
