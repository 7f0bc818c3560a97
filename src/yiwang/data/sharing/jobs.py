"""后台：服务表随快照与授权更新、夜间核对、可出字段与异议标注同步、库表推送、分区与随机数清理。"""

import logging

from django.utils import timezone

from yiwang.data.governance import contract as governance
from yiwang.data.sharing import queries
from yiwang.data.sharing.models import Grant
from yiwang.data.sharing.services import deliveries, erasing, grants, lakeside, marks, serving
from yiwang.data.sharing.terms import GrantState, Way
from yiwang.kernel.access.actors import SYSTEM, Refused
from yiwang.kernel.jobs.loops import register
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.jobs.services import enqueue
from yiwang.kernel.jobs.tasks import Outcome, job
from yiwang.kernel.lake import erasing as erasing_places

logger = logging.getLogger(__name__)
FOLLOW_SECONDS, HOUR = 20, 3600


@job("sharing.serve", title="建立共享服务表")
def serve(*, resource_id: int) -> Outcome:
    table = lakeside.serve(SYSTEM, resource_id)
    return Outcome(f"服务表 {table} 快照 {table.snapshot}，{table.rows} 行。" if table else "没有可服务的数据或授权。")


@job("sharing.push", title="库表推送")
def push(*, grant_id: int) -> Outcome:
    made = deliveries.push(SYSTEM, grant_id)
    return Outcome(f"推送 {made.rows} 行，删除 {made.removed} 行。" if made else "目标已是最新快照。")


@job("sharing.check", title="服务表夜间核对")
def check() -> Outcome:
    """Each current table against the lake; one that differs is named and built anew."""
    wrong = []
    for table in lakeside.due_checks():
        if not lakeside.check(SYSTEM, table):
            wrong.append(str(table))
            logger.error("serving table %s differs from the lake", table)
            lakeside.serve(SYSTEM, table.resource_id, anew=True)
    return Outcome(f"不一致，已重建：{'、'.join(wrong)}。" if wrong else "全部一致。")


def _marks(resource_id: int) -> dict[str, dict[str, str]]:
    """Open objections as the gateway shows them: key values joined, a sentence a field."""
    return {
        "|".join(map(str, key)): {
            field: f"异议核实中（{mark['number']}，{mark['since']} 提出），请核对后使用"
            for field, mark in fields.items()
        }
        for key, fields in governance.open_marks(resource_id).items()
    }


def follow() -> int:
    """Projections at once, tables by a job where the lake or the grants moved on."""
    done = 0
    for resource_id in queries.live_grants().values_list("resource_id", flat=True).distinct().order_by():
        try:
            done += grants.refresh(SYSTEM, resource_id)
            wanted = lakeside.wanted(resource_id)
        except Refused as refusal:
            logger.warning("resource %s: %s", resource_id, refusal.message)
            continue
        marks.keep(SYSTEM, resource_id, _marks(resource_id))
        if wanted is not None and not wanted.met_by(queries.serving(resource_id)):
            enqueue(serve, key=f"{resource_id}", resource_id=resource_id)
    return done


def daily() -> int:
    """Once a day, whichever worker comes first."""
    serving.ensure_partitions(SYSTEM)
    serving.forget_nonces(SYSTEM)
    deliveries.sweep(SYSTEM)
    today = timezone.localdate().isoformat()
    if not Job.objects.filter(name=check.name, key=today).exists():
        enqueue(check, key=today)
        for grant in Grant.objects.filter(way=Way.TABLE, state=GrantState.ACTIVE, target__isnull=False):
            enqueue(push, key=f"{grant.pk}:{today}", grant_id=grant.pk)
    return 0


def recall(subject: erasing_places.Subject) -> None:
    """Replace the pushed tables now, not with tomorrow's push."""
    for grant_id in erasing.to_push(subject):
        enqueue(push, key=f"{grant_id}:recall", grant_id=grant_id)


erasing_places.register(erasing.PLACE, erasing.search, erasing.erase)
erasing_places.register_outlet(erasing.OUTLET, erasing.handed_out, recall)
register("sharing.follow", follow, FOLLOW_SECONDS)
register("sharing.daily", daily, HOUR)
JOBS = (serve, push, check)
