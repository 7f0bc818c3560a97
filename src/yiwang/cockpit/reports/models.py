"""报告模板按版本；报告发布即封存，更正另出一期。"""

from django.db import models
from django.db.models import Q

from yiwang.cockpit.reports.terms import Span, State
from yiwang.kernel.access.records import Record


class Template(models.Model):
    """报告模板的一个版本，内容不改；改动即新版本。"""

    code = models.CharField("模板代码", max_length=60)
    version = models.PositiveSmallIntegerField("版本")
    name = models.CharField("名称", max_length=100)
    span = models.CharField("期间", max_length=8, choices=Span.choices, default=Span.MONTH)
    text = models.TextField("正文模板")
    basis = models.CharField("依据", max_length=200, blank=True)
    digest = models.CharField("摘要", max_length=64)
    created_at = models.DateTimeField("登记时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "报告模板"
        ordering = ["code", "-version"]
        constraints = [models.UniqueConstraint(fields=["code", "version"], name="reports_template_once")]

    def __str__(self) -> str:
        return f"{self.name}（第{self.version}版）"


class Report(Record):
    template = models.ForeignKey(Template, models.PROTECT, related_name="reports", verbose_name="模板")
    title = models.CharField("标题", max_length=200)
    period = models.CharField("期间", max_length=40)
    note = models.TextField("补充说明", blank=True, help_text="编在正文之后；其中的数字不会自动核对")
    state = models.CharField("状态", max_length=12, choices=State.choices, default=State.DRAFT)
    body = models.JSONField("定稿内容", null=True, blank=True, editable=False)
    digest = models.CharField("摘要", max_length=64, blank=True, editable=False)
    issued_at = models.DateTimeField("发布时间", null=True, blank=True, editable=False)
    issued_by = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="发布人"
    )
    supersedes = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="corrected_by", verbose_name="更正的报告"
    )
    reason = models.CharField("更正原因", max_length=300, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "报告"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state=State.DRAFT, issued_at=None) | (~Q(state=State.DRAFT) & Q(issued_at__isnull=False)),
                name="reports_issued_dated",
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def seal(self) -> str:
        return f"report:{self.pk}"
