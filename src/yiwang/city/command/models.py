"""事项词典：按版本管理的“事项—主责—协同—时限—结案条件”。"""

from django.db import models
from django.db.models import Q

from yiwang.city.command.terms import EditionState, LimitUnit
from yiwang.kernel.access.records import Record


class Edition(Record):
    """词典版本。发布后不可改；工单记住派单时所用的版本。"""

    number = models.CharField("版本号", max_length=20, unique=True)
    name = models.CharField("名称", max_length=80)
    state = models.CharField("状态", max_length=12, choices=EditionState.choices, default=EditionState.DRAFT)
    effective_from = models.DateField("施行日期", null=True, blank=True)
    published_at = models.DateTimeField("发布时间", null=True, blank=True, editable=False)
    digest = models.CharField("内容摘要", max_length=64, blank=True, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "词典版本"
        ordering = ["-effective_from", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state=EditionState.DRAFT) | Q(effective_from__isnull=False, published_at__isnull=False),
                name="command_edition_published_dated",
                violation_error_message="发布的版本须写明生效日期和发布时间。",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}（{self.number}）"


class Matter(Record):
    """事项：由谁主责、谁协同、多长时间、怎样算办结。"""

    edition = models.ForeignKey(Edition, models.CASCADE, related_name="matters", verbose_name="词典版本")
    code = models.CharField("事项编码", max_length=12)
    category = models.CharField("一级分类", max_length=40, db_index=True)
    subcategory = models.CharField("二级分类", max_length=40, blank=True)
    name = models.CharField("事项名称", max_length=80)
    responsible = models.ForeignKey("orgs.Organisation", models.PROTECT, related_name="+", verbose_name="主责单位")
    by_region = models.BooleanField("属地主责", default=False, help_text="勾选后由诉求所在街道主责，主责单位作为协同")
    joint_names = models.CharField("协同单位", max_length=200, blank=True, help_text="机构名称或简称，用顿号分隔")
    joint = models.ManyToManyField(
        "orgs.Organisation", blank=True, related_name="+", editable=False, verbose_name="协同机构"
    )
    limit = models.PositiveIntegerField("办理时限", default=5)
    unit = models.CharField("时限单位", max_length=16, choices=LimitUnit.choices, default=LimitUnit.WORKING_DAY)
    closing_condition = models.CharField("结案条件", max_length=300)
    keywords = models.CharField("关键词", max_length=300, blank=True, help_text="用顿号分隔，派单时提示")
    basis = models.CharField("依据", max_length=200, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "事项"
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["edition", "code"], name="command_matter_code_once"),
            models.CheckConstraint(
                condition=Q(limit__gt=0),
                name="command_matter_limit_positive",
                violation_error_message="办理时限须大于 0。",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"
