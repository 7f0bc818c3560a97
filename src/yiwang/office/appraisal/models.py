"""考核办法按版本；扣分只增不改；月度通报冻结，更正另出新版。"""

from django.db import models
from django.db.models import Q

from yiwang.kernel.access.records import Record
from yiwang.kernel.clocks.models import Limit, Limits
from yiwang.office.appraisal.terms import AppealResult, EntryKind, PeriodState, VersionState


class Scheme(Record):
    code = models.CharField("办法代码", max_length=40, unique=True)
    name = models.CharField("办法名称", max_length=100)

    class Meta:
        verbose_name = verbose_name_plural = "考核办法"

    def __str__(self) -> str:
        return self.name


class SchemeVersion(Record):
    """办法的一个版本：自某月起施行；某月的成绩永远按该月施行的版本计算。"""

    scheme = models.ForeignKey(Scheme, models.PROTECT, related_name="versions", verbose_name="考核办法")
    number = models.CharField("版本号", max_length=20)
    state = models.CharField("状态", max_length=12, choices=VersionState.choices, default=VersionState.DRAFT)
    effective_from = models.DateField("施行月份", help_text="当月 1 日")
    base = models.DecimalField(
        "基准分", max_digits=6, decimal_places=2, default=100, help_text="有指标时等于各指标权重之和"
    )
    minimum_cases = models.PositiveIntegerField("最少件数", default=5, help_text="分母少于此数的比率只列示，该项不扣分")
    indicator_lines = models.TextField(
        "计分指标", blank=True, help_text="每行一个：指标名称或代码 | 权重，可从表格粘贴。不设指标的，从基准分起扣"
    )
    rule_lines = models.TextField("扣分条款", help_text="每行一条：条款代码 | 扣分情形 | 每件扣分 | 依据，可从表格粘贴")
    digest = models.CharField("内容摘要", max_length=64, blank=True, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "办法版本"
        constraints = [
            models.UniqueConstraint(fields=["scheme", "number"], name="appraisal_version_once"),
            models.UniqueConstraint(
                fields=["scheme", "effective_from"],
                condition=Q(state=VersionState.PUBLISHED),
                name="appraisal_version_month_once",
                violation_error_message="该办法从这个月起已有发布的版本。",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scheme}（{self.number}）"


class Indicator(models.Model):
    """计分指标：取自指标库的比率，乘以权重。"""

    version = models.ForeignKey(SchemeVersion, models.CASCADE, related_name="indicators", verbose_name="办法版本")
    name = models.CharField("名称", max_length=60)
    measure = models.CharField("指标代码", max_length=60)
    measure_version = models.PositiveIntegerField("口径版本", default=1)
    weight = models.DecimalField("权重", max_digits=5, decimal_places=2)
    position = models.PositiveIntegerField("排序号", default=0)

    class Meta:
        verbose_name = verbose_name_plural = "计分指标"
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["version", "measure"], name="appraisal_indicator_once")]

    def __str__(self) -> str:
        return self.name


