"""Enqueue, run, report and recover jobs."""

import json
import logging
import time
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from procrastinate.contrib.django import app

from yiwang.kernel.access.actors import Actor, Conflict, Refused
from yiwang.kernel.access.doors import row as row_of
from yiwang.kernel.jobs.models import Heartbeat, Job
from yiwang.kernel.jobs.resources import JOB
from yiwang.kernel.jobs.tasks import Declaration, Outcome, declared
from yiwang.kernel.ledger.services import record

logger = logging.getLogger(__name__)
DELIVERY = "yiwang.jobs.run"
WORKER_SILENT = timedelta(seconds=20)
BACKOFF, BACKOFF_LIMIT = timedelta(seconds=5), timedelta(minutes=10)
PROGRESS_EVERY = 0.5


def enqueue(
    job: Declaration,
    *,
    key: str | None = None,
    at: datetime | None = None,
    owner: int | None = None,
    title: str = "",
    **arguments: Any,
) -> Job:
    """Queue a job; it exists if and only if the caller's transaction commits.

    With a `key`, a job of the same name and key that still waits is returned instead of a second one. It is locked
    until the caller commits, so that it can't start before it sees what the caller wrote; jobs of one key run one
    after the other.
    """
    job.check(arguments)
    json.dumps(arguments)
    row = Job(
        name=job.name,
        title=title or job.title,
        key=key or "",
        queue=job.queue,
        arguments=arguments,
        owner_id=owner,
        scheduled_at=at,
    )
    with transaction.atomic():
        if not key:
            row.save(force_insert=True)
        else:
            row = _insert_or_lock(row)
            if row.delivery_id is not None:
                return row
        _deliver(row, at)
    return row


def _insert_or_lock(row: Job) -> Job:
    """The one waiting job of this name and key, locked: the given row, or one that somebody queued before."""
    while True:
        Job.objects.bulk_create([row], ignore_conflicts=True)
        waiting = Job.objects.select_for_update().filter(name=row.name, key=row.key, state=Job.State.QUEUED).first()
        if waiting is not None:  # else the other one started between the two statements
            return waiting


def _deliver(row: Job, at: datetime | None) -> None:
    lock = f"{row.name}:{row.key}" if row.key else None
    row.delivery_id = app.configure_task(DELIVERY, queue=row.queue, lock=lock, schedule_at=at).defer(job_id=row.pk)
    row.save(update_fields=["delivery_id", "scheduled_at"])


def _start(job_id: int, worker: str) -> Job | None:
    """Take a queued job; None if it already ran or runs (a second delivery)."""
    taken = Job.objects.filter(pk=job_id, state=Job.State.QUEUED).update(
        state=Job.State.RUNNING, worker=worker, attempts=F("attempts") + 1, started_at=timezone.now(), message=""
    )
    return Job.objects.get(pk=job_id) if taken else None


def execute(job_id: int, worker: str = "") -> None:
    """Run one delivered job to done, to a later retry, or to failed."""
    row = _start(job_id, worker)
    if row is None:
        return
    declaration = declared(row.name)
    if declaration is None:
        _fail(row, f"任务“{row.name}”在本版本中不存在，未执行。")
        return
    extra = {"job_id": row.pk} if declaration.wants_job_id else {}
    try:
        outcome = declaration(**row.arguments, **extra) or Outcome()
    except Refused as refusal:
        _fail(row, refusal.message)
    except Exception as error:
        logger.exception("job %s (%d) failed at attempt %d", row.name, row.pk, row.attempts)
        _again(row, declaration.retries, f"执行出错（{type(error).__name__}）")
    else:
        _still_mine(row).update(
            state=Job.State.DONE,
            finished_at=timezone.now(),
            message=outcome.message,
            result_file_id=outcome.file_id,
            done=F("total"),
        )


def _still_mine(row: Job) -> QuerySet[Job]:
    """Fences off a worker that was taken for dead and came back."""
    return Job.objects.filter(pk=row.pk, state=Job.State.RUNNING, worker=row.worker, attempts=row.attempts)


def _fail(row: Job, message: str) -> None:
    _still_mine(row).update(state=Job.State.FAILED, finished_at=timezone.now(), message=message)


