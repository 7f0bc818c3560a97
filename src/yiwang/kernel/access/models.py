"""Permissions are verb × resource × scope, given to posts by roles."""

from django.db import models

from yiwang.kernel.access.terms import Duty, Scope


class Role(models.Model):
    """角色。三员分立：系统、安全、审计管理员角色互斥，且都不含业务权限（GB/T 22239 三级）。"""

    code = models.CharField("角色代码", max_length=60, unique=True)
    name = models.CharField("角色名称", max_length=60)
    duty = models.CharField("职责类别", max_length=12, choices=Duty.choices, default=Duty.BUSINESS)
    declared_by = models.CharField("声明者", max_length=40, blank=True, help_text="声明该角色的模块")

    class Meta:
        verbose_name = verbose_name_plural = "角色"
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class Grant(models.Model):
    role = models.ForeignKey(Role, models.CASCADE, related_name="grants", verbose_name="角色")
    resource = models.CharField("资源", max_length=80, help_text="如 hotline.request；* 不被接受")
    verb = models.CharField("动作", max_length=40, help_text="view add change export import 或业务动作")
    scope = models.CharField("数据范围", max_length=12, choices=Scope.choices)
    organisations = models.ManyToManyField("orgs.Organisation", blank=True, verbose_name="自定义机构")

    class Meta:
        verbose_name = verbose_name_plural = "授权"
        constraints = [models.UniqueConstraint(fields=["role", "resource", "verb"], name="access_grant_once")]

    def __str__(self) -> str:
        return f"{self.role} {self.resource}:{self.verb} {self.get_scope_display()}"


class RoleHolding(models.Model):
    """岗位持有角色，有起止日期与理由。"""

    role = models.ForeignKey(Role, models.PROTECT, related_name="holdings", verbose_name="角色")
    post = models.ForeignKey("orgs.Post", models.PROTECT, related_name="roles", verbose_name="岗位")
    valid_from = models.DateField("生效日期")
    valid_until = models.DateField("失效日期", null=True, blank=True)
    reason = models.CharField("理由", max_length=200, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "角色授予"
        constraints = [models.UniqueConstraint(fields=["role", "post", "valid_from"], name="access_holding_once")]

    def __str__(self) -> str:
        return f"{self.post} {self.role}"
