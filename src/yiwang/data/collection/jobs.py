"""数据包处理、巡检、催报。"""

from django.utils import timezone

from yiwang.data.collection import queries
from yiwang.data.collection.services import packages, processing, pushing, sweeping, watching
from yiwang.data.governance import contract as governance
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.jobs.loops import register
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.jobs.services import enqueue
from yiwang.kernel.jobs.tasks import Outcome, job
from yiwang.kernel.lake import services as lake

SWEEP_SECONDS, WATCH_SECONDS, SEAL_SECONDS = 30, 1800, 300


@job("collection.sweep", title="来源巡检")
def sweep_sources() -> Outcome:
    """Take what waits at every way in that is due; each package then goes its own way."""
    now = timezone.now()
    found = [package for source in sweeping.due(now) for package in sweeping.sweep(source, now)]
    pushing.tidy(now)
    return Outcome(f"收到 {len(found)} 个数据包。")


@job("collection.remind", title="更新催报")
def remind() -> Outcome:
    return Outcome(f"新开催报 {watching.remind(timezone.now())} 件。")


def sweep_loop() -> int:
    """One sweep at a time, whichever worker asks."""
    if any(True for _ in sweeping.due(timezone.now())):
        enqueue(sweep_sources, key="all")
    return 0


def watch_loop() -> int:
    hour = timezone.localtime().strftime("%Y-%m-%d")
    if not Job.objects.filter(name=remind.name, key=hour).exists():
        enqueue(remind, key=hour)
    return 0


register("collection.sweep", sweep_loop, SWEEP_SECONDS)
register("collection.watch", watch_loop, WATCH_SECONDS)


@job("collection.seal", title="数据包加密")
def seal_packages(*, resource_id: int) -> Outcome:
    """What came in before the resource was graded, or while it was graded lower."""
    waiting = packages.unsealed(resource_id)
    for package in waiting:
        packages.seal(SYSTEM, package)
    runs = governance.seal_runs(SYSTEM, resource_id)
    return Outcome(f"{len(waiting)} 个数据包、{runs} 次检查的文件已加密。")


def seal_loop() -> int:
    """Queue the sealing of resources that hold plain files and items of level 3 or up; so for their lake tables."""
    for table in queries.tables_to_seal():
        lake.seal(SYSTEM, table, "目录中有 3 级以上的信息项")
    for resource_id in queries.to_seal():
        enqueue(seal_packages, key=str(resource_id), resource_id=resource_id)
    return 0


register("collection.seal", seal_loop, SEAL_SECONDS)
JOBS = (processing.process, sweep_sources, remind, seal_packages)
