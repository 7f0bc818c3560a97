"""后台：构建库；来源发布、设计改动、人工裁定后自动重建。"""

from yiwang.data.masters.services import building
from yiwang.data.masters.terms import BuildState
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.jobs.loops import register
from yiwang.kernel.jobs.services import enqueue
from yiwang.kernel.jobs.tasks import Outcome, job

FOLLOW_SECONDS = 30


@job("masters.build", title="构建基础库")
def build(*, library_id: int, job_id: int) -> Outcome:
    made = building.build(SYSTEM, library_id, job_id=job_id)
    return Outcome(made.message if made.state == BuildState.REFUSED else f"{made.library}：{made.message}")


def follow() -> int:
    """Queue every library that is behind its sources; one job a library at a time."""
    found = building.due(SYSTEM)
    for library in found:
        enqueue(build, key=str(library.pk), library_id=library.pk)
    return len(found)


register("masters.follow", follow, FOLLOW_SECONDS)
JOBS = (build,)
