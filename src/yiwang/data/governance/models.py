"""治理：规则集与规则、检查与结论、建议、异议、质量分、整改。"""

from django.db import models
from django.db.models import Q

from yiwang.data.governance import terms
from yiwang.kernel.access.records import Record
from yiwang.kernel.clocks.models import Limit, Limits
from yiwang.kernel.crypto.fields import KeyedDigest, SealedText
from yiwang.kernel.search.indexing import BigramIndex


class RuleSet(Record):
    """规则集。organisation 即资源的提供方；发布后不再改变，检查钉住发布时的版本。"""

    resource = models.PositiveBigIntegerField("资源标识", db_index=True)
    resource_name = models.CharField("信息资源", max_length=200)
    number = models.PositiveIntegerField("版本号")
    state = models.CharField(
        "状态", max_length=12, choices=terms.RuleSetState.choices, default=terms.RuleSetState.DRAFT
    )
    columns = models.JSONField("字段", default=dict, help_text="字段名 → 类型，编制时的目录")
    titles = models.JSONField("字段名称", default=dict)
    latest = models.CharField("时间戳字段", max_length=120, blank=True)
    digest = models.CharField("内容摘要", max_length=64, blank=True, editable=False)
    published_at = models.DateTimeField("发布时间", null=True, blank=True)
    published_by = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="发布人"
    )

    class Meta:
        verbose_name = verbose_name_plural = "规则集"
        ordering = ["resource", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["resource", "number"], name="governance_rule_set_number"),
            models.UniqueConstraint(
                fields=["resource", "state"],
                condition=~Q(state=terms.RuleSetState.RETIRED),
                name="governance_one_of_each_state",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource_name} 规则集 {self.number}"


class Rule(models.Model):
    """规则：随规则集版本。逐行与跨表规则是一个条件，其余由参数说明。"""

    rule_set = models.ForeignKey(RuleSet, models.PROTECT, related_name="rules", verbose_name="规则集")
    code = models.CharField("编号", max_length=40)
    name = models.CharField("名称", max_length=200)
    kind = models.CharField("类别", max_length=14, choices=terms.Kind.choices)
    template = models.CharField("模板", max_length=40, blank=True)
    expression = models.TextField("条件", blank=True, help_text="成立才算合格")
    params = models.JSONField("参数", default=dict, blank=True)
    fields = models.JSONField("涉及字段", default=list)
    dimension = models.CharField("质量维度", max_length=12, choices=terms.Dimension.choices)
    severity = models.CharField("处理", max_length=6, choices=terms.Severity.choices, default=terms.Severity.BLOCK)
    threshold = models.DecimalField(
        "容许比例",
        max_digits=7,
        decimal_places=6,
        default=0,
        help_text="不合格行占全部行的比例不超过它，本规则即为通过",
    )
    reason = models.CharField("理由", max_length=300, help_text="退回时写给提供单位")
    basis = models.CharField("依据", max_length=300, blank=True)
    owner = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="负责人"
    )
    evidence = models.JSONField("建议依据", default=dict, blank=True, help_text="由数据剖析提出时的证据")
    position = models.PositiveIntegerField("次序", default=0)

    class Meta:
        verbose_name = verbose_name_plural = "规则"
        ordering = ["rule_set", "position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["rule_set", "code"], name="governance_rule_code"),
            models.CheckConstraint(condition=Q(threshold__gte=0, threshold__lte=1), name="governance_threshold_share"),
        ]

    def __str__(self) -> str:
        return self.name


class Repair(models.Model):
    """修复：检查之前按次序改写一个字段，原值与新值逐格留存。按表达式，或按对照表。发布以后只有密文可换：换密钥，或依法删除。"""

    rule_set = models.ForeignKey(RuleSet, models.PROTECT, related_name="repairs", verbose_name="规则集")
    field = models.CharField("字段", max_length=120)
    expression = models.TextField("改写为", blank=True)
    by = models.JSONField("对照字段", default=list, blank=True)
    values = SealedText(
        "对照表（密文）", blank=True, default="", about=terms.VALUES, help_text="JSON：[对照字段的值…, 原值, 新值] 各项"
    )
    reason = models.CharField("理由", max_length=300)
    position = models.PositiveIntegerField("次序", default=0)

    class Meta:
        verbose_name = verbose_name_plural = "修复"
        ordering = ["rule_set", "position", "id"]

    def __str__(self) -> str:
        return f"{self.field} ← {self.expression or '对照表'}"


