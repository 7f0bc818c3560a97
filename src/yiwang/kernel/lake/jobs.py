"""What the worker does for the lake: follow publications, keep the nights."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from yiwang.kernel.access.actors import SYSTEM, Actor, Refused
from yiwang.kernel.files import private
from yiwang.kernel.jobs.loops import register
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.jobs.services import enqueue
from yiwang.kernel.jobs.tasks import Outcome, job
from yiwang.kernel.lake import places, proofs, services
from yiwang.kernel.lake.models import LakeTable, Proof

NIGHT = range(1, 5)  # hours of the day, local time
PATIENCE = timedelta(minutes=10)


@job("lake.export", title="发布快照到 Iceberg", retries=5)
def export_job() -> Outcome:
    """All tables whose current snapshot is not in Iceberg yet; one that fails does not stop the others."""
    done, failed = 0, []
    for table in behind():
        try:
            done += services.export(SYSTEM, table)
        except Refused as refusal:
            failed.append(f"{table.name}：{refusal.message}")
    if failed:
        raise Refused("；".join(failed)[:900])
    return Outcome(f"写出 {done} 个快照。")


@job("lake.seal", title="湖表数据文件加密", retries=5)
def seal_job() -> Outcome:
    """Tables that were told to be sealed and still have files in the clear; one that is busy does not stop the others."""
    done, failed = 0, []
    for table in LakeTable.objects.filter(sealing=True).order_by("pk"):
        try:
            done += services.seal_files(SYSTEM, table)
        except Refused as refusal:
            failed.append(f"{table.name}：{refusal.message}")
    if failed:
        raise Refused("；".join(failed)[:900])
    return Outcome(f"加密 {done} 个数据文件。")


def behind() -> list[LakeTable]:
    """Tables whose Iceberg side does not show the current snapshot; sealed ones have none."""
    waiting = Q(current__isnull=False, sealed=False) & (Q(current__iceberg_id=None) | Q(rebuild=True))
    return list(LakeTable.objects.filter(waiting).order_by("pk"))


@job("lake.night", title="湖表夜间维护", retries=1)
def night_job(*, job_id: int) -> Outcome:
    """Retention, small files, leftovers; then Iceberg."""
    ended = joined = 0
    failed = []
    for table in LakeTable.objects.order_by("pk"):
        try:
            ended += services.expire(SYSTEM, table, table.keep)
            joined += services.compact(SYSTEM, table, job_id=job_id) is not None
        except Refused as refusal:
            failed.append(f"{table.name}：{refusal.message}")
    removed = services.sweep()
    if failed:
        raise Refused("；".join(failed)[:900])
    return Outcome(f"{ended} 个快照到期，{joined} 张表合并了小文件，清理 {removed} 处残留。")


@job("lake.proof", title="核对个人信息删除证明", retries=0)
def proof_job(*, proof: int) -> Outcome:
    found = proofs.problems(Proof.objects.get(pk=proof))
    if found:
        raise Refused("证明不成立：" + "；".join(found)[:900])
    return Outcome("证明成立：校验码相符，旧文件已不在，新文件未变。")


def check_proof(actor: Actor, proof: Proof) -> None:
    """Read a proof again in the background; its owner sees the answer among the jobs."""
    actor.require("lake.proof", "check")
    enqueue(proof_job, key=f"{proof.pk}", owner=actor.person_id, proof=proof.pk)


def look() -> int:
    """Queue what is due: an export when a table is behind, the night's work once a night."""
    now = timezone.localtime()
    tried = Q(state__in=("queued", "running")) | Q(state="failed", finished_at__gte=now - PATIENCE)
    if behind() and not Job.objects.filter(tried, name="lake.export").exists():
        enqueue(export_job, key="all")
    if LakeTable.objects.filter(sealing=True).exists() and not Job.objects.filter(tried, name="lake.seal").exists():
        enqueue(seal_job, key="all")
    if now.hour in NIGHT and LakeTable.objects.exists():
        tonight = Job.objects.filter(name="lake.night", created_at__gte=now - timedelta(hours=12))
        if not tonight.exists():
            enqueue(night_job, key=f"{now:%Y-%m-%d}")
    return 0


def tidy() -> int:
    """Plain copies and half results of killed processes: at every start, and again soon after."""
    return private.sweep(places.root() / ".work")


register("lake.look", look, 15)
register("lake.tidy", tidy, 300)
