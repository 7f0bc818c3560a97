"""What a person sees of a job, and which workers are alive. The queue itself belongs to procrastinate."""

from django.db import models
from django.db.models import Q


class Job(models.Model):
    """后台任务。"""

    class State(models.TextChoices):
        QUEUED = "queued", "排队"
        RUNNING = "running", "执行中"
        DONE = "done", "已完成"
        FAILED = "failed", "失败"

    name = models.CharField("任务", max_length=100)
    title = models.CharField("名称", max_length=200)
    key = models.CharField("去重键", max_length=200, blank=True)
    queue = models.CharField("队列", max_length=40, default="default")
    arguments = models.JSONField("参数", default=dict)
    owner = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, blank=True, related_name="jobs", verbose_name="发起人"
    )
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.QUEUED)
    done = models.PositiveIntegerField("已处理", default=0)
    total = models.PositiveIntegerField("总数", default=0)
    message = models.TextField("说明", blank=True)
    result_file = models.ForeignKey(
        "files.StoredFile", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="结果文件"
    )
    attempts = models.PositiveSmallIntegerField("执行次数", default=0)
    delivery_id = models.BigIntegerField("投递编号", null=True, editable=False)
    worker = models.CharField("执行进程", max_length=120, blank=True, editable=False)
    scheduled_at = models.DateTimeField("计划时间", null=True, blank=True)
    created_at = models.DateTimeField("提交时间", auto_now_add=True)
    started_at = models.DateTimeField("开始时间", null=True, blank=True)
    finished_at = models.DateTimeField("结束时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "后台任务"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["name", "key"], condition=Q(state="queued") & ~Q(key=""), name="jobs_one_queued_per_key"
            )
        ]
        indexes = [
            models.Index(fields=["owner", "-id"], name="jobs_of_owner"),
            models.Index(fields=["id"], condition=Q(state__in=["queued", "running"]), name="jobs_open"),
        ]

    def __str__(self) -> str:
        return self.title


class Heartbeat(models.Model):
    """执行进程心跳。"""

    worker = models.CharField("进程标识", max_length=120, unique=True)
    started_at = models.DateTimeField("启动时间")
    beat_at = models.DateTimeField("最近心跳")
    stopped_at = models.DateTimeField("停止时间", null=True, blank=True)
    loops = models.JSONField("循环状态", default=dict, help_text="各循环最近一次运行与错误")

    class Meta:
        verbose_name = verbose_name_plural = "执行进程"
        ordering = ["-beat_at"]

    def __str__(self) -> str:
        return self.worker
