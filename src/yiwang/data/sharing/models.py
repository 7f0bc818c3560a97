"""申请、授权、密钥、服务表、交付；调用与用量由网关写入。"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from yiwang.data.sharing.gateway.store import SECRET_CONTEXT
from yiwang.data.sharing.terms import (
    TARGET,
    Frequency,
    GrantKind,
    GrantState,
    KeyState,
    RequestState,
    ShareType,
    Way,
)
from yiwang.kernel.access.records import Record
from yiwang.kernel.calendar.fields import DueField
from yiwang.kernel.clocks.models import Limit, Limits
from yiwang.kernel.crypto.fields import SealedText
from yiwang.kernel.search.indexing import BigramIndex


class SharingLimit(Limit):
    """共享时限。"""

    objects = Limits("sharing")  # type: ignore[misc]

    class Meta:
        proxy = True
        verbose_name = verbose_name_plural = "共享时限"


class Request(Record):
    """共享申请；organisation 即需求部门。"""

    case = models.OneToOneField("flow.Case", models.PROTECT, related_name="sharing_request", verbose_name="申请单")
    provider = models.ForeignKey("orgs.Organisation", models.PROTECT, related_name="+", verbose_name="提供部门")
    resource_id = models.BigIntegerField("资源", db_index=True)
    resource_code = models.CharField("资源代码", max_length=80)
    resource_name = models.CharField("资源名称", max_length=200)
    share_type = models.CharField("共享类型", max_length=16, choices=ShareType.choices)
    purpose = models.TextField("使用目的", help_text="写明用于哪项工作、怎样使用；不得超出此目的使用（条例第二十五条）")
    matter = models.CharField("业务事项", max_length=200)
    fields = ArrayField(models.CharField(max_length=80), verbose_name="字段")
    titles = models.JSONField("字段名称", default=dict, blank=True)
    row_filter = models.TextField("数据范围", blank=True, help_text="行条件，如 status = '在业'；不填为全部行")
    way = models.CharField("提供方式", max_length=8, choices=Way.choices, default=Way.API)
    frequency = models.CharField("频率", max_length=12, choices=Frequency.choices, default=Frequency.REAL_TIME)
    daily_quota = models.PositiveIntegerField("预计每日调用次数", default=1000)
    legal_basis = models.CharField("履职依据", max_length=300)
    wanted_until = models.DateField("使用期限")
    replaces = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="replaced_by", verbose_name="变更自"
    )
    state = models.CharField("状态", max_length=12, choices=RequestState.choices, default=RequestState.REVIEWING)
    refusal_reason = models.TextField("不予共享理由", blank=True)
    refusal_basis = models.CharField("不予共享依据", max_length=300, blank=True)
    answered_at = models.DateTimeField("答复时间", null=True, blank=True)
    delivered_at = models.DateTimeField("交付时间", null=True, blank=True)
    plain_fields = ArrayField(
        models.CharField(max_length=80),
        verbose_name="申请明文的字段",
        default=list,
        blank=True,
        help_text="敏感字段默认脱敏；确需明文的在此写明，由提供部门核准",
    )
    answer_due = DueField("应答复时间", null=True, blank=True)
    deliver_due = DueField("应交付时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "共享申请"
        ordering = ["-id"]
        indexes = [BigramIndex("resource_name", "purpose", name="sharing_request_words")]

    def __str__(self) -> str:
        return f"{self.organisation} 申请 {self.resource_name}"


class Grant(Record):
    """共享授权；organisation 即使用部门。字段、范围、脱敏、限额、期限都在此，目的不得扩大。"""

    request = models.ForeignKey(Request, models.PROTECT, related_name="grants", verbose_name="申请")
    kind = models.CharField("类别", max_length=8, choices=GrantKind.choices, default=GrantKind.FORMAL)
    provider = models.ForeignKey("orgs.Organisation", models.PROTECT, related_name="+", verbose_name="提供部门")
    resource_id = models.BigIntegerField("资源", db_index=True)
    resource_name = models.CharField("资源名称", max_length=200)
    purpose = models.TextField("使用目的")
    way = models.CharField("提供方式", max_length=8, choices=Way.choices)
    fields = ArrayField(models.CharField(max_length=80), verbose_name="授权字段")
    projection = ArrayField(
        models.CharField(max_length=80),
        verbose_name="现可出字段",
        default=list,
        help_text="授权字段与目录现时允许的交集",
    )
    masks = models.JSONField("脱敏", default=dict, blank=True)
    row_filter = models.TextField("数据范围", blank=True)
    filter_sql = models.TextField("范围条件", blank=True, editable=False)
    filter_values = models.JSONField("范围取值", default=list, blank=True, editable=False)
    daily_quota = models.PositiveIntegerField("每日限额", default=1000)
    total_quota = models.PositiveBigIntegerField("总限额", null=True, blank=True)
    rate = models.PositiveIntegerField("每秒限次", default=50)
    page_rows = models.PositiveIntegerField("每页行数", default=0, help_text="0 为只许按键查询")
    valid_from = models.DateField("生效日期")
    valid_until = models.DateField("到期日期")
    state = models.CharField("状态", max_length=12, choices=GrantState.choices, default=GrantState.PENDING)
    condition = models.TextField("共享条件", blank=True)
    target = models.ForeignKey(
        "Target", models.PROTECT, null=True, blank=True, related_name="grants", verbose_name="推送目标"
    )
    ended_reason = models.CharField("撤销或暂停原因", max_length=300, blank=True)
    generation = models.PositiveIntegerField("代次", default=1, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "共享授权"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["request", "kind"], name="sharing_grant_once"),
            models.CheckConstraint(condition=Q(valid_until__gte=F("valid_from")), name="sharing_grant_dates"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.resource_name}"

    @property
    def code(self) -> str:
        """What the gateway's address calls it."""
        return f"g{self.pk}"


