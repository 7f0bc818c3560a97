"""开放数据集、每次发布的文件、供查询的行、使用量、订阅、反馈、时限。"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from yiwang.data.opendata import terms
from yiwang.kernel.access.records import Record
from yiwang.kernel.calendar.fields import DueField
from yiwang.kernel.clocks.models import Limit, Limits
from yiwang.kernel.crypto.fields import KeyedDigest, SealedLine
from yiwang.kernel.search.indexing import BigramIndex


class Dataset(Record):
    """开放数据集，一个资源至多一个。organisation 即提供方。哪些信息项可见，读的时候向目录问，不存在这里。"""

    resource_id = models.BigIntegerField("资源编号", unique=True)
    resource_code = models.CharField("资源代码", max_length=60)
    name = models.SlugField("英文标识", max_length=60, unique=True)
    title = models.CharField("名称", max_length=120)
    description = models.TextField("说明", max_length=2000, help_text="写给公众：内容、口径、范围")
    topic = models.CharField("领域", max_length=20, choices=terms.Topic.choices)
    tags = ArrayField(models.CharField("标签", max_length=20), verbose_name="标签", default=list, blank=True)
    licence = models.CharField("使用许可", max_length=20, choices=terms.Licence.choices)
    state = models.CharField("状态", max_length=10, choices=terms.State.choices, default=terms.State.REVIEW)
    opened_at = models.DateTimeField("开放时间", null=True, blank=True)
    changed_at = models.DateTimeField("最近变化时间", auto_now=True)
    withdrawn_at = models.DateTimeField("撤下时间", null=True, blank=True)
    reason = models.CharField("撤下或未通过的理由", max_length=300, blank=True)
    item_count = models.PositiveIntegerField("开放信息项数", default=0)
    rows = models.BigIntegerField("数据量", default=0)

    class Meta:
        verbose_name = verbose_name_plural = "开放数据集"
        ordering = ["-id"]
        indexes = [
            BigramIndex("title", "description", name="opendata_dataset_words"),
            models.Index(fields=["state", "-changed_at"], name="opendata_dataset_recent"),
        ]

    def __str__(self) -> str:
        return self.title


class Application(Record):
    """开放申请：提供方提出，数管局审核。"""

    case = models.OneToOneField("flow.Case", models.PROTECT, related_name="opendata_application", verbose_name="审核单")
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="applications", verbose_name="数据集")
    outcome = models.CharField("结果", max_length=20, blank=True)
    due_at = DueField("审核期限", null=True, blank=True)
    decided_at = models.DateTimeField("审结时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "开放申请"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"开放“{self.dataset}”"


class Edition(models.Model):
    """一次发布：一个快照、一组字段的文件。行不改；不再允许的字段使整期停止提供，由下一期代替。"""

    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="editions", verbose_name="数据集")
    number = models.PositiveIntegerField("期号")
    snapshot = models.PositiveIntegerField("数据快照")
    columns = models.JSONField("字段", help_text="[{name, title, type}]")
    plan = models.JSONField("脱敏", default=dict, help_text="字段 → [类别, 方式]")
    rows = models.BigIntegerField("行数")
    queryable = models.BooleanField("可查询", default=False)
    charts = models.JSONField("图表", default=list)
    published_at = models.DateTimeField("发布时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "发布的数据"
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["dataset", "number"], name="opendata_edition_once")]

    def __str__(self) -> str:
        return f"{self.dataset} 第 {self.number} 期"


class PublishedFile(models.Model):
    """发布的文件，内容不变。"""

    edition = models.ForeignKey(Edition, models.PROTECT, related_name="files", verbose_name="期")
    format = models.CharField("格式", max_length=5, choices=terms.Format.choices)
    file = models.ForeignKey("files.StoredFile", models.PROTECT, related_name="+", verbose_name="文件")
    size = models.BigIntegerField("字节数")
    sha256 = models.CharField("SHA-256 摘要", max_length=64)

    class Meta:
        verbose_name = verbose_name_plural = "发布的文件"
        ordering = ["edition", "format"]
        constraints = [models.UniqueConstraint(fields=["edition", "format"], name="opendata_file_once")]

    def __str__(self) -> str:
        return f"{self.edition} {self.get_format_display()}"


class Stop(models.Model):
    """依法停止提供的一期（个人信息保护法第四十七条）：文件已销毁，登记与摘要留存。只增，触发器拒绝改、删。"""

    edition = models.OneToOneField(Edition, models.PROTECT, related_name="stop", verbose_name="期")
    reason = models.CharField("依据", max_length=300)
    downloads = models.BigIntegerField("停止前该数据集的下载次数", default=0)
    at = models.DateTimeField("停止时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "停止提供的期"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.edition} 停止提供"


class Row(models.Model):
    """现行一期供接口查询的行，只有开放的字段。"""

    edition = models.ForeignKey(Edition, models.CASCADE, related_name="content", verbose_name="期")
    number = models.PositiveIntegerField("行号")
    content = models.JSONField("内容")

    class Meta:
        verbose_name = verbose_name_plural = "可查询的行"
        ordering = ["edition", "number"]
        constraints = [models.UniqueConstraint(fields=["edition", "number"], name="opendata_row_once")]

    def __str__(self) -> str:
        return f"{self.edition_id} {self.number}"


class Use(models.Model):
    """某日某数据集经某途径的使用量；不记是谁。dataset 空：不针对某一数据集的接口调用。"""

    day = models.DateField("日期")
    dataset = models.ForeignKey(
        Dataset, models.PROTECT, null=True, blank=True, related_name="uses", verbose_name="数据集"
    )
    organisation = models.ForeignKey(
        "orgs.Organisation", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="提供部门"
    )
    door = models.CharField("途径", max_length=10, choices=terms.Door.choices)
    form = models.CharField("格式或接口", max_length=40, blank=True)
    times = models.BigIntegerField("次数", default=0)
    rows = models.BigIntegerField("行数", default=0)

    class Meta:
        verbose_name = verbose_name_plural = "使用量"
        ordering = ["-day", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["day", "dataset", "door", "form"], name="opendata_use_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.get_door_display()}"


class Subscription(models.Model):
    """邮件订阅。地址加密保存，退订即删；令牌只存校验码。"""

    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="subscriptions", verbose_name="数据集")
    address = SealedLine("邮箱（密文）", max_length=600, blank=True, about=terms.ADDRESS)
    address_mac = KeyedDigest(
        "邮箱校验码", max_length=64, remade="yiwang.data.opendata.services.subscribing:address_again"
    )
    token_mac = KeyedDigest(
        "令牌校验码", max_length=64, unique=True, remade="yiwang.data.opendata.services.subscribing:token_again"
    )
    token = SealedLine("令牌（密文）", max_length=300, blank=True, about=terms.TOKEN)
    state = models.CharField(
        "状态", max_length=10, choices=terms.SubscriptionState.choices, default=terms.SubscriptionState.PENDING
    )
    created_at = models.DateTimeField("申请时间", auto_now_add=True)
    confirmed_at = models.DateTimeField("确认时间", null=True, blank=True)
    ended_at = models.DateTimeField("退订时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "订阅"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "address_mac"], condition=~Q(state=terms.SubscriptionState.ENDED),
                name="opendata_subscription_once",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.dataset} {self.get_state_display()}"


class Feedback(Record):
    """公众的意见、纠错与开放需求。organisation 即答复单位。"""

    case = models.OneToOneField("flow.Case", models.PROTECT, related_name="opendata_feedback", verbose_name="办理单")
    dataset = models.ForeignKey(
        Dataset, models.PROTECT, null=True, blank=True, related_name="feedbacks", verbose_name="数据集"
    )
    kind = models.CharField("类别", max_length=12, choices=terms.FeedbackKind.choices)
    title = models.CharField("标题", max_length=120)
    content = models.TextField("内容", max_length=3000)
    contact = SealedLine("联系方式（密文）", max_length=600, blank=True, about=terms.CONTACT)
    tracking_code = models.CharField("查询码", max_length=16, unique=True, editable=False)
    due_at = DueField("答复期限", null=True, blank=True)
    answered_at = models.DateTimeField("答复时间", null=True, blank=True)
    answer = models.TextField("答复", blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "公众反馈"
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.title


class OpenLimit(Limit):
    """开放时限。"""

    objects = Limits("opendata")  # type: ignore[misc]

    class Meta:
        proxy = True
        verbose_name = verbose_name_plural = "开放时限"
