"""普查与三清单：布置给谁，谁在何时填报了什么；责任清单、负面清单是视图，不能手填。"""

from django.db import models

from yiwang.data.catalog.contract import Cycle, PublishState
from yiwang.data.census.terms import SurveyState
from yiwang.kernel.access.records import Record


class Survey(Record):
    """公共数据资源普查。"""

    title = models.CharField("普查名称", max_length=120)
    basis = models.CharField("依据", max_length=300)
    starts_on = models.DateField("开始日期")
    due_on = models.DateField("截止日期")
    units = models.ManyToManyField("orgs.Organisation", through="Target", related_name="+", verbose_name="普查单位")
    state = models.CharField("状态", max_length=12, choices=SurveyState.choices, default=SurveyState.RUNNING)

    class Meta:
        verbose_name = verbose_name_plural = "数据普查"
        ordering = ["-starts_on", "-id"]

    def __str__(self) -> str:
        return self.title


class Target(Record):
    """普查对象单位；organisation 即该单位。"""

    survey = models.ForeignKey(Survey, models.PROTECT, related_name="targets", verbose_name="普查")
    due_on = models.DateField("截止日期")
    reported_at = models.DateTimeField("填报时间", null=True, blank=True)
    systems = models.PositiveIntegerField("信息系统数", default=0)
    holdings = models.PositiveIntegerField("应编目资源数", default=0, help_text="本单位全部数据资源，不论是否已编目")
    note = models.CharField("填报说明", max_length=300, blank=True)
    reminders = models.PositiveIntegerField("催报次数", default=0)
    reminded_at = models.DateTimeField("最近催报", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "普查单位"
        ordering = ["survey", "organisation"]
        constraints = [models.UniqueConstraint(fields=["survey", "organisation"], name="census_target_once")]

    def __str__(self) -> str:
        return f"{self.survey} {self.organisation}"


class Duty(Record):
    """部门职能（三定规定、权责清单）；责任清单由它与资源的关联生成。"""

    code = models.CharField("职能代码", max_length=40, unique=True)
    name = models.CharField("职能", max_length=200)
    basis = models.CharField("依据", max_length=300)
    yields_data = models.BooleanField("产生数据", default=True, help_text="不产生数据的职能不计入编目率")
    resources = models.ManyToManyField("catalog.Resource", blank=True, related_name="duties", verbose_name="对应资源")

    class Meta:
        verbose_name = verbose_name_plural = "部门职能"
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class ResponsibilityEntry(models.Model):
    """责任清单（视图）：职能 × 资源，没有资源的职能也列出。"""

    duty = models.ForeignKey(Duty, models.DO_NOTHING, related_name="+", verbose_name="职能")
    organisation = models.ForeignKey("orgs.Organisation", models.DO_NOTHING, related_name="+", verbose_name="责任单位")
    resource = models.ForeignKey(
        "catalog.Resource", models.DO_NOTHING, null=True, related_name="+", verbose_name="应提供资源"
    )
    basis = models.CharField("依据", max_length=300)
    cycle = models.CharField("更新周期", max_length=20, choices=Cycle.choices)
    publish_state = models.CharField("目录状态", max_length=20, choices=PublishState.choices)

    class Meta:
        managed = False
        db_table = "census_responsibility"
        verbose_name = verbose_name_plural = "责任清单"

    def __str__(self) -> str:
        return f"{self.organisation} {self.duty}"


class NegativeEntry(models.Model):
    """负面清单（视图）：不予共享的信息项，与不予提供的需求。"""

    organisation = models.ForeignKey("orgs.Organisation", models.DO_NOTHING, related_name="+", verbose_name="提供方")
    resource = models.ForeignKey(
        "catalog.Resource", models.DO_NOTHING, null=True, related_name="+", verbose_name="信息资源"
    )
    item = models.ForeignKey("catalog.Item", models.DO_NOTHING, null=True, related_name="+", verbose_name="信息项")
    demand = models.ForeignKey(
        "catalog.Demand", models.DO_NOTHING, null=True, related_name="+", verbose_name="被拒需求"
    )
    subject = models.CharField("不予共享的内容", max_length=300)
    reason = models.CharField("理由", max_length=300)
    basis = models.CharField("依据", max_length=300)
    since = models.DateTimeField("列入时间")

    class Meta:
        managed = False
        db_table = "census_negative"
        verbose_name = verbose_name_plural = "负面清单"

    def __str__(self) -> str:
        return self.subject
