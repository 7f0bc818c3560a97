"""Published definitions and sealed figures."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Definition(models.Model):
    """指标口径的一个版本；口径变了而版本号没变，发布时被拒绝。"""

    code = models.CharField("指标代码", max_length=60)
    version = models.PositiveSmallIntegerField("版本")
    name = models.CharField("名称", max_length=100)
    text = models.TextField("口径")
    unit = models.CharField("单位", max_length=20)
    digest = models.CharField("摘要", max_length=64)
    published_at = models.DateTimeField("发布时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "指标口径"
        ordering = ["code", "version"]
        constraints = [models.UniqueConstraint(fields=["code", "version"], name="measures_definition_once")]

    def __str__(self) -> str:
        return f"{self.name}（第{self.version}版口径）"


class SealedFigure(models.Model):
    """封存的数字：值、分子分母、成员记录和摘要。只增不改，任何时候可由成员重算。"""

    seal = models.CharField("封存批次", max_length=80, db_index=True)
    position = models.PositiveIntegerField("序号")
    code = models.CharField("指标代码", max_length=60)
    version = models.PositiveSmallIntegerField("口径版本")
    period = models.CharField("期间", max_length=40)
    filters = models.JSONField("筛选", default=dict)
    value = models.DecimalField("值", max_digits=20, decimal_places=4, null=True, blank=True)
    numerator = models.DecimalField("分子", max_digits=20, decimal_places=4)
    denominator = models.DecimalField("分母", max_digits=20, decimal_places=4, null=True, blank=True)
    rows = models.JSONField("分项", default=list)
    numerator_ids = ArrayField(models.BigIntegerField(), default=list, verbose_name="分子记录")
    denominator_ids = ArrayField(models.BigIntegerField(), default=list, verbose_name="分母记录")
    as_of = models.DateTimeField("截至")
    digest = models.CharField("摘要", max_length=64)

    class Meta:
        verbose_name = verbose_name_plural = "封存数字"
        ordering = ["seal", "position"]
        constraints = [models.UniqueConstraint(fields=["seal", "position"], name="measures_sealed_once")]

    def __str__(self) -> str:
        return f"{self.code} {self.period}"
