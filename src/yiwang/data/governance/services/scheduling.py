"""按日汇总质量分；按人的要求剖析数据。"""

from django.utils import timezone

from yiwang.data.governance.services import objections, proposing, running, scoring
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.jobs.loops import register
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.jobs.services import enqueue
from yiwang.kernel.jobs.tasks import Outcome, job
from yiwang.kernel.lake import engine

HOUR, HALF_MINUTE = 3600, 30


@job("governance.score", title="汇总质量分")
def score() -> Outcome:
    """The month so far; said again it changes only what has a newer run."""
    return Outcome(f"更新了 {scoring.score_month(SYSTEM, timezone.localdate())} 个资源本月的质量分。")


@job("governance.profile", title="数据剖析")
def profile(*, run_id: int, job_id: int) -> Outcome:
    return Outcome(f"提出 {proposing.profile(SYSTEM, run_id, job_id=job_id)} 条新的规则建议，请到“规则建议”逐条确认。")


@job("governance.compare", title="核对异议")
def compare(*, objection: int) -> Outcome:
    found = objections.compare(SYSTEM, objection)
    return Outcome(f"{found}：现行数据里的内容{'没有变' if found.compared['same'] else '已不同'}。")


def compare_new() -> int:
    """Whatever way the data changed: a load, an approval, a rollback."""
    for pk in objections.uncompared():
        enqueue(compare, key=str(pk), objection=pk)
    return 0


def daily() -> int:
    today = timezone.localdate().isoformat()
    if not Job.objects.filter(name=score.name, key=today).exists():
        enqueue(score, key=today)
    return 0


register("governance.score", daily, HOUR)
register("governance.compare", compare_new, HALF_MINUTE)
# When the platform is up, and before the first sheet comes: its officer would wait for what a check imports.
register("governance.warm", lambda: engine.warm([running.CHECK]), HOUR, after=HALF_MINUTE)
JOBS = (score, profile, compare)
