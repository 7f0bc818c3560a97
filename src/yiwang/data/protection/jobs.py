"""识别在后台进行：抽样要启动数据计算进程。"""

from yiwang.data.protection import services
from yiwang.data.protection.models import PersonRequest, Scan
from yiwang.data.protection.services import persons, tombstones
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import SYSTEM, Actor, Refused
from yiwang.kernel.jobs.loops import register
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


@job("protection.find_person", title="查找本人数据")
def find_person(*, request_id: int) -> Outcome:
    made = persons.find(SYSTEM, request_id)
    return Outcome(
        f"在 {len(made)} 张表里查到 {sum(each.rows for each in made)} 行。" if made else "现行数据中没有查到。"
    )


@job("protection.erase_person", title="删除本人数据")
def erase_person(*, request_id: int) -> Outcome:
    made = persons.erase(SYSTEM, request_id)
    return Outcome(f"{len(made)} 张表已删除，证明见办理单。")


def start_person(actor: Actor, request_id: int, erase: bool) -> PersonRequest:
    """Queue the search, or the deletion of what it found."""
    found: PersonRequest = doors.row(actor, "protection.request", request_id, "handle")
    enqueue(erase_person if erase else find_person, key=str(found.pk), owner=actor.person_id, request_id=found.pk)
    return found


def keep_deletions() -> int:
    """Deletions made before they were kept beside the database."""
    return tombstones.keep_all(SYSTEM)


register("protection.deletions", keep_deletions, 24 * 3600)
JOBS = (scan, find_person, erase_person)