class ApiKey(Record):
    """接口密钥。密钥本身只在签发时显示一次，库中为密文。"""

    grant = models.ForeignKey(Grant, models.PROTECT, related_name="keys", verbose_name="授权")
    public = models.CharField("密钥编号", max_length=40, unique=True)
    sealed = SealedText("密钥密文", editable=False, about=SECRET_CONTEXT)
    valid_until = models.DateField("有效期至")
    state = models.CharField("状态", max_length=12, choices=KeyState.choices, default=KeyState.ACTIVE)
    revoked_at = models.DateTimeField("作废时间", null=True, blank=True)
    revoked_reason = models.CharField("作废原因", max_length=300, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "接口密钥"
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.public


class ServingTable(models.Model):
    """服务表：某资源某快照在 serving 模式中的副本，只含已授权的字段；按键索引，带快照号。"""

    resource_id = models.BigIntegerField("资源")
    synthetic = models.BooleanField("合成数据", default=False)
    table_name = models.CharField("表名", max_length=63, unique=True)
    lake_table = models.CharField("湖表", max_length=120, blank=True)
    snapshot = models.PositiveIntegerField("快照号")
    columns = models.JSONField("字段", help_text="[[名称, 类型], …]")
    keys = ArrayField(models.CharField(max_length=80), verbose_name="键字段")
    sealed = ArrayField(models.CharField(max_length=80), verbose_name="加密字段", default=list)
    sealed_with = models.CharField("密钥号", max_length=8, blank=True)
    rows = models.PositiveBigIntegerField("行数")
    digest = models.CharField("校验和", max_length=80)
    current = models.BooleanField("当前", default=False)
    generation = models.PositiveIntegerField("代次", default=1)
    built_at = models.DateTimeField("建成时间", auto_now_add=True)
    checked_at = models.DateTimeField("核对时间", null=True, blank=True)
    agrees = models.BooleanField("与湖一致", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "服务表"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["resource_id", "synthetic"], condition=Q(current=True), name="sharing_serving_current_once"
            )
        ]

    def __str__(self) -> str:
        return f"serving.{self.table_name}"


class Mark(models.Model):
    """未决异议的标注，随应答给出；由治理的异议同步而来。"""

    resource_id = models.BigIntegerField("资源")
    key = models.CharField("键的校验码", max_length=64)
    field = models.CharField("字段", max_length=80)
    text = models.CharField("标注", max_length=200)

    class Meta:
        verbose_name = verbose_name_plural = "异议标注"
        constraints = [models.UniqueConstraint(fields=["resource_id", "key", "field"], name="sharing_mark_once")]

    def __str__(self) -> str:
        return f"{self.key} {self.field}"


class Usage(models.Model):
    """授权的累计与当日用量；网关在记账的同一事务里更新，限额因此精确。"""

    grant = models.OneToOneField(Grant, models.PROTECT, primary_key=True, related_name="usage", verbose_name="授权")
    day = models.DateField("当日")
    day_answered = models.PositiveIntegerField("当日调用", default=0)
    answered = models.PositiveBigIntegerField("累计调用", default=0)

    class Meta:
        verbose_name = verbose_name_plural = "授权用量"

    def __str__(self) -> str:
        return f"{self.grant_id} {self.day} {self.day_answered}"


