"""Versions of a working calendar. A version holds only what it changes; the calendar is the fold of them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from yiwang.kernel.calendar.terms import Change


class CalendarVersion(models.Model):
    """工作日历的一次发布。已发布的版本不再修改，更正即发布新版本。"""

    code = models.CharField("日历代码", max_length=32)
    number = models.PositiveIntegerField("版本号")
    source = models.CharField("发布依据", max_length=200)
    years = ArrayField(models.PositiveSmallIntegerField(), verbose_name="已公布安排的年份", default=list, blank=True)
    hours = models.JSONField("办公时间", help_text="每段为 [起, 止]，自零时起的分钟数")
    published_by = models.JSONField("发布人", default=dict)
    published_at = models.DateTimeField("发布时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "工作日历版本"
        ordering = ["code", "number"]
        constraints = [models.UniqueConstraint(fields=["code", "number"], name="calendar_version_once")]

    def __str__(self) -> str:
        return f"{self.code} 第 {self.number} 版"


class CalendarDay(models.Model):
    """某版日历对一个日期的安排：休、班，或恢复常规。"""

    version = models.ForeignKey(CalendarVersion, models.PROTECT, related_name="changes", verbose_name="版本")
    date = models.DateField("日期")
    change = models.CharField("安排", max_length=8, choices=Change.choices)
    name = models.CharField("名称", max_length=40, blank=True)
    source = models.CharField("依据", max_length=200, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "日历日期"
        ordering = ["date"]
        constraints = [models.UniqueConstraint(fields=["version", "date"], name="calendar_day_once")]

    def __str__(self) -> str:
        return f"{self.date} {self.get_change_display()} {self.name}"
