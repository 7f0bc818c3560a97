"""每日催报临近截止和逾期的普查。"""

from django.utils import timezone

from yiwang.data.census.services import remind_due
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.jobs.loops import register
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.jobs.services import enqueue
from yiwang.kernel.jobs.tasks import Outcome, job

HOUR = 3600


@job("census.remind", title="普查催报")
def reminders() -> Outcome:
    """A unit is reminded once a day, so that a second run adds nothing."""
    return Outcome(f"催报 {remind_due(SYSTEM)} 个单位。")


def daily() -> int:
    today = timezone.localdate().isoformat()
    if Job.objects.filter(name=reminders.name, key=today).exists():
        return 0
    enqueue(reminders, key=today)
    return 0


register("census.remind", daily, HOUR)
JOBS = (reminders,)
