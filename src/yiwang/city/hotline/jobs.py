"""每日按工单事实扣分，考核员也可在考核月随时取数；训练分类模型。"""

from django.utils import timezone

from yiwang.city.hotline import contract
from yiwang.city.hotline.services.deductions import RULES, deduct_month, reverse_vanished
from yiwang.city.hotline.services.training import train_job
from yiwang.city.insight import contract as insight
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.jobs.loops import register
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.jobs.services import enqueue
from yiwang.kernel.jobs.tasks import Outcome, job
from yiwang.office.appraisal import contract as appraisal

HOUR = 3600

appraisal.register_source("hotline", appraisal.Source("12345 热线", RULES, deduct_month, reverse_vanished))
insight.register_source(contract)


@job("hotline.deductions", title="热线考核取数")
def deductions() -> Outcome:
    """Every open month once more: new facts are deducted, deductions whose fact is gone are reversed."""
    done = appraisal.collect_open(SYSTEM)
    return Outcome(f"新增扣分 {done.added} 条，冲回 {done.reversed} 条。")


def daily() -> int:
    """Once a day, whichever worker comes first; a second run would add nothing."""
    today = timezone.localdate().isoformat()
    if Job.objects.filter(name=deductions.name, key=today).exists():
        return 0
    enqueue(deductions, key=today)
    return 0


register("hotline.deductions", daily, HOUR)
JOBS = (deductions, train_job)