class Run(Record):
    """一次检查：一个数据包对一版规则集只有一次；organisation 即提供方。"""

    rule_set = models.ForeignKey(RuleSet, models.PROTECT, related_name="runs", verbose_name="规则集")
    package = models.CharField("数据包", max_length=120)
    resource_name = models.CharField("信息资源", max_length=200, default="", help_text="检查时的名称")
    digest = models.CharField("数据摘要", max_length=64)
    state = models.CharField("状态", max_length=10, choices=terms.RunState.choices, default=terms.RunState.RUNNING)
    as_of = models.DateField("判定日期")
    rows = models.PositiveBigIntegerField("行数", default=0)
    valid = models.PositiveBigIntegerField("有效行数", default=0)
    bad = models.PositiveBigIntegerField("拦截行数", default=0)
    warned = models.PositiveBigIntegerField("提示行数", default=0)
    repaired = models.PositiveBigIntegerField("修复格数", default=0)
    repaired_rows = models.PositiveBigIntegerField("清洗行数", default=0)
    message = models.CharField("说明", max_length=400, blank=True)
    finished_at = models.DateTimeField("完成时间", null=True, blank=True)
    snapshot = models.PositiveIntegerField("入库快照", null=True, blank=True)
    sealed = models.BooleanField("加密存放", default=False, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "质量检查"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["rule_set", "package"], name="governance_run_once"),
            models.CheckConstraint(
                condition=~Q(state=terms.RunState.DONE) | Q(rows=models.F("valid") + models.F("bad")),
                name="governance_rows_add_up",
            ),
        ]
        indexes = [BigramIndex("package", "resource_name", name="governance_run_words")]

    def __str__(self) -> str:
        return f"{self.rule_set.resource_name} {self.package}"

    @property
    def folder(self) -> str:
        """Below the lake's root."""
        return f"checks/{self.pk}"


class Finding(Record):
    """一条规则在一次检查中的结论。只增；organisation 即提供方。"""

    run = models.ForeignKey(Run, models.PROTECT, related_name="findings", verbose_name="检查")
    rule = models.ForeignKey(Rule, models.PROTECT, related_name="+", verbose_name="规则")
    dimension = models.CharField("质量维度", max_length=12, choices=terms.Dimension.choices)
    rows = models.PositiveBigIntegerField("检查行数")
    failed = models.PositiveBigIntegerField("不合格行数")
    unknown = models.PositiveBigIntegerField("待核实行数")
    measure = models.FloatField("统计值", null=True, blank=True)
    passed = models.BooleanField("通过")
    examples = models.JSONField("举例", default=list)

    class Meta:
        verbose_name = verbose_name_plural = "规则结论"
        ordering = ["run", "id"]
        constraints = [models.UniqueConstraint(fields=["run", "rule"], name="governance_finding_once")]

    def __str__(self) -> str:
        return f"{self.rule} {'通过' if self.passed else '未通过'}"


