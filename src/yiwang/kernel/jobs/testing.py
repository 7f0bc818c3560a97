"""Running jobs inside a test, in its own connection, and processes that end in the middle of one."""

import os
import signal
from collections.abc import Callable
from typing import Any

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


def killed_at(owner: Any, name: str, act: Callable[[], object], *, after: int = 0) -> int:
    """Run `act` in a child that ends by SIGKILL when `owner.name` is called (`after`: how many calls go through first);
    the number of the signal that ended it, other than 9 when it never came there. What the child committed stays."""
    pid = os.fork()
    if pid == 0:
        connection.connection = None  # the parent's; the child opens its own
        try:
            usual, calls = getattr(owner, name), [0]

            def step(*args: Any, **kwargs: Any) -> Any:
                calls[0] += 1
                if calls[0] > after:
                    os.kill(os.getpid(), signal.SIGKILL)
                return usual(*args, **kwargs)

            setattr(owner, name, step)
            act()
            os._exit(0)
        finally:
            os._exit(99)
    return os.waitpid(pid, 0)[1]


def taken_up_again() -> int:
    """What the keeper of jobs does with those of a dead worker, then all that waits; how many ran."""
    Job.objects.filter(state=Job.State.RUNNING).update(state=Job.State.QUEUED)
    return run_all()
