"""库、设计、构建、归一结果、裁定、冲突、查看登记、业务对象。"""

from uuid import uuid4

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from yiwang.data.masters import terms
from yiwang.kernel.access.records import Record
from yiwang.kernel.crypto.fields import KeyedDigest, SealedText


class Library(Record):
    """基础库或主题库。organisation 即管理单位；数据在湖表 `table`。"""

    code = models.SlugField("代码", max_length=60, unique=True)
    name = models.CharField("名称", max_length=120)
    kind = models.CharField("类别", max_length=12, choices=terms.LibraryKind.choices)
    entity = models.CharField("归一对象", max_length=12, choices=terms.Entity.choices, default=terms.Entity.NONE)
    description = models.TextField("说明", blank=True)
    table = models.CharField("湖表", max_length=100, blank=True, editable=False)
    rows = models.PositiveBigIntegerField("现有行数", default=0, editable=False)
    snapshot = models.PositiveIntegerField("现行快照", null=True, blank=True, editable=False)
    built_at = models.DateTimeField("最近构建", null=True, blank=True, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "基础库与主题库"
        ordering = ["kind", "code"]

    def __str__(self) -> str:
        return self.name


class Design(Record):
    """一个库的设计版本：来源、键与字段映射、联接条件、择优次序。发布后不再改变，改动另起一版。"""

    library = models.ForeignKey(Library, models.PROTECT, related_name="designs", verbose_name="库")
    number = models.PositiveIntegerField("版本号")
    content = models.JSONField("内容")
    digest = models.CharField("内容摘要", max_length=64)
    reason = models.CharField("理由", max_length=300)
    published_at = models.DateTimeField("发布时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "设计版本"
        ordering = ["library", "-number"]
        constraints = [models.UniqueConstraint(fields=["library", "number"], name="masters_design_number")]

    def __str__(self) -> str:
        return f"{self.library} 第 {self.number} 版"


class Build(Record):
    """一次构建：钉住设计版本与各来源快照。"""

    library = models.ForeignKey(Library, models.PROTECT, related_name="builds", verbose_name="库")
    design = models.ForeignKey(Design, models.PROTECT, related_name="builds", verbose_name="设计版本")
    state = models.CharField("状态", max_length=10, choices=terms.BuildState.choices, default=terms.BuildState.RUNNING)
    inputs = models.JSONField("来源快照", default=dict, help_text="湖表 → 快照编号")
    snapshot = models.PositiveIntegerField("生成快照", null=True, blank=True)
    rows = models.PositiveBigIntegerField("行数", default=0)
    counts = models.JSONField("变化", default=dict, blank=True)
    resolution = models.JSONField("归一结果", default=dict, blank=True)
    message = models.TextField("说明", blank=True)
    finished_at = models.DateTimeField("完成时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "构建记录"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.library} 构建 {self.pk}"


class GoldenRecord(Record):
    """归一后的一条主记录。值按种类脱敏后明放，明文加密存放；每个字段记来源、快照与择优规则。"""

    library = models.ForeignKey(Library, models.PROTECT, related_name="golden", verbose_name="库")
    uid = models.UUIDField("主记录号", default=uuid4, editable=False)
    title = models.CharField("名称", max_length=200, blank=True, help_text="自然人的姓名已脱敏")
    name_mac = KeyedDigest(
        "姓名校验码", max_length=64, blank=True, editable=False, related=("library",),
        remade="yiwang.data.masters.services.grouping:name_again",
    )  # fmt: skip
    number_mac = KeyedDigest(
        "号码校验码", max_length=64, blank=True, editable=False, related=("library",),
        remade="yiwang.data.masters.services.grouping:number_again",
    )  # fmt: skip
    shown = models.JSONField("字段", default=dict, help_text="字段 → 脱敏值、来源、快照、规则")
    sealed = SealedText("密文", blank=True, editable=False, about=terms.GOLDEN)
    digest = models.CharField("内容校验码", max_length=64, blank=True, editable=False)
    size = models.PositiveIntegerField("来源记录数", default=0)
    sources = models.PositiveIntegerField("来源数", default=0)
    retired_at = models.DateTimeField("停用时间", null=True, blank=True)
    merged_into = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name="并入"
    )

    class Meta:
        verbose_name = verbose_name_plural = "主记录"
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["library", "uid"], name="masters_golden_uid")]
        indexes = [
            models.Index(fields=["name_mac"], name="masters_golden_name"),
            models.Index(fields=["number_mac"], name="masters_golden_number"),
            models.Index(fields=["title"], name="masters_golden_title"),
        ]

    def __str__(self) -> str:
        return self.title or str(self.uid)