class Proposal(Record):
    """数据剖析提出的规则，由人采纳或不采纳。"""

    resource = models.PositiveBigIntegerField("资源标识", db_index=True)
    resource_name = models.CharField("信息资源", max_length=200)
    template = models.CharField("模板", max_length=40)
    params = models.JSONField("参数")
    name = models.CharField("建议", max_length=200)
    evidence = models.JSONField("证据", default=dict)
    values = SealedText(
        "逐值修复（密文）",
        blank=True,
        default="",
        about=terms.VALUES,
        help_text="JSON：[对照字段的值…, 原值, 新值, 格数] 各项",
    )
    support = models.DecimalField("符合比例", max_digits=7, decimal_places=6)
    state = models.CharField(
        "状态", max_length=10, choices=terms.ProposalState.choices, default=terms.ProposalState.PROPOSED
    )
    decided_by = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="确认人"
    )
    decided_at = models.DateTimeField("确认时间", null=True, blank=True)
    digest = models.CharField("内容摘要", max_length=64, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "规则建议"
        ordering = ["resource", "-support", "id"]
        constraints = [models.UniqueConstraint(fields=["resource", "digest"], name="governance_proposal_once")]

    def __str__(self) -> str:
        return self.name


class GovernanceLimit(Limit):
    """治理时限。"""

    objects = Limits("governance")  # type: ignore[misc]

    class Meta:
        proxy = True
        verbose_name = verbose_name_plural = "治理时限"


class Objection(Record):
    """数据异议：针对快照中一行的一个字段。organisation 即数据提供方。"""

    case = models.OneToOneField("flow.Case", models.PROTECT, related_name="governance_objection", verbose_name="异议单")
    resource = models.PositiveBigIntegerField("资源标识")
    resource_name = models.CharField("信息资源", max_length=200)
    table = models.CharField("数据表", max_length=100)
    snapshot = models.PositiveIntegerField("快照编号")
    row_key = SealedText("主键（密文）", help_text="各主键值的 JSON 数组", about=terms.ROW)
    key_mac = KeyedDigest(
        "主键校验码", max_length=64, editable=False, remade="yiwang.data.governance.queries:key_mac_again"
    )
    field = models.CharField("字段", max_length=120)
    statement = SealedText("异议理由（密文）", about=terms.STATEMENT)
    proposed = SealedText("主张的内容（密文）", blank=True, about=terms.PROPOSED)
    sources = models.JSONField("来源", default=list, help_text="按列级血缘找到的来源")
    mark = models.CharField("标注", max_length=12, choices=terms.Mark.choices, default=terms.Mark.OPEN)
    corrected_in = models.PositiveIntegerField("更正于快照", null=True, blank=True)
    compared = models.JSONField("核对", default=dict, blank=True, help_text="现行快照、原快照有无此行、内容是否相同")
    raised_on = models.DateField("提出日期")
    decided_at = models.DateTimeField("标注撤销时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "数据异议"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["resource", "key_mac"], condition=Q(mark=terms.Mark.OPEN), name="governance_marks"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["resource", "key_mac", "field"],
                condition=Q(mark=terms.Mark.OPEN),
                name="governance_one_open_objection",
            )
        ]

    def __str__(self) -> str:
        return f"{self.resource_name} {self.field}"


class Score(Record):
    """月度质量分：最近一次检查钉住的规则集与快照。organisation 即提供方。"""

    resource = models.PositiveBigIntegerField("资源标识")
    resource_name = models.CharField("信息资源", max_length=200)
    month = models.DateField("月份")
    run = models.ForeignKey(Run, models.PROTECT, related_name="+", verbose_name="依据的检查")
    score = models.DecimalField("质量分", max_digits=5, decimal_places=2)
    parts = models.JSONField("各维度", default=dict)

    class Meta:
        verbose_name = verbose_name_plural = "质量分"
        ordering = ["-month", "organisation", "resource"]
        constraints = [models.UniqueConstraint(fields=["resource", "month"], name="governance_score_once")]

    def __str__(self) -> str:
        return f"{self.resource_name} {self.month:%Y年%m月}"


class Issue(Record):
    """整改单：一次检查中拦下的问题交提供单位整改。organisation 即提供方。"""

    case = models.OneToOneField("flow.Case", models.PROTECT, related_name="governance_issue", verbose_name="整改单")
    run = models.OneToOneField(Run, models.PROTECT, related_name="issue", verbose_name="检查")
    summary = models.TextField("问题")
    state = models.CharField("状态", max_length=10, choices=terms.IssueState.choices, default=terms.IssueState.OPEN)
    closed_at = models.DateTimeField("办结时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "整改单"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.run} 整改"
