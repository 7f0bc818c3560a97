"""Permissions are verb × resource × scope, given to posts by roles.

`duty` is repeated on Grant, RoleHolding, Post and Appointment and tied together by composite foreign keys
(see 0002), so the separation of the three administrators is a fact of the database, not of our carefulness.
"""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Q

from yiwang.kernel.access.terms import GRANTABLE, Duty, Scope


class Days(models.Func):
    """The days from `valid_from` to `valid_until`, both included; an open end is infinite."""

    function = "DATERANGE"

    def __init__(self) -> None:
        both = RangeBoundary(inclusive_lower=True, inclusive_upper=True)
        super().__init__("valid_from", "valid_until", both, output_field=DateRangeField())

    def deconstruct(self) -> tuple[str, list[object], dict[str, object]]:
        return "yiwang.kernel.access.models.Days", [], {}


def in_force(today: object, prefix: str = "") -> Q:
    """Rows whose days contain `today`."""
    until = f"{prefix}valid_until"
    return Q(**{f"{prefix}valid_from__lte": today}) & (Q(**{f"{until}__isnull": True}) | Q(**{f"{until}__gte": today}))


class Role(models.Model):
    """角色。三员分立：系统、安全、审计管理员角色互斥，且都不含业务权限（GB/T 22239 三级）。"""

    code = models.CharField("角色代码", max_length=60, unique=True)
    name = models.CharField("角色名称", max_length=60)
    duty = models.CharField("职责类别", max_length=12, choices=Duty.choices, default=Duty.BUSINESS)
    declared_by = models.CharField("声明者", max_length=40, blank=True, help_text="声明该角色的模块")
    declared = models.JSONField(
        "已声明授权", default=list, blank=True, editable=False, help_text="曾声明过的授权，人工收回后不再自动恢复"
    )

    class Meta:
        verbose_name = verbose_name_plural = "角色"
        ordering = ["code"]
        constraints = [models.UniqueConstraint(fields=["id", "duty"], name="access_role_duty")]

    def __str__(self) -> str:
        return self.name


class Grant(models.Model):
    """授权：角色可对某资源做某动作，限于某数据范围。"""

    role = models.ForeignKey(Role, models.CASCADE, related_name="grants", verbose_name="角色")
    duty = models.CharField("职责类别", max_length=12, choices=Duty.choices, default=Duty.BUSINESS, editable=False)
    resource = models.CharField("资源", max_length=80, help_text="如 hotline.request；* 不被接受")
    verb = models.CharField("动作", max_length=40, help_text="view add change export import 或业务动作")
    scope = models.CharField("数据范围", max_length=12, choices=Scope.choices)
    organisations = models.ManyToManyField("orgs.Organisation", blank=True, verbose_name="自定义机构")

    class Meta:
        verbose_name = verbose_name_plural = "授权"
        ordering = ["role", "resource", "verb"]
        constraints = [
            models.UniqueConstraint(fields=["role", "resource", "verb"], name="access_grant_once"),
            models.CheckConstraint(condition=GRANTABLE, name="access_grant_within_duty"),
            models.CheckConstraint(
                condition=~Q(resource__contains="*") & ~Q(verb__contains="*"), name="access_no_star"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.resource}:{self.verb} {self.get_scope_display()}"

    @property
    def facts(self) -> dict[str, object]:
        """What the ledger keeps of it."""
        organisations = sorted(self.organisations.values_list("pk", flat=True)) if self.pk else []
        return {"resource": self.resource, "verb": self.verb, "scope": self.scope, "organisations": organisations}


class RoleHolding(models.Model):
    """岗位持有角色，有起止日期与理由。"""

    role = models.ForeignKey(Role, models.PROTECT, related_name="holdings", verbose_name="角色")
    post = models.ForeignKey("orgs.Post", models.PROTECT, related_name="roles", verbose_name="岗位")
    duty = models.CharField("职责类别", max_length=12, choices=Duty.choices, default=Duty.BUSINESS, editable=False)
    valid_from = models.DateField("生效日期")
    valid_until = models.DateField("失效日期", null=True, blank=True)
    reason = models.CharField("理由", max_length=200, blank=True)
    granted_by = models.ForeignKey(
        "people.Person", models.PROTECT, related_name="+", null=True, blank=True, editable=False, verbose_name="授予人"
    )

    class Meta:
        verbose_name = verbose_name_plural = "角色授予"
        ordering = ["-valid_from", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
                name="access_holding_dates",
                violation_error_message="截止日期不能早于起始日期。",
            ),
            ExclusionConstraint(
                name="access_holding_once",
                violation_error_message="该岗位在此期间已有这个角色，起止日期不能重叠。",
                expressions=[
                    ("role", RangeOperators.EQUAL),
                    ("post", RangeOperators.EQUAL),
                    (Days(), RangeOperators.OVERLAPS),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.post} {self.role}"
