"""来源、数据包、步骤、表头记忆、推送、催报、对账。包的内容从不改变，步骤只增。"""

from django.db import models
from django.db.models import Q

from yiwang.data.collection import terms
from yiwang.kernel.access.records import Record
from yiwang.kernel.calendar.fields import DueField, written
from yiwang.kernel.clocks.models import Limit, Limits
from yiwang.kernel.crypto.fields import SealedText
from yiwang.kernel.search.indexing import BigramIndex


class Source(Record):
    """数据来源：一个资源的一条进路。organisation 即提供单位。"""

    resource_id = models.BigIntegerField("资源编号", editable=False)
    resource_code = models.CharField("资源代码", max_length=60, editable=False)
    resource_name = models.CharField("信息资源", max_length=120, editable=False)
    name = models.CharField("来源名称", max_length=120)
    way = models.CharField("归集方式", max_length=10, choices=terms.Way.choices)
    mode = models.CharField("更新方式", max_length=12, choices=terms.Mode.choices, default=terms.Mode.FULL)
    partition = models.CharField("分区字段", max_length=60, blank=True, help_text="按分区全量时填信息项英文名")
    from_above = models.BooleanField("上级返还", default=False, help_text="省、市级系统返还的数据，按月对账")
    active = models.BooleanField("启用", default=True)
    auto_publish = models.BooleanField("达标自动入库", default=True)
    least_valid = models.DecimalField(
        "有效率下限（%）", max_digits=5, decimal_places=2, default=terms.LEAST_VALID, help_text="低于它由人审定"
    )
    most_change = models.DecimalField(
        "数据量变动上限（%）", max_digits=6, decimal_places=2, default=terms.MOST_CHANGE,
        help_text="全量更新时与现行数据量相比，超过它由人审定",
    )  # fmt: skip
    driver = models.CharField("数据库", max_length=12, choices=terms.Driver.choices, blank=True)
    host = models.CharField("主机", max_length=200, blank=True)
    port = models.PositiveIntegerField("端口", null=True, blank=True)
    database = models.CharField("库名", max_length=120, blank=True)
    username = models.CharField("只读账号", max_length=120, blank=True)
    encryption = models.CharField(
        "连接加密", max_length=8, choices=terms.Encryption.choices, default=terms.Encryption.PREFER,
        help_text="口令和数据经过的网络不可信时，应核对证书",
    )  # fmt: skip
    authority = models.TextField("签发证书（PEM）", blank=True, help_text="核对证书时用；留空则用本机信任的签发机构")
    secret = SealedText("口令（密文）", blank=True, editable=False, about=terms.SECRET)
    query = models.TextField("抽取语句", blank=True, help_text="一条 SELECT；增量时用 :cursor 表示上次的位置")
    cursor_item = models.CharField("增量字段", max_length=60, blank=True)
    cursor = models.CharField("上次位置", max_length=120, blank=True, editable=False)
    landing = models.CharField("前置库模式", max_length=60, blank=True, editable=False)
    folder = models.CharField("投递目录", max_length=60, blank=True, editable=False)
    every_minutes = models.PositiveIntegerField("间隔（分钟）", default=60, help_text="抽取、巡检的间隔")
    swept_at = models.DateTimeField("最近巡检", null=True, blank=True, editable=False)
    trouble = models.CharField("最近问题", max_length=500, blank=True, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "数据来源"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["resource_id", "way", "name"], name="collection_source_once"),
            models.UniqueConstraint(fields=["landing"], condition=~Q(landing=""), name="collection_landing_once",
                                    violation_error_message="这张落地表已是另一个来源的，请换一个名称。"),
            models.UniqueConstraint(fields=["folder"], condition=~Q(folder=""), name="collection_folder_once",
                                    violation_error_message="这个目录已是另一个来源的，请换一个。"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name


class Package(Record):
    """数据包。原件按内容存放；organisation 即提供单位，created_by 即报送人。"""

    number = models.CharField("包号", max_length=40, unique=True)
    source = models.ForeignKey(Source, models.PROTECT, related_name="packages", verbose_name="来源")
    resource_id = models.BigIntegerField("资源编号")
    resource_code = models.CharField("资源代码", max_length=60)
    resource_name = models.CharField("信息资源", max_length=120)
    edition = models.PositiveIntegerField("模板版本", help_text="接收时目录的版本")
    way = models.CharField("归集方式", max_length=10, choices=terms.Way.choices)
    mode = models.CharField("更新方式", max_length=12, choices=terms.Mode.choices)
    from_above = models.BooleanField("上级返还", default=False)
    batch = models.CharField("批次", max_length=120, blank=True)
    file = models.ForeignKey("files.StoredFile", models.PROTECT, related_name="+", verbose_name="原件")
    file_name = models.CharField("文件名", max_length=150)
    size = models.BigIntegerField("字节数")
    sha256 = models.CharField("SHA-256 摘要", max_length=64, db_index=True)
    sm3 = models.CharField("SM3 摘要", max_length=64)
    replay_of = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="replays", verbose_name="重放自"
    )
    received_at = models.DateTimeField("接收时间")
    state = models.CharField("状态", max_length=12, choices=terms.State.choices, default=terms.State.RECEIVED)
    message = models.CharField("说明", max_length=500, blank=True)
    looked = models.JSONField("表头识别", default=dict)
    mapping = models.JSONField("表头对应", default=dict, help_text="列号 → 信息项英文名")
    report = models.JSONField("读取结果", default=dict)
    profile = models.JSONField("画像", default=list)
    verdict = models.JSONField("检查结果", default=dict)
    rows = models.BigIntegerField("读取行数", null=True, blank=True)
    valid = models.BigIntegerField("有效行数", null=True, blank=True)
    bad = models.BigIntegerField("问题行数", null=True, blank=True)
    stock = models.BigIntegerField("入库后存量", null=True, blank=True)
    snapshot_id = models.BigIntegerField("快照", null=True, blank=True)
    snapshot = models.PositiveIntegerField("快照号", null=True, blank=True)
    ended_at = models.DateTimeField("办结时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "数据包"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["resource_id", "sha256", "edition"], condition=Q(state__in=terms.OPEN), name="collection_one_open"
            ),
            models.UniqueConstraint(
                fields=["source", "batch"], condition=~Q(batch="") & ~Q(state__in=("failed", "withdrawn", "refused")),
                name="collection_one_batch",
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["resource_id", "-id"], name="collection_pkg_resource"),
            models.Index(fields=["state", "ended_at"], name="collection_pkg_state"),
            BigramIndex("number", "resource_name", "resource_code", "file_name", "batch", name="collection_pkg_words"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.resource_name}"


