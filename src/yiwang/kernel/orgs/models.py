"""Regions by 区划代码, organisations as a path, posts that work is assigned to."""

from django.db import models

from yiwang.kernel.access.terms import Duty


class Region(models.Model):
    """行政区划（GB/T 2260、GB/T 10114）：代码即路径，省 2 位、市 4 位、县 6 位、乡 9 位、村 12 位。"""

    code = models.CharField("区划代码", max_length=12, unique=True)
    name = models.CharField("名称", max_length=100)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, verbose_name="上级区划")

    class Meta:
        verbose_name = verbose_name_plural = "行政区划"
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class Organisation(models.Model):
    """机构；path 是自根起各级 id 的串（如 /1/7/32/），本部门及以下即 path 前缀。"""

    class Kind(models.TextChoices):
        GOVERNMENT = "government", "政府"
        DEPARTMENT = "department", "部门"
        SUBDISTRICT = "subdistrict", "街道乡镇"
        OFFICE = "office", "内设机构"
        COMMUNITY = "community", "村社区"
        ENTERPRISE = "enterprise", "企事业单位"

    code = models.CharField("机构代码", max_length=32, unique=True, help_text="统一社会信用代码或内部编码")
    name = models.CharField("机构名称", max_length=100)
    short_name = models.CharField("简称", max_length=40, blank=True)
    kind = models.CharField("类别", max_length=16, choices=Kind.choices, default=Kind.DEPARTMENT)
    region = models.ForeignKey(Region, models.PROTECT, null=True, blank=True, verbose_name="所属区划")
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, verbose_name="上级机构")
    path = models.CharField("路径", max_length=200, db_index=True, editable=False)
    position = models.PositiveIntegerField("排序号", default=0)
    valid_from = models.DateField("启用日期", null=True, blank=True)
    valid_until = models.DateField("停用日期", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "机构"
        ordering = ["position", "id"]
        indexes = [models.Index(fields=["path"], opclasses=["text_pattern_ops"], name="orgs_path_prefix")]

    def __str__(self) -> str:
        return self.short_name or self.name


class Post(models.Model):
    """岗位：工作派给岗位，再解析到任职的人。"""

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="posts", verbose_name="机构")
    code = models.CharField("岗位代码", max_length=40)
    name = models.CharField("岗位名称", max_length=60)
    duty = models.CharField(
        "职责类别",
        max_length=12,
        choices=Duty.choices,
        default=Duty.BUSINESS,
        help_text="管理员岗位与业务岗位互斥，设定后不改",
    )
    is_head = models.BooleanField("负责人岗位", default=False)
    position = models.PositiveIntegerField("排序号", default=0)
    active = models.BooleanField("在用", default=True)

    class Meta:
        verbose_name = verbose_name_plural = "岗位"
        ordering = ["organisation", "position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "code"], name="orgs_post_code_once"),
            models.UniqueConstraint(fields=["id", "duty"], name="orgs_post_duty"),
        ]

    def __str__(self) -> str:
        return f"{self.organisation}{self.name}"
