"""What time changes by itself, done by the worker."""

from datetime import timedelta

from django.utils import timezone

from yiwang.kernel.people.models import Session, Throttle
from yiwang.kernel.people.services.appointments import _follow_posts


def tidy() -> int:
    """Remove expired sessions and old failure counts; let people follow appointments that began or ended today."""
    now = timezone.now()
    stale = Throttle.objects.filter(started_at__lt=now - timedelta(days=1)).exclude(locked_until__gt=now)
    gone = Session.objects.filter(expire_date__lt=now).delete()[0] + stale.delete()[0]
    return gone + _follow_posts()