class Removal(models.Model):
    """依法从数据包里删除的一次：包的摘要不变，内容换成去掉本人之后的；只增不改，不写本人是谁。"""

    package = models.ForeignKey(Package, models.PROTECT, related_name="removals", verbose_name="数据包")
    rows = models.PositiveBigIntegerField("删除行数")
    checked_rows = models.PositiveBigIntegerField("检查文件中的行数", default=0)
    rest = models.ForeignKey(
        "files.StoredFile", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="删除后的内容",
        help_text="原件删除本人后留下的行；没有读取过的原件整份删除，为空",
    )  # fmt: skip
    before = models.CharField("删除前摘要", max_length=64)
    after = models.CharField("删除后摘要", max_length=64, blank=True)
    reason = models.CharField("依据", max_length=300)
    person = models.ForeignKey("people.Person", models.PROTECT, null=True, related_name="+", verbose_name="经办人")
    at = models.DateTimeField("时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "数据包个人信息删除"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.package} 删除 {self.rows} 行"


class Step(models.Model):
    """数据包的一步；只增不改。"""

    package = models.ForeignKey(Package, models.PROTECT, related_name="steps", verbose_name="数据包")
    state = models.CharField("状态", max_length=12, choices=terms.State.choices)
    message = models.CharField("说明", max_length=500, blank=True)
    facts = models.JSONField("事实", default=dict)
    person = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="经办人"
    )
    at = models.DateTimeField("时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "数据包步骤"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.package} {self.get_state_display()}"


class HeaderMemory(models.Model):
    """表头记忆：某单位某资源里，这个表头就是这个信息项，由人确认过。"""

    organisation = models.ForeignKey("orgs.Organisation", models.PROTECT, related_name="+", verbose_name="单位")
    resource_id = models.BigIntegerField("资源编号")
    title = models.CharField("表头", max_length=120)
    item = models.CharField("信息项", max_length=60)
    confirmed_by = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, related_name="+", verbose_name="确认人"
    )
    confirmed_at = models.DateTimeField("确认时间", auto_now=True)

    class Meta:
        verbose_name = verbose_name_plural = "表头记忆"
        constraints = [
            models.UniqueConstraint(fields=["organisation", "resource_id", "title"], name="collection_header_once")
        ]

    def __str__(self) -> str:
        return f"{self.title} → {self.item}"


