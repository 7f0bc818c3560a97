"""How often one may fail to sign in, and by what failures are counted."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
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


def key_of(limit: Limit, subject: str) -> str:
    # Hashed: a mistyped user name may well be a password.
    digest = mac(subject.strip().casefold().encode(), "throttle")
    return f"{limit.kind}:{digest}"


def locked_until(limit: Limit, subject: str) -> datetime | None:
    found = Throttle.objects.filter(key=key_of(limit, subject), locked_until__gt=timezone.now()).first()
    return found.locked_until if found else None
