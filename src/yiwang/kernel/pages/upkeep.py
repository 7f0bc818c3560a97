"""Registers of what broke in the background and waits for the system administrator: jobs, timers, messages."""

from typing import Any

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.clocks import resources as clocks
from yiwang.kernel.clocks import services as clocks_services
from yiwang.kernel.clocks.models import ParkedTimer
from yiwang.kernel.flow import resources as flow
from yiwang.kernel.flow import services as flow_services
from yiwang.kernel.flow.models import ParkedMessage
from yiwang.kernel.jobs import resources as jobs
from yiwang.kernel.jobs import services as jobs_services
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.registers.declarations import Column, RecordAction, Register, Section
from yiwang.kernel.registers.registry import register

REMOVED = "请先排除原因（见失败说明与运行日志），再重试。"
MESSAGES = {"seats": "待办通知", "urge": "催办", "rung": "时限提醒", "closed": "办结通知", "correct": "补正告知"}


def _retry_job(actor: Actor, job: Job, data: dict[str, Any]) -> None:
    jobs_services.retry(actor, job.pk)


JOBS = register(
    Register(
        code="jobs.job", model=Job, name="后台任务", resource=jobs.JOB, writes=(), api=False,
        columns=("title", "owner", "state", "message", "attempts", "created_at", "finished_at"),
        filters=("state", "created_at"), search=("title",),
        sections=(Section("任务", ("title", "name", "owner", "state", "message", "attempts", "done", "total")),
                  Section("时间", ("created_at", "scheduled_at", "started_at", "finished_at"))),
        actions=(
            RecordAction("change", "重试", _retry_job, confirm=REMOVED,
                         available=lambda actor, job: job.state == Job.State.FAILED, why="只有失败的任务需要重试。"),
        ),
        empty="没有后台任务。",
    )
)  # fmt: skip


def _clock(timer: ParkedTimer) -> str:
    return timer.clock.name


def _message(row: ParkedMessage) -> str:
    return MESSAGES.get(row.kind, row.kind)


TIMERS = register(
    Register(
        code="jobs.parked_timer", model=ParkedTimer, name="搁置的定时", resource=clocks.TIMER, writes=(), api=False,
        columns=(Column(_clock, "期限"), "kind", "rung", "lawful_at", "attempts", "error"), filters=("lawful_at",),
        sort=("lawful_at", "pk"), related=("clock",),
        actions=(
            RecordAction("retry", "重试", lambda actor, timer, data: clocks_services.retry(actor, timer.pk),
                         confirm=REMOVED),
        ),
        empty="没有搁置的定时，时限提醒与到期后果都在正常处理。",
    )
)  # fmt: skip
PARKED = register(
    Register(
        code="jobs.parked_message", model=ParkedMessage, name="搁置的待送达", resource=flow.PARKED, writes=(), api=False,
        columns=("case__number", Column(_message, "内容"), "attempts", "problem"), sort=("pk",),
        actions=(
            RecordAction("retry", "重送", lambda actor, row, data: flow_services.redeliver(actor, row.pk),
                         confirm=REMOVED),
        ),
        empty="没有搁置的消息，案件通知都已送达。",
    )
)  # fmt: skip