class Push(models.Model):
    """接口推送：先交清单，再分块传，最后核对摘要成包；同一幂等键是同一次推送。"""

    source = models.ForeignKey(Source, models.PROTECT, related_name="pushes", verbose_name="来源")
    key = models.CharField("幂等键", max_length=120)
    name = models.CharField("文件名", max_length=150)
    size = models.BigIntegerField("字节数")
    sha256 = models.CharField("SHA-256 摘要", max_length=64)
    batch = models.CharField("批次", max_length=120, blank=True)
    received = models.BigIntegerField("已收字节", default=0)
    package = models.ForeignKey(
        Package, models.PROTECT, null=True, blank=True, related_name="pushes", verbose_name="数据包"
    )
    started_by = models.ForeignKey("people.Person", models.PROTECT, null=True, related_name="+", verbose_name="推送人")
    started_at = models.DateTimeField("开始时间", auto_now_add=True)
    expires_at = models.DateTimeField("失效时间")

    class Meta:
        verbose_name = verbose_name_plural = "接口推送"
        constraints = [models.UniqueConstraint(fields=["source", "key"], name="collection_push_once")]

    def __str__(self) -> str:
        return f"{self.source} {self.key}"


class Reminder(Record):
    """更新催报：资源到期未更新时发给提供单位的工单，数据一到自动办结。"""

    case = models.OneToOneField("flow.Case", models.PROTECT, related_name="collection_reminder", verbose_name="工单")
    resource_id = models.BigIntegerField("资源编号")
    resource_code = models.CharField("资源代码", max_length=60)
    resource_name = models.CharField("信息资源", max_length=120)
    due_at = DueField("应更新时间")
    package = models.ForeignKey(
        Package, models.PROTECT, null=True, blank=True, related_name="reminders", verbose_name="到达的数据包"
    )
    closed_at = models.DateTimeField("办结时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "更新催报"
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["resource_id", "due_at"], name="collection_reminder_once")]

    def __str__(self) -> str:
        return f"{self.resource_name} {written(self.due_at)}"


class Due(Record):
    """应更新一次：更新及时率的分母。一个资源的一个期限一行，到期前后都记。"""

    resource_id = models.BigIntegerField("资源编号")
    resource_name = models.CharField("信息资源", max_length=120)
    due_at = DueField("应更新时间")
    arrived_at = models.DateTimeField("实际更新时间", null=True, blank=True)
    on_time = models.BooleanField("及时", null=True, blank=True, help_text="到期前未更新为空")

    class Meta:
        verbose_name = verbose_name_plural = "应更新记录"
        ordering = ["-due_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["resource_id", "due_at"], name="collection_due_once")]

    def __str__(self) -> str:
        return f"{self.resource_name} {written(self.due_at)}"


class Statement(Record):
    """返还对账单：上级返还的一包数据与本地现行数据按主键和行摘要核对。只增不改。"""

    package = models.OneToOneField(Package, models.PROTECT, related_name="statement", verbose_name="返还数据包")
    resource_id = models.BigIntegerField("资源编号")
    resource_name = models.CharField("信息资源", max_length=120)
    month = models.DateField("对账月")
    state = models.CharField("结论", max_length=12, choices=terms.StatementState.choices)
    above = models.BigIntegerField("返还行数")
    local = models.BigIntegerField("本地行数")
    same = models.BigIntegerField("一致")
    only_above = models.BigIntegerField("本地缺少")
    only_local = models.BigIntegerField("返还缺少")
    changed = models.BigIntegerField("内容不同")
    digest = models.CharField("对账摘要", max_length=64, blank=True)
    details = models.JSONField("差异样例", default=dict)

    class Meta:
        verbose_name = verbose_name_plural = "返还对账单"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.resource_name} {self.month:%Y-%m} 对账"


class Stock(Record):
    """存量账：每次入库、回退之后各资源的数据量。只增；与交换行数、调用次数各记各的。"""

    resource_id = models.BigIntegerField("资源编号")
    resource_name = models.CharField("信息资源", max_length=120)
    items = models.PositiveIntegerField("信息项数")
    package = models.ForeignKey(
        Package, models.PROTECT, null=True, blank=True, related_name="stock_entries", verbose_name="数据包"
    )
    snapshot = models.PositiveIntegerField("快照号")
    rows = models.BigIntegerField("存量行数")
    change = models.BigIntegerField("较上次变动")
    at = models.DateTimeField("时间")

    class Meta:
        verbose_name = verbose_name_plural = "存量账"
        ordering = ["-id"]
        indexes = [models.Index(fields=["resource_id", "-id"], name="collection_stock_of")]

    def __str__(self) -> str:
        return f"{self.resource_name} {self.rows}"


class CollectionLimit(Limit):
    """归集时限。"""

    objects = Limits("collection")  # type: ignore[misc]

    class Meta:
        proxy = True
        verbose_name = verbose_name_plural = "归集时限"
