"""后台：目录、快照或脱敏规则变了，就重新发布文件。"""

from yiwang.data.opendata import queries
from yiwang.data.opendata.services import building, erasing
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.jobs.loops import register
from yiwang.kernel.jobs.services import enqueue
from yiwang.kernel.jobs.tasks import Outcome, job
from yiwang.kernel.lake import erasing as erasing_places

FOLLOW_SECONDS = 20


@job("opendata.build", title="发布开放数据文件")
def build(*, dataset_id: int) -> Outcome:
    made = building.build(SYSTEM, dataset_id)
    return Outcome(f"{made}，{made.rows} 行。" if made else "没有可发布的数据或字段。")


def follow() -> int:
    """A job for each data set whose files are behind; one waits at most."""
    wanted = queries.due()
    for dataset in wanted:
        enqueue(build, key=str(dataset.pk), dataset_id=dataset.pk)
    return 0


erasing_places.register(erasing.PLACE, erasing.search, erasing.erase)
erasing_places.register_outlet(erasing.PLACE, erasing.handed_out, erasing.nothing)
register("opendata.follow", follow, FOLLOW_SECONDS)
JOBS = (build,)
