"""Bridges: a record of its own, as a domain would write it."""

from django.db import models

from yiwang.kernel.access.records import Record
from yiwang.kernel.calendar.fields import DueField
from yiwang.kernel.search.indexing import BigramIndex


class Bridge(Record):
    class State(models.TextChoices):
        PLANNED = "planned", "规划"
        BUILT = "built", "建成"
        CLOSED = "closed", "封存"

    number = models.CharField("编号", max_length=20, blank=True)
    code = models.CharField("桥梁代码", max_length=20, unique=True)
    name = models.CharField("名称", max_length=60)
    note = models.TextField("说明", blank=True)
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.PLANNED)
    length = models.DecimalField("长度（米）", max_digits=8, decimal_places=2, null=True, blank=True)
    lanes = models.IntegerField("车道数", default=2)
    toll = models.BooleanField("收费", default=False)
    opened_on = models.DateField("通车日期", null=True, blank=True)
    inspected_at = models.DateTimeField("检测时间", null=True, blank=True)
    mend_by = DueField("整修期限", null=True, blank=True)
    keeper_phone = models.CharField("管护电话", max_length=20, blank=True)
    owner_organisation = models.ForeignKey(
        "orgs.Organisation", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="产权单位"
    )
    region = models.ForeignKey("orgs.Region", models.PROTECT, null=True, blank=True, verbose_name="所在区划")

    class Meta:
        verbose_name = verbose_name_plural = "桥梁"
        indexes = [
            models.Index(fields=["-inspected_at", "-id"], name="sample_bridge_newest"),
            models.Index(fields=["organisation", "-inspected_at", "-id"], name="sample_bridge_of_office"),
            BigramIndex("number", "code", "name", "note", "keeper_phone", name="sample_bridge_words"),
        ]

    def __str__(self) -> str:
        return self.name


class Depot(Record):
    """A store of material, below another one, that several offices share."""

    code = models.CharField("料场代码", max_length=20, unique=True)
    name = models.CharField("名称", max_length=60)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, verbose_name="上级料场")
    users = models.ManyToManyField("orgs.Organisation", related_name="+", blank=True, verbose_name="共用单位")
    open = models.BooleanField("开放", default=True)

    class Meta:
        verbose_name = verbose_name_plural = "料场"

    def __str__(self) -> str:
        return self.name