class Member(Record):
    """来源里的一行。`ref` 是来源与主键的校验码，不含主键本身；`links` 是已接受的匹配。"""

    library = models.ForeignKey(Library, models.PROTECT, related_name="members", verbose_name="库")
    golden = models.ForeignKey(
        GoldenRecord, models.SET_NULL, null=True, blank=True, related_name="members", verbose_name="主记录"
    )
    uid = models.UUIDField("标识", default=uuid4, editable=False)
    ref = models.CharField("行标识", max_length=64)
    source = models.CharField("来源", max_length=60)
    source_title = models.CharField("来源名称", max_length=120)
    table = models.CharField("湖表", max_length=100)
    snapshot = models.PositiveIntegerField("快照")
    seen = models.CharField("更新于", max_length=40, blank=True)
    shown = models.JSONField("字段", default=dict)
    sealed = SealedText("密文", blank=True, editable=False, about=terms.MEMBER)
    digest = models.CharField("内容校验码", max_length=64, editable=False)
    links = models.JSONField("匹配", default=list, help_text="[对方行标识, 概率, 规则]")
    linked = models.BooleanField("已归并", default=False, help_text="与其他来源记录同属一条主记录")

    class Meta:
        verbose_name = verbose_name_plural = "来源记录"
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["library", "ref"], name="masters_member_ref")]

    def __str__(self) -> str:
        return f"{self.source_title} 记录 {self.pk}"


class Decision(Record):
    """人的裁定，只增。判为不同：两组记录不得同属一条主记录；撤销：所指裁定不再生效。"""

    library = models.ForeignKey(Library, models.PROTECT, related_name="decisions", verbose_name="库")
    kind = models.CharField("裁定", max_length=8, choices=terms.DecisionKind.choices)
    left = ArrayField(models.CharField("行标识", max_length=64), verbose_name="甲组", default=list)
    right = ArrayField(models.CharField("行标识", max_length=64), verbose_name="乙组", default=list, blank=True)
    undoes = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="undone_by", verbose_name="所撤销的裁定"
    )
    keeps = models.UUIDField(
        "继续使用的主记录号", null=True, blank=True, help_text="合并时由人选定；没有选定的，沿用较早的"
    )
    reason = models.CharField("理由", max_length=300)

    class Meta:
        verbose_name = verbose_name_plural = "归一裁定"
        ordering = ["-id"]
        indexes = [
            GinIndex(fields=["left"], name="masters_decision_left"),
            GinIndex(fields=["right"], name="masters_decision_right"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["undoes"], name="masters_undone_once"),
            models.CheckConstraint(
                condition=Q(kind="undo", undoes__isnull=False) | (~Q(kind="undo") & Q(undoes=None)),
                name="masters_undo_names_its_decision",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}（{self.created_at:%Y-%m-%d}）"


class Candidate(Record):
    """匹配不够确定的一对记录，待人裁定；证据并排，值已脱敏。"""

    library = models.ForeignKey(Library, models.PROTECT, related_name="candidates", verbose_name="库")
    left = models.CharField("甲", max_length=64)
    right = models.CharField("乙", max_length=64)
    title = models.CharField("名称", max_length=200)
    probability = models.FloatField("同一的概率")
    rule = models.CharField("发现方式", max_length=40)
    state = models.CharField(
        "状态", max_length=8, choices=terms.CandidateState.choices, default=terms.CandidateState.OPEN
    )
    decision = models.ForeignKey(Decision, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="裁定")

    class Meta:
        verbose_name = verbose_name_plural = "待裁定匹配"
        ordering = ["-probability", "id"]
        constraints = [models.UniqueConstraint(fields=["library", "left", "right"], name="masters_candidate_pair")]

    def __str__(self) -> str:
        return self.title


class Conflict(Record):
    """一条主记录的一个字段，各来源说法不一。organisation 即落选来源的提供方。"""

    golden = models.ForeignKey(GoldenRecord, models.CASCADE, related_name="conflicts", verbose_name="主记录")
    field = models.CharField("字段", max_length=120)
    title = models.CharField("字段名称", max_length=120)
    source_title = models.CharField("与主记录不一致的来源", max_length=120)
    member = models.ForeignKey(Member, models.CASCADE, related_name="conflicts", verbose_name="来源记录")
    chosen = models.CharField("主记录取值", max_length=400, help_text="已脱敏")
    said = models.CharField("该来源的值", max_length=400, help_text="已脱敏")
    state = models.CharField(
        "状态", max_length=10, choices=terms.ConflictState.choices, default=terms.ConflictState.OPEN
    )
    objection = models.CharField("异议单号", max_length=60, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "字段冲突"
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["golden", "field", "member"], name="masters_conflict_once")]

    def __str__(self) -> str:
        return f"{self.golden} {self.title}"


