"""A person holds posts by dated appointments; an account signs a person in."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from yiwang.kernel.access.models import Days
from yiwang.kernel.access.terms import Duty
from yiwang.kernel.crypto.fields import SealedLine


class Person(models.Model):
    name = models.CharField("姓名", max_length=40)
    pinyin = models.CharField("拼音", max_length=120, blank=True, editable=False, help_text="排序用")
    staff_number = models.CharField("工号", max_length=32, unique=True)
    organisation = models.ForeignKey(
        "orgs.Organisation",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="people",
        verbose_name="所属机构",
        help_text="随主岗变动；数据范围按它判断",
    )
    phone = models.CharField("联系电话", max_length=20, blank=True)
    email = models.EmailField("邮箱", blank=True)
    active = models.BooleanField("在职", default=True)

    class Meta:
        verbose_name = verbose_name_plural = "人员"
        ordering = ["pinyin", "id"]

    def __str__(self) -> str:
        return self.name


class AccountManager(BaseUserManager["Account"]):
    def get_by_natural_key(self, username: str | None) -> "Account":
        return self.get(username=username)


class Account(AbstractBaseUser):
    """登录账号。权限只来自岗位上的角色，账号本身没有任何特权。"""

    username = models.CharField("账号", max_length=60, unique=True)
    person = models.OneToOneField(Person, models.PROTECT, related_name="account", verbose_name="人员")
    is_active = models.BooleanField("启用", default=True)
    must_change_password = models.BooleanField("须改密码", default=False)
    password_changed_at = models.DateTimeField("密码修改时间", null=True, blank=True)
    totp_secret = SealedLine("动态口令密钥（密文）", max_length=200, blank=True)
    totp_confirmed_at = models.DateTimeField("动态口令启用时间", null=True, blank=True)
    totp_last_step = models.BigIntegerField("最后使用的口令步", default=0, editable=False)
    password_expires_at = models.DateTimeField("一次性密码失效时间", null=True, blank=True, editable=False)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = []
    objects = AccountManager()

    class Meta:
        verbose_name = verbose_name_plural = "账号"

    def __str__(self) -> str:
        return self.username


class FormerPassword(models.Model):
    """用过的密码（散列），用于禁止重复使用。"""

    account = models.ForeignKey(Account, models.CASCADE, related_name="former_passwords", verbose_name="账号")
    password = models.CharField("密码散列", max_length=128)
    created_at = models.DateTimeField("停用时间", default=timezone.now)

    class Meta:
        verbose_name = verbose_name_plural = "历史密码"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.account} {self.created_at:%Y-%m-%d}"


class RecoveryCode(models.Model):
    """动态口令的恢复码，只存摘要，一码一用。"""

    account = models.ForeignKey(Account, models.CASCADE, related_name="recovery_codes", verbose_name="账号")
    digest = models.CharField("摘要", max_length=64)
    used_at = models.DateTimeField("使用时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "恢复码"
        constraints = [models.UniqueConstraint(fields=["account", "digest"], name="people_recovery_code_once")]

    def __str__(self) -> str:
        return f"{self.account} {'已用' if self.used_at else '未用'}"


class Throttle(models.Model):
    """登录失败计数：按账号名（无论是否存在）、来源地址、动态口令分别计。"""

    key = models.CharField("键", max_length=80, unique=True)
    failures = models.PositiveIntegerField("失败次数", default=0)
    started_at = models.DateTimeField("起计时间")
    locked_until = models.DateTimeField("锁定至", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "登录限制"

    def __str__(self) -> str:
        return f"{self.key} {self.failures}"


class Session(AbstractBaseSession):
    """登录会话；一行一个浏览器，本人可见、可强制退出。"""

    account = models.ForeignKey(Account, models.CASCADE, null=True, related_name="sessions", verbose_name="账号")
    address = models.CharField("来源地址", max_length=45, blank=True)
    agent = models.CharField("浏览器", max_length=200, blank=True)
    started_at = models.DateTimeField("登录时间")
    seen_at = models.DateTimeField("最近使用")

    class Meta(AbstractBaseSession.Meta):
        abstract = False
        verbose_name = verbose_name_plural = "登录会话"

    def __str__(self) -> str:
        return f"{self.account} {self.address}"


class Appointment(models.Model):
    """任职：某人在某日期区间担任某岗位（止日含当日）。"""

    person = models.ForeignKey(Person, models.PROTECT, related_name="appointments", verbose_name="人员")
    post = models.ForeignKey("orgs.Post", models.PROTECT, related_name="appointments", verbose_name="岗位")
    duty = models.CharField("职责类别", max_length=12, choices=Duty.choices, default=Duty.BUSINESS, editable=False)
    primary = models.BooleanField("主岗", default=False, help_text="同一时期只有一个主岗；没有主岗时以最早的任职为准")
    valid_from = models.DateField("任职日期")
    valid_until = models.DateField("免职日期", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "任职"
        ordering = ["-primary", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
                name="people_appointment_dates",
            ),
            ExclusionConstraint(
                name="people_appointment_once",
                expressions=[
                    ("person", RangeOperators.EQUAL),
                    ("post", RangeOperators.EQUAL),
                    (Days(), RangeOperators.OVERLAPS),
                ],
            ),
            ExclusionConstraint(
                name="people_appointment_one_primary",
                expressions=[("person", RangeOperators.EQUAL), (Days(), RangeOperators.OVERLAPS)],
                condition=Q(primary=True),
            ),
            # 三员分立：nobody serves on an administrator's post and on a post of another duty at the same time.
            ExclusionConstraint(
                name="people_appointment_one_duty",
                expressions=[
                    ("person", RangeOperators.EQUAL),
                    ("duty", RangeOperators.NOT_EQUAL),
                    (Days(), RangeOperators.OVERLAPS),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.post}"

    def validate_constraints(self, exclude: object = None) -> None:
        """Left to the database, whose refusals the service words: a form has no `primary` to ask the second one about."""


class AdministratorAppointments(models.Manager["AdministratorAppointment"]):
    def get_queryset(self) -> models.QuerySet["AdministratorAppointment"]:
        return super().get_queryset().exclude(duty=Duty.BUSINESS)


class AdministratorAppointment(Appointment):
    """管理员岗位的任职，由安全管理员办理。"""

    objects = AdministratorAppointments()  # type: ignore[misc]

    class Meta:
        proxy = True
        verbose_name = verbose_name_plural = "管理员任职"


class Delegation(models.Model):
    """代理：委托人在日期区间内授权代理人代办其岗位的事项；办理记录同时写两人姓名。"""

    principal = models.ForeignKey(Person, models.PROTECT, related_name="delegations_given", verbose_name="委托人")
    post = models.ForeignKey("orgs.Post", models.PROTECT, verbose_name="委托岗位")
    agent = models.ForeignKey(Person, models.PROTECT, related_name="delegations_held", verbose_name="代理人")
    valid_from = models.DateTimeField("开始时间")
    valid_until = models.DateTimeField("结束时间")
    flows = models.JSONField("限定流程", default=list, blank=True, help_text="空表示全部流程")
    secrecy_limit = models.PositiveSmallIntegerField("最高密级", default=0, help_text="0 普通 1 内部敏感")
    reason = models.CharField("事由", max_length=200)
    revoked_at = models.DateTimeField("收回时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "代理"
        constraints = [
            models.CheckConstraint(condition=Q(valid_until__gt=F("valid_from")), name="people_delegation_dates"),
            models.CheckConstraint(condition=~Q(principal=F("agent")), name="people_delegation_not_self"),
        ]

    def __str__(self) -> str:
        return f"{self.agent} 代 {self.principal}"