def _again(row: Job, retries: int, why: str, *, at_once: bool = False) -> None:
    if row.attempts > retries:
        _fail(row, f"{why}，已试 {row.attempts} 次，不再重试；请联系系统管理员查看运行日志。")
        return
    at = timezone.now() + (timedelta() if at_once else min(BACKOFF * 2 ** (row.attempts - 1), BACKOFF_LIMIT))
    try:
        with transaction.atomic():
            if _still_mine(row).update(state=Job.State.QUEUED, message=f"{why}，稍后重试", scheduled_at=at):
                row.scheduled_at = at
                _deliver(row, at)
    except IntegrityError:
        _fail(row, f"{why}，由后来的同一任务接替。")


_reported: dict[int, float] = {}


def progress(job_id: int, done: int, total: int, message: str = "") -> None:
    """Show how far a job is; at most twice a second, and visible even while the job's own transaction is open."""
    now = time.monotonic()
    if done < total and now - _reported.get(job_id, 0.0) < PROGRESS_EVERY:
        return
    _reported[job_id] = now
    if done >= total:
        _reported.pop(job_id)
    if not connection.in_atomic_block:
        Job.objects.filter(pk=job_id).update(done=done, total=total, message=message)
        return
    beside = connection.copy()
    try:
        with beside.cursor() as cursor:
            cursor.execute(
                "UPDATE jobs_job SET done = %s, total = %s, message = %s WHERE id IN "
                "(SELECT id FROM jobs_job WHERE id = %s FOR UPDATE SKIP LOCKED)",
                [done, total, message, job_id],
            )
    finally:
        beside.close()


ORPHANS = """
SELECT j.id FROM jobs_job j
LEFT JOIN procrastinate_jobs d ON d.id = j.delivery_id
LEFT JOIN procrastinate_workers w ON w.id = d.worker_id
WHERE j.state IN ('queued', 'running') AND (
    d.id IS NULL OR d.status NOT IN ('todo', 'doing')
    OR (d.status = 'doing' AND (w.id IS NULL OR w.last_heartbeat < now() - %s))
)
ORDER BY j.id FOR UPDATE OF j SKIP LOCKED
"""


def reap() -> int:
    """Queue again the jobs whose worker died; procrastinate leaves them in `doing` for ever (its issue 1518)."""
    with transaction.atomic():
        orphans = list(Job.objects.raw(ORPHANS, [WORKER_SILENT]))
        for row in orphans:
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM procrastinate_jobs WHERE id = %s", [row.delivery_id])
            declaration = declared(row.name)
            logger.warning("job %s (%d) lost its worker %s", row.name, row.pk, row.worker)
            if row.state == Job.State.RUNNING:
                # Once is a restart of the server; more often it may be the job that kills its worker.
                _again(row, declaration.retries if declaration else 0, "执行进程中断", at_once=row.attempts == 1)
            else:
                _deliver(row, row.scheduled_at)
    return len(orphans)


def retry(actor: Actor, job_id: int) -> Job:
    """Queue a failed job again, once its cause has been removed; it has all its attempts anew."""
    actor.require(JOB.code, "change")
    with transaction.atomic():
        Job.objects.select_for_update().filter(pk=job_id).first()
        row: Job = row_of(actor, JOB.code, job_id, "change")
        if row.state != Job.State.FAILED:
            raise Conflict(f"任务“{row.title}”没有失败（现为{row.get_state_display()}），无需重试。请刷新后查看。")
        waiting = Job.objects.filter(name=row.name, key=row.key, state=Job.State.QUEUED)
        if row.key and waiting.exists():
            raise Conflict(f"任务“{row.title}”已有同一任务在排队，无需重试。请等待其完成。")
        problem, row.state, row.attempts = row.message, Job.State.QUEUED, 0
        row.message, row.started_at, row.finished_at = "", None, None
        row.save()
        _deliver(row, None)
        record(actor, "jobs.job.retry", (JOB.code, row.pk), before={"message": problem})
    return row


def tidy() -> int:
    """Forget the platform's own finished jobs after a week; a person's stay in the person's list."""
    past = timezone.now() - timedelta(days=7)
    Heartbeat.objects.filter(beat_at__lt=past).delete()
    return Job.objects.filter(state=Job.State.DONE, owner=None, result_file=None, finished_at__lt=past).delete()[0]