class Look(Record):
    """查看明文的登记，只增：谁、何时、为什么、看了谁的哪些字段。"""

    golden = models.ForeignKey(GoldenRecord, models.PROTECT, related_name="looks", verbose_name="主记录")
    purpose = models.CharField("用途", max_length=300)
    fields = ArrayField(models.CharField(max_length=120), verbose_name="字段", default=list)

    class Meta:
        verbose_name = verbose_name_plural = "明文查看登记"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.golden} {self.created_at:%Y-%m-%d %H:%M}"


class System(Record):
    """政务信息系统。organisation 即主管单位。"""

    code = models.CharField("编号", max_length=60, unique=True)
    name = models.CharField("系统名称", max_length=200)
    description = models.TextField("说明", blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "信息系统"
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class BusinessObject(Record):
    """业务对象：自然人、法人、房屋、车辆等。organisation 即数源单位。"""

    code = models.CharField("编号", max_length=60, unique=True)
    name = models.CharField("业务对象", max_length=200)
    category = models.CharField("类别", max_length=80, blank=True)
    description = models.TextField("说明", blank=True)
    mapped_at = models.DateTimeField("落到系统的时间", null=True, blank=True, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "业务对象"
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class Carrier(Record):
    """业务对象由哪个系统、哪项资源、哪些字段承载。"""

    subject = models.ForeignKey(BusinessObject, models.PROTECT, related_name="carriers", verbose_name="业务对象")
    system = models.ForeignKey(System, models.PROTECT, related_name="carriers", verbose_name="信息系统")
    resource_code = models.CharField("资源代码", max_length=80, blank=True)
    table = models.CharField("湖表", max_length=100, blank=True)
    fields = models.CharField("字段", max_length=400, blank=True, help_text="用、隔开；不填为全部")
    primary = models.BooleanField("权威来源", default=False)

    class Meta:
        verbose_name = verbose_name_plural = "业务对象承载"
        ordering = ["subject", "-primary", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "system", "resource_code", "table"], name="masters_carrier_once"
            ),
            models.UniqueConstraint(
                fields=["subject"],
                condition=Q(primary=True),
                name="masters_one_primary_carrier",
                violation_error_message="该业务对象已有主承载，请先取消原来的。",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject}：{self.system}"
