"""目录：资源是现行的一面，版本是发布过的每一份内容。"""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Func, Q
from django.db.models.functions import Length

from yiwang.data.catalog import terms
from yiwang.kernel.access.records import Record
from yiwang.kernel.calendar.fields import DueField
from yiwang.kernel.clocks.models import Limit, Limits
from yiwang.kernel.search.indexing import BigramIndex, Bigrams
from yiwang.standards.sensitive import SensitiveKind


class Category(models.Model):
    """分类：代码即路径，类 1 位、项 2 位、目 3 位、细目不定长。"""

    code = models.CharField("分类代码", max_length=30, unique=True)
    name = models.CharField("分类名称", max_length=60)
    # The department a 目 of 部门类 stands for; one each, given under the lock of the department's row.
    organisation = models.ForeignKey(
        "orgs.Organisation", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="对应机构"
    )

    class Meta:
        verbose_name = verbose_name_plural = "资源分类"
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class Resource(Record):
    """信息资源。organisation 即提供方；发布前显示草稿的内容，发布后显示现行版本的内容。"""

    code = models.CharField(
        "资源代码", max_length=60, unique=True, editable=False, help_text="分类代码/顺序码，永不重用"
    )
    table = models.CharField("数据表", max_length=60, unique=True, editable=False)
    name = models.CharField("资源名称", max_length=120)
    category = models.ForeignKey(Category, models.PROTECT, related_name="+", verbose_name="分类")
    theme = models.ForeignKey(
        Category, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="所属主题"
    )
    abstract = models.TextField("摘要", max_length=1000)
    format = models.CharField("格式", max_length=20, choices=terms.Format.choices)
    share_type = models.CharField("共享类型", max_length=20, choices=terms.ShareType.choices)
    open_type = models.CharField("开放类型", max_length=20, choices=terms.OpenType.choices)
    share_method = models.CharField("共享方式", max_length=20, choices=terms.ShareMethod.choices)
    cycle = models.CharField("更新周期", max_length=20, choices=terms.Cycle.choices)
    item_count = models.PositiveIntegerField("信息项数", default=0)
    publish_state = models.CharField(
        "发布状态", max_length=20, choices=terms.PublishState.choices, default=terms.PublishState.UNPUBLISHED
    )
    online_state = models.CharField(
        "上线状态", max_length=20, choices=terms.OnlineState.choices, default=terms.OnlineState.NEVER
    )
    number = models.PositiveIntegerField("现行版本号", default=0, help_text="0 为尚未发布")
    published_at = models.DateTimeField("首次发布时间", null=True, blank=True)
    online_at = models.DateTimeField("上线时间", null=True, blank=True)
    synced_at = models.DateTimeField("同步上级时间", null=True, blank=True)
    receipt = models.CharField("上级回执", max_length=80, blank=True)
    loaded_at = models.DateTimeField("最近更新时间", null=True, blank=True)
    snapshot = models.PositiveIntegerField("现行数据快照", default=0)
    rows = models.BigIntegerField("数据量", default=0)
    due_at = DueField("下次更新期限", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "信息资源"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["publish_state", "published_at"], name="catalog_resource_published"),
            models.Index(fields=["due_at"], name="catalog_resource_due", condition=Q(due_at__isnull=False)),
            BigramIndex("name", "code", name="catalog_resource_words"),
        ]

    def __str__(self) -> str:
        return self.name


