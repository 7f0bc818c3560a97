"""Running jobs inside a test, in its own connection."""

from django.db import connection
from django.utils import timezone

from yiwang.kernel.jobs import services
from yiwang.kernel.jobs.models import Job


def run_all(*, now: bool = False, limit: int = 1000) -> int:
    """Execute waiting jobs in order, also those they enqueue; `now` includes those planned for later."""
    for count in range(limit):
        waiting = Job.objects.filter(state=Job.State.QUEUED).order_by("id")
        row = next(
            (job for job in waiting if now or job.scheduled_at is None or job.scheduled_at <= timezone.now()), None
        )
        if row is None:
            return count
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs WHERE id = %s", [row.delivery_id])
        services.execute(row.pk, "test")
    raise AssertionError(f"more than {limit} jobs: one enqueues itself for ever")
