"""Reading jobs and workers."""

from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.jobs.models import Heartbeat, Job

SILENT = timedelta(seconds=30)


def own(actor: Actor) -> QuerySet[Job]:
    """The actor's own jobs, newest first."""
    return Job.objects.filter(owner_id=actor.person_id) if actor.person_id else Job.objects.none()


def alive(now: datetime | None = None) -> QuerySet[Heartbeat]:
    """Workers heard of lately; none means that imports, timers and messages stand still."""
    return Heartbeat.objects.filter(stopped_at=None, beat_at__gte=(now or timezone.now()) - SILENT)


def failing_loops(now: datetime | None = None) -> dict[str, str]:
    """Loops whose last run ended in an error, with the error, for the health page."""
    return {
        name: state["error"]
        for heartbeat in alive(now)
        for name, state in heartbeat.loops.items()
        if state.get("error")
    }
