"""Clocks of cases, the facts that bound their segments, and the timers that fall due.

`case_id` is the key of flow.Case without a constraint: the clocks room lies below the flow room and serves it.
`due_at` is a cached derivation of the facts under `calendar_version`; the facts are the truth.
"""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, RangeOperators
from django.db import models
from django.db.models import F, Q

from yiwang.kernel.access.models import Days
from yiwang.kernel.calendar.fields import DueField
from yiwang.kernel.clocks.terms import ClockKind, ClockStatus, LimitNature, RungKind, SegmentKind, TimerState, Unit


class Limits(models.Manager["Limit"]):
    """The limits whose code begins with a domain's."""

    def __init__(self, domain: str = "") -> None:
        super().__init__()
        self._prefix = f"{domain}." if domain else ""

    def get_queryset(self) -> models.QuerySet["Limit"]:
        return super().get_queryset().filter(code__startswith=self._prefix)


class Limit(models.Model):
    """办理时限：期限、单位和依据，按施行日期取用。时钟起算时取当日施行的一行，以后改动不影响已经起算的时钟。"""

    code = models.CharField("代码", max_length=80)
    variant = models.CharField("情形", max_length=40, blank=True)
    name = models.CharField("时限", max_length=80)
    number = models.PositiveIntegerField("期限")
    unit = models.CharField("单位", max_length=16, choices=Unit.choices)
    extensions = models.PositiveSmallIntegerField("可延期次数", default=0)
    extension_budget = models.PositiveIntegerField("每次延期上限", default=0)
    nature = models.CharField("依据种类", max_length=10, choices=LimitNature.choices)
    basis = models.CharField("依据", max_length=300)
    local = models.BooleanField("地方或本级规定", default=False, help_text="与上级规定同时施行时，期限短的从其规定")
    valid_from = models.DateField("施行日期", null=True, blank=True, help_text="空：平台启用时已施行")
    valid_until = models.DateField("失效日期", null=True, blank=True, help_text="当日仍施行；空：未定")

    objects = Limits()

    class Meta:
        verbose_name = verbose_name_plural = "办理时限"
        ordering = ["code", "variant", "local", F("valid_from").desc(nulls_last=True)]
        constraints = [
            models.CheckConstraint(condition=Q(number__gt=0), name="clocks_limit_positive"),
            models.CheckConstraint(
                condition=Q(valid_until=None) | Q(valid_from=None) | Q(valid_until__gte=F("valid_from")),
                name="clocks_limit_dates",
            ),
            ExclusionConstraint(
                name="clocks_limit_once",
                expressions=[
                    *((field, RangeOperators.EQUAL) for field in ("code", "variant", "local")),
                    (Days(), RangeOperators.OVERLAPS),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.number} {self.get_unit_display()}"


class Clock(models.Model):
    """办件的一项期限。重新起算是新的一轮，旧的一轮作废保留。"""

    case_id = models.BigIntegerField("办件")
    code = models.CharField("期限代码", max_length=40)
    round = models.PositiveIntegerField("轮次", default=1)
    name = models.CharField("期限名称", max_length=60)
    kind = models.CharField("性质", max_length=16, choices=ClockKind.choices)
    unit = models.CharField("单位", max_length=16, choices=Unit.choices)
    budget = models.PositiveIntegerField("期限")
    starts_next_day = models.BooleanField("自次日起算", default=True)
    roll_to_working_day = models.BooleanField("末日遇休息日顺延", default=False)
    close_of_business = models.BooleanField("至下班时止", default=False)
    calendar_version = models.ForeignKey(
        "calendar.CalendarVersion", models.PROTECT, related_name="+", db_index=False, verbose_name="日历版本"
    )
    calendar_code = models.CharField("日历", max_length=32)
    rungs = ArrayField(models.CharField(max_length=8), verbose_name="提醒时点", default=list)
    on_breach = models.CharField("到期后果", max_length=80, blank=True)
    extensions = models.PositiveSmallIntegerField("可延期次数", default=0)
    extension_budget = models.PositiveIntegerField("每次延期上限", default=0)
    basis = models.CharField("依据", max_length=200, blank=True)
    status = models.CharField("状态", max_length=16, choices=ClockStatus.choices, default=ClockStatus.RUNNING)
    generation = models.PositiveIntegerField("计时代次", default=1)
    started_at = models.DateTimeField("起算时间")
    finished_at = models.DateTimeField("结束时间", null=True, blank=True)
    due_at = DueField("到期时间", null=True, blank=True)
    provisional = models.BooleanField("暂定", default=False)

    class Meta:
        verbose_name = verbose_name_plural = "期限"
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["case_id", "code", "round"], name="clocks_clock_round_once")]
        indexes = [
            models.Index(
                fields=["calendar_code", "due_at"], condition=Q(status="running"), name="clocks_running_by_due"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}（{self.budget} {self.get_unit_display()}）"


class ClockSegment(models.Model):
    """计时事实（起、停、延、止），只增不改；`at` 是法律上的时间，`recorded_at` 是登记时间。"""

    clock = models.ForeignKey(Clock, models.PROTECT, related_name="segments", verbose_name="期限")
    kind = models.CharField("事实", max_length=8, choices=SegmentKind.choices)
    at = models.DateTimeField("发生时间")
    recorded_at = models.DateTimeField("登记时间", auto_now_add=True)
    entry_seq = models.PositiveIntegerField("办理记录序号")
    amount = models.PositiveIntegerField("延期数", default=0)
    cause = models.CharField("事由", max_length=60, blank=True)
    basis = models.CharField("依据", max_length=200, blank=True)
    expected_until = models.DateTimeField("预计恢复时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "计时事实"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.at:%Y-%m-%d %H:%M}"


class Timer(models.Model):
    """期限上的一个时点。`lawful_at` 是法律上的时刻，`fire_at` 是最早处理的时刻（提醒不在夜间发出）。"""

    clock = models.ForeignKey(Clock, models.CASCADE, related_name="timers", db_index=False, verbose_name="期限")
    generation = models.PositiveIntegerField("计时代次")
    rung = models.CharField("时点", max_length=8)
    kind = models.CharField("类别", max_length=8, choices=RungKind.choices)
    lawful_at = models.DateTimeField("法定时刻")
    fire_at = models.DateTimeField("触发时刻")
    state = models.CharField("状态", max_length=12, choices=TimerState.choices, default=TimerState.ARMED)
    fired_at = models.DateTimeField("触发于", null=True, blank=True)
    merged_into = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="merged", db_index=False, verbose_name="并入"
    )
    attempts = models.PositiveSmallIntegerField("失败次数", default=0)
    retry_at = models.DateTimeField("重试时刻", null=True, blank=True)
    error = models.TextField("故障", blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "定时"
        ordering = ["fire_at", "id"]
        constraints = [models.UniqueConstraint(fields=["clock", "generation", "rung"], name="clocks_timer_once")]
        indexes = [
            models.Index(fields=["fire_at", "id"], condition=Q(state="armed"), name="clocks_timer_armed"),
            models.Index(fields=["fire_at"], condition=Q(state="parked"), name="clocks_timer_parked"),
        ]

    def __str__(self) -> str:
        return f"{self.clock_id} {self.rung} {self.get_state_display()}"


class ParkedTimers(models.Manager["ParkedTimer"]):
    def get_queryset(self) -> models.QuerySet["ParkedTimer"]:
        return super().get_queryset().filter(state=TimerState.PARKED)


class ParkedTimer(Timer):
    """搁置的定时：多次处理失败，等系统管理员排除原因后重试。"""

    objects = ParkedTimers()  # type: ignore[misc]

    class Meta:
        proxy = True
        verbose_name = verbose_name_plural = "搁置的定时"


class Recomputation(models.Model):
    """一版日历发布后对计时中期限的重算：核对、更新、到期日变动各多少项。"""

    version = models.OneToOneField(
        "calendar.CalendarVersion", models.PROTECT, related_name="recomputation", verbose_name="日历版本"
    )
    checked = models.PositiveIntegerField("核对")
    touched = models.PositiveIntegerField("更新")
    moved = models.PositiveIntegerField("到期日变动")
    finished_at = models.DateTimeField("完成时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "期限重算"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.version}：变动 {self.moved} 项"