class Version(models.Model):
    """版本：已发布的由触发器拒绝改、删；改目录就是起草下一版。"""

    resource = models.ForeignKey(Resource, models.PROTECT, related_name="versions", verbose_name="信息资源")
    number = models.PositiveIntegerField("版本号")
    state = models.CharField(
        "状态", max_length=12, choices=terms.VersionState.choices, default=terms.VersionState.DRAFT
    )
    content = models.JSONField("内容")
    digest = models.CharField("内容摘要", max_length=64)
    note = models.CharField("变更说明", max_length=300, blank=True)
    created_by = models.ForeignKey("people.Person", models.PROTECT, null=True, related_name="+", verbose_name="起草人")
    created_at = models.DateTimeField("起草时间", auto_now_add=True)
    published_at = models.DateTimeField("发布时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "目录版本"
        ordering = ["resource", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["resource", "number"], name="catalog_version_once"),
            models.UniqueConstraint(
                fields=["resource"], condition=~Q(state=terms.VersionState.PUBLISHED), name="catalog_one_draft"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource} 第{self.number}版"


class Item(models.Model):
    """现行版本的信息项。号码随资源不变：定级与授权跟着信息项走，不因换版丢失；退出的信息项留档。"""

    resource = models.ForeignKey(Resource, models.PROTECT, related_name="items", verbose_name="信息资源")
    number = models.PositiveIntegerField("序号")
    name = models.CharField("英文名称", max_length=60)
    title = models.CharField("信息项名称", max_length=80)
    data_type = models.CharField("数据类型", max_length=12, choices=terms.DataType.choices)
    length = models.PositiveIntegerField("长度", default=0)
    is_key = models.BooleanField("主键", default=False)
    is_timestamp = models.BooleanField("时间戳", default=False)
    nullable = models.BooleanField("可为空", default=True)
    share_type = models.CharField("共享类型", max_length=20, choices=terms.ShareType.choices)
    share_condition = models.CharField("共享条件", max_length=300, blank=True)
    share_basis = models.CharField("不予共享依据", max_length=300, blank=True)
    open_type = models.CharField("开放类型", max_length=20, choices=terms.OpenType.choices)
    open_condition = models.CharField("开放条件", max_length=300, blank=True)
    standard = models.CharField("数据标准", max_length=80, blank=True)
    code_table = models.CharField("码表", max_length=80, blank=True)
    source_level = models.CharField("来源系统分级", max_length=12, choices=terms.SourceLevel.choices)
    is_sensitive = models.BooleanField("敏感", default=False)
    level = models.PositiveSmallIntegerField("分级", null=True, blank=True)
    kind = models.CharField("敏感类别", max_length=40, choices=SensitiveKind.choices, blank=True)
    retired = models.BooleanField("已退出", default=False)

    class Meta:
        verbose_name = verbose_name_plural = "信息项"
        ordering = ["resource", "number"]
        indexes = [BigramIndex("title", "name", name="catalog_item_title_words")]
        constraints = [
            models.UniqueConstraint(fields=["resource", "name"], name="catalog_item_once"),
            models.CheckConstraint(condition=Q(level=None) | Q(level__range=(1, 4)), name="catalog_item_level"),
            models.CheckConstraint(condition=~Q(share_type=terms.ShareType.WITHHELD) | ~Q(share_basis=""),
            name="catalog_item_basis"),
            models.CheckConstraint(condition=~Q(share_type=terms.ShareType.CONDITIONAL) | ~Q(share_condition=""),
            name="catalog_item_condition"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.resource}·{self.title}"


class Application(Record):
    """发布、变更、上线、下线的申请；organisation 即提供方。"""

    case = models.OneToOneField("flow.Case", models.PROTECT, related_name="catalog_application", verbose_name="审核单")
    resource = models.ForeignKey(Resource, models.PROTECT, related_name="applications", verbose_name="信息资源")
    kind = models.CharField("事项", max_length=12, choices=terms.ApplicationKind.choices)
    edition = models.ForeignKey(
        Version, models.SET_NULL, null=True, blank=True, related_name="applications", verbose_name="版本"
    )
    reason = models.CharField("申请说明", max_length=300, blank=True)
    outcome = models.CharField("结果", max_length=20, blank=True)
    decided_at = models.DateTimeField("办结时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "目录审核"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.resource}{self.get_kind_display()}"


class Load(models.Model):
    """一次数据更新；只增不改。"""

    resource = models.ForeignKey(Resource, models.PROTECT, related_name="loads", verbose_name="信息资源")
    snapshot = models.PositiveIntegerField("数据快照")
    rows = models.BigIntegerField("数据量")
    loaded_at = models.DateTimeField("更新时间")
    due_at = DueField("期限", null=True, blank=True)
    recorded_at = models.DateTimeField("登记时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "数据更新"
        ordering = ["-loaded_at"]
        constraints = [models.UniqueConstraint(fields=["resource", "snapshot"], name="catalog_load_once")]

    def __str__(self) -> str:
        return f"{self.resource} 快照{self.snapshot}"


class Quality(models.Model):
    """某月的数据质量得分，由数据治理给出。"""

    resource = models.ForeignKey(Resource, models.PROTECT, related_name="qualities", verbose_name="信息资源")
    month = models.DateField("月份", help_text="当月 1 日")
    score = models.DecimalField("得分", max_digits=5, decimal_places=2)
    parts = models.JSONField("分项", default=dict)

    class Meta:
        verbose_name = verbose_name_plural = "数据质量得分"
        ordering = ["-month"]
        constraints = [models.UniqueConstraint(fields=["resource", "month"], name="catalog_quality_once")]

    def __str__(self) -> str:
        return f"{self.resource} {self.month:%Y-%m}"


class SearchEntry(models.Model):
    """已发布目录的检索行：窄，各单位都可查。"""

    resource = models.OneToOneField(
        Resource, models.PROTECT, primary_key=True, related_name="entry", verbose_name="信息资源"
    )
    organisation = models.ForeignKey("orgs.Organisation", models.PROTECT, related_name="+", verbose_name="提供方")
    theme = models.ForeignKey(Category, models.PROTECT, null=True, related_name="+", verbose_name="主题")
    share_type = models.CharField("共享类型", max_length=20, choices=terms.ShareType.choices)
    cycle = models.CharField("更新周期", max_length=20, choices=terms.Cycle.choices)
    name = models.CharField("名称", max_length=120)
    words = SearchVectorField("检索词")
    name_words = models.GeneratedField(
        expression=Func(Bigrams("name"), function="array_to_tsvector", output_field=SearchVectorField()),
        output_field=SearchVectorField(), db_persist=True, verbose_name="名称的检索词",
    )  # fmt: skip

    class Meta:
        verbose_name = verbose_name_plural = "目录检索"
        indexes = [
            GinIndex(fields=["words"], name="catalog_entry_words"),
            GinIndex(fields=["name_words"], name="catalog_entry_name_words"),
            # The order of hits: those of a common word are read along it, not all sorted.
            models.Index(Length("name"), "resource", name="catalog_entry_short_first"),
        ]

    def __str__(self) -> str:
        return self.name


class Demand(Record):
    """数据需求；organisation 即需求单位。只由共享申请等业务登记，不能手填。"""

    reference = models.CharField("来源编号", max_length=60, unique=True)
    resource = models.ForeignKey(
        Resource, models.PROTECT, null=True, blank=True, related_name="demands", verbose_name="信息资源"
    )
    provider = models.ForeignKey(
        "orgs.Organisation", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="提供方"
    )
    wanted = models.CharField("所需数据", max_length=300)
    purpose = models.CharField("用途", max_length=300)
    asked_at = models.DateTimeField("提出时间")
    state = models.CharField("状态", max_length=12, choices=terms.DemandState.choices, default=terms.DemandState.OPEN)
    settled_at = models.DateTimeField("办结时间", null=True, blank=True)
    reason = models.CharField("理由", max_length=300, blank=True)
    basis = models.CharField("依据", max_length=300, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "需求清单"
        ordering = ["-asked_at"]

    def __str__(self) -> str:
        return self.wanted


class CatalogLimit(Limit):
    """目录审核时限。"""

    objects = Limits("catalog")  # type: ignore[misc]

    class Meta:
        proxy = True
        verbose_name = verbose_name_plural = "目录审核时限"
