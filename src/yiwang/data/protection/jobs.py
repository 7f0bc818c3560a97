"""识别在后台进行：抽样要启动数据计算进程。"""

from yiwang.data.protection import services
from yiwang.data.protection.models import Scan
from yiwang.kernel.access.actors import SYSTEM, Actor, Refused
from yiwang.kernel.jobs.services import enqueue
from yiwang.kernel.jobs.tasks import Outcome, job


@job("protection.scan", title="敏感数据识别")
def scan(*, scan_id: int) -> Outcome:
    try:
        found = services.run_scan(SYSTEM, scan_id)
    except Refused as refused:
        services.fail_scan(SYSTEM, scan_id, str(refused))
        raise
    sensitive = found.findings.exclude(kind="").count()
    return Outcome(f"{found.resource_name}：{found.findings.count()} 个信息项中 {sensitive} 个敏感，等待确认。")


def start(actor: Actor, resource_id: int) -> Scan:
    """Request a scan and queue its job."""
    found = services.request_scan(actor, resource_id)
    enqueue(scan, key=str(found.pk), owner=actor.person_id, scan_id=found.pk)
    return found


JOBS = (scan,)