class UsageDay(models.Model):
    """调用台账的日汇总，与逐条记录同一事务写入。"""

    grant = models.ForeignKey(Grant, models.PROTECT, related_name="days", verbose_name="授权")
    provider = models.ForeignKey("orgs.Organisation", models.PROTECT, related_name="+", verbose_name="提供部门")
    organisation = models.ForeignKey("orgs.Organisation", models.PROTECT, related_name="+", verbose_name="使用部门")
    day = models.DateField("日期")
    answered = models.PositiveIntegerField("应答次数", default=0)
    refused = models.PositiveIntegerField("拒绝次数", default=0)
    rows = models.PositiveBigIntegerField("返回行数", default=0)
    created_at = models.DateTimeField("登记时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "调用日汇总"
        ordering = ["-day", "-id"]
        constraints = [models.UniqueConstraint(fields=["grant", "day"], name="sharing_usage_day_once")]
        indexes = [models.Index(fields=["provider", "day"], name="sharing_usage_provider"),
                   models.Index(fields=["day"], name="sharing_usage_by_day")]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.grant_id} {self.day}"


class Target(Record):
    """库表推送的去向：需求部门的 PostgreSQL；连接串为密文。organisation 即使用部门。"""

    name = models.CharField("名称", max_length=60)
    schema = models.CharField("模式", max_length=63)
    sealed = SealedText("连接密文", editable=False, about=TARGET)
    host = models.CharField("主机", max_length=200, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "推送目标"
        constraints = [models.UniqueConstraint(fields=["organisation", "name"], name="sharing_target_once")]

    def __str__(self) -> str:
        return self.name


class Delivery(Record):
    """库表推送与文件交付，一次一条，只增不改；organisation 即使用部门。"""

    grant = models.ForeignKey(Grant, models.PROTECT, related_name="deliveries", verbose_name="授权")
    provider = models.ForeignKey("orgs.Organisation", models.PROTECT, related_name="+", verbose_name="提供部门")
    way = models.CharField("方式", max_length=8, choices=Way.choices)
    snapshot = models.PositiveIntegerField("快照号")
    since = models.PositiveIntegerField("自快照", null=True, blank=True, help_text="增量推送的起点；空为全量")
    rows = models.PositiveBigIntegerField("行数")
    removed = models.PositiveBigIntegerField("删除行数", default=0)
    digest = models.CharField("摘要", max_length=80)
    target = models.CharField("去向", max_length=200)
    once = models.CharField("幂等号", max_length=100, unique=True)

    class Meta:
        verbose_name = verbose_name_plural = "交付记录"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.grant} 快照 {self.snapshot}"


class Package(models.Model):
    """加密文件包与它的一次性下载凭证。"""

    delivery = models.OneToOneField(Delivery, models.PROTECT, related_name="package", verbose_name="交付记录")
    path = models.CharField("存放路径", max_length=200)
    size = models.PositiveBigIntegerField("大小")
    token_digest = models.CharField("凭证摘要", max_length=64, unique=True)
    expires_at = models.DateTimeField("凭证有效期至")
    fetched_at = models.DateTimeField("下载时间", null=True, blank=True)
    fetched_from = models.CharField("下载地址", max_length=64, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "文件包"

    def __str__(self) -> str:
        return f"{self.delivery}"


class Call(models.Model):
    """逐条调用记录，网关先写后答；按月分区，只增不改。个人信息不入此表：查询条件只留摘要。"""

    id = models.BigAutoField("序号", primary_key=True)
    at = models.DateTimeField("时间")
    request_id = models.CharField("请求号", max_length=32)
    key = models.CharField("密钥编号", max_length=40, blank=True)
    grant = models.ForeignKey(Grant, models.DO_NOTHING, null=True, db_constraint=False, verbose_name="授权")
    provider = models.ForeignKey(
        "orgs.Organisation",
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        related_name="+",
        verbose_name="提供部门",
    )
    organisation = models.ForeignKey(
        "orgs.Organisation",
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        related_name="+",
        verbose_name="使用部门",
    )
    outcome = models.CharField("结果", max_length=16)
    status = models.PositiveSmallIntegerField("状态码")
    method = models.CharField("方法", max_length=8)
    path = models.CharField("地址", max_length=120)
    query_digest = models.CharField("条件摘要", max_length=64)
    fields = models.TextField("返回字段")
    rows = models.PositiveIntegerField("返回行数")
    snapshot = models.PositiveIntegerField("快照号", null=True)
    address = models.CharField("来源地址", max_length=64)
    milliseconds = models.PositiveIntegerField("用时（毫秒）")

    class Meta:
        managed = False
        db_table = "sharing_call"
        verbose_name = verbose_name_plural = "调用记录"
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.request_id