class DeductionRule(models.Model):
    version = models.ForeignKey(SchemeVersion, models.CASCADE, related_name="rules", verbose_name="办法版本")
    code = models.CharField("条款代码", max_length=40)
    name = models.CharField("扣分情形", max_length=120)
    points = models.DecimalField("每件扣分", max_digits=5, decimal_places=2)
    basis = models.CharField("依据", max_length=200)

    class Meta:
        verbose_name = verbose_name_plural = "扣分条款"
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["version", "code"], name="appraisal_rule_once"),
            models.CheckConstraint(condition=Q(points__gt=0), name="appraisal_rule_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class Period(Record):
    """考核月；开启时即钉住当月施行的办法版本。"""

    scheme = models.ForeignKey(Scheme, models.PROTECT, related_name="periods", verbose_name="考核办法")
    scheme_version = models.ForeignKey(SchemeVersion, models.PROTECT, related_name="periods", verbose_name="办法版本")
    month = models.DateField("月份", help_text="当月 1 日")
    units = models.ManyToManyField("orgs.Organisation", related_name="+", verbose_name="参评单位")
    state = models.CharField("状态", max_length=12, choices=PeriodState.choices, default=PeriodState.OPEN)
    collection = models.JSONField("取数结果", default=dict, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "考核月"
        ordering = ["-month"]
        constraints = [models.UniqueConstraint(fields=["scheme", "month"], name="appraisal_period_once")]

    def __str__(self) -> str:
        return f"{self.scheme} {self.month:%Y年%m月}"


class Deduction(Record):
    """扣分记录，只增不改；冲回（复核成立，或系统扣分所据的事实已不存在）是一条负的新记录。organisation 即被扣单位。"""

    period = models.ForeignKey(Period, models.PROTECT, related_name="deductions", verbose_name="考核月")
    rule = models.ForeignKey(DeductionRule, models.PROTECT, related_name="+", verbose_name="扣分条款")
    kind = models.CharField("类别", max_length=12, choices=EntryKind.choices)
    points = models.DecimalField("分值", max_digits=6, decimal_places=2, help_text="扣分为正，冲回为负")
    subject_kind = models.CharField("对象类别", max_length=40)
    subject_id = models.CharField("对象编号", max_length=60)
    evidence = models.TextField("事实与证据")
    happened_on = models.DateField("发生日期")
    reverses = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="reversal", verbose_name="冲回对象"
    )

    class Meta:
        verbose_name = verbose_name_plural = "扣分记录"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind=EntryKind.REVERSAL, points__lt=0, reverses__isnull=False)
                | (~Q(kind=EntryKind.REVERSAL) & Q(points__gt=0, reverses__isnull=True)),
                name="appraisal_deduction_sign",
            ),
            models.UniqueConstraint(
                fields=["period", "rule", "organisation", "subject_kind", "subject_id"],
                condition=~Q(kind=EntryKind.REVERSAL),
                name="appraisal_deduction_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation} {self.rule} {self.points}"


class Appeal(Record):
    """扣分复核申请；organisation 即申请单位。"""

    case = models.OneToOneField("flow.Case", models.PROTECT, related_name="appraisal_appeal", verbose_name="复核单")
    deduction = models.ForeignKey(Deduction, models.PROTECT, related_name="appeals", verbose_name="扣分记录")
    statement = models.TextField("申请理由与材料说明")
    result = models.CharField("复核结果", max_length=12, choices=AppealResult.choices, default=AppealResult.PENDING)
    decided_at = models.DateTimeField("复核时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "扣分复核"
        constraints = [
            models.UniqueConstraint(
                fields=["deduction"], condition=~Q(result=AppealResult.WITHDRAWN), name="appraisal_appeal_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.deduction} 复核"


class Bulletin(models.Model):
    """月度通报。发布即冻结；更正以新版取代，旧版仍可查。"""

    period = models.ForeignKey(Period, models.PROTECT, related_name="bulletins", verbose_name="考核月")
    edition = models.PositiveSmallIntegerField("版次")
    supersedes = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="superseded_by", verbose_name="取代"
    )
    reason = models.CharField("更正原因", max_length=300, blank=True)
    rows = models.JSONField("成绩")
    digest = models.CharField("内容摘要", max_length=64)
    issued_at = models.DateTimeField("发布时间", auto_now_add=True)
    issued_by = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="发布人"
    )

    class Meta:
        verbose_name = verbose_name_plural = "考核通报"
        ordering = ["-period__month", "-edition"]
        constraints = [models.UniqueConstraint(fields=["period", "edition"], name="appraisal_bulletin_once")]

    def __str__(self) -> str:
        return f"{self.period} 第{self.edition}版"


class AppraisalLimit(Limit):
    """复核时限。"""

    objects = Limits("appraisal")  # type: ignore[misc]

    class Meta:
        proxy = True
        verbose_name = verbose_name_plural = "复核时限"
