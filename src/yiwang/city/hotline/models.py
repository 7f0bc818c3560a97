"""诉求及其旁证：诉求人、答复、回访、分类。诉求人身份单独成表，任何诉求列表都带不出它。"""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from yiwang.city.hotline.terms import Channel, ExclusionGround, Kind, Party, Purpose, Satisfaction
from yiwang.kernel.access.records import Record
from yiwang.kernel.clocks.models import Limit, Limits
from yiwang.kernel.crypto.fields import KeyedDigest, SealedLine, SealedText
from yiwang.kernel.search.indexing import BigramIndex


class Event(Record):
    """群体诉求：多人反映的同一件事，按一个事件、多名诉求人统计。"""

    title = models.CharField("事件名称", max_length=120)
    summary = models.TextField("情况说明", blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "群体诉求"

    def __str__(self) -> str:
        return self.title


class Request(Record):
    """一件诉求。受理时间是法律时点（received_at），录入时间是 created_at。"""

    case = models.OneToOneField("flow.Case", models.PROTECT, related_name="hotline_request", verbose_name="工单")
    number = models.CharField("工单编号", max_length=32, unique=True, editable=False)
    channel = models.CharField("来源渠道", max_length=12, choices=Channel.choices, default=Channel.PHONE)
    kind = models.CharField("诉求类别", max_length=16, choices=Kind.choices, default=Kind.COMPLAINT)
    title = models.CharField("诉求标题", max_length=200)
    content = models.TextField("诉求内容", help_text="隐去号码后的文字；举报件与保密件并隐去诉求人")
    received_at = models.DateTimeField("受理时间", db_index=True)
    region = models.ForeignKey("orgs.Region", models.PROTECT, null=True, blank=True, verbose_name="所在区划")
    district = models.CharField("文中地点", max_length=40, blank=True, help_text="从文字中识别的区县、街道")
    address = models.CharField("地址", max_length=200, blank=True)
    longitude = models.DecimalField("经度", max_digits=9, decimal_places=6, null=True, blank=True)
    latitude = models.DecimalField("纬度", max_digits=9, decimal_places=6, null=True, blank=True)
    source = models.CharField("外部来源", max_length=40, blank=True)
    external_number = models.CharField("外部编号", max_length=60, blank=True)
    tracking_code = models.CharField("查询码", max_length=16, unique=True, editable=False)
    identity = KeyedDigest(
        "诉求人标识", max_length=64, db_index=True, editable=False, help_text="不可逆摘要，用于计人数",
        remade="yiwang.city.hotline.queries:identity_again", related=("reporter",),
    )  # fmt: skip
    category = models.CharField("一级分类", max_length=40, blank=True, db_index=True)
    matter_code = models.CharField("事项编码", max_length=12, blank=True)
    matter_name = models.CharField("事项", max_length=80, blank=True)
    edition = models.CharField("词典版本", max_length=20, blank=True)
    confidential = models.BooleanField("要求保密", default=False)
    public = models.BooleanField("同意公开", default=False, help_text="仅同意公开且非举报、非保密的诉求可被公众查询")
    likes = models.PositiveIntegerField("点赞数", default=0)
    dislikes = models.PositiveIntegerField("反对数", default=0)
    event = models.ForeignKey(
        Event, models.SET_NULL, null=True, blank=True, related_name="requests", verbose_name="群体诉求"
    )
    dispatched_at = models.DateTimeField("派单时间", null=True, blank=True, help_text="首次派给承办单位的时点")
    answered_at = models.DateTimeField("答复时间", null=True, blank=True)
    closed_at = models.DateTimeField("办结时间", null=True, blank=True)
    satisfaction = models.CharField("满意度", max_length=16, choices=Satisfaction.choices, blank=True)
    resolved = models.BooleanField("诉求已解决", null=True, blank=True)
    rework_count = models.PositiveSmallIntegerField("重办次数", default=0)
    decline_count = models.PositiveSmallIntegerField("退单次数", default=0)
    signed_in_time = models.BooleanField("按时签收", null=True, blank=True)
    on_time = models.BooleanField("按时办结", null=True, blank=True)
    repeated = models.BooleanField("认定重复", default=False, help_text="经人认定与较早诉求重复")
    empty_reply = models.BooleanField("答复无实质内容", default=False)
    excluded = models.BooleanField("无理由诉求", default=False, help_text="经认定不计入满意率分母")
    split_from = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="parts", editable=False, verbose_name="拆自"
    )
    excluded_at = models.DateTimeField("认定时间", null=True, blank=True)
    search_terms = ArrayField(
        models.CharField("检索词", max_length=8), verbose_name="检索词", default=list, blank=True, editable=False
    )

    class Meta:
        verbose_name = verbose_name_plural = "诉求"
        ordering = ["-received_at", "-id"]
        indexes = [
            models.Index(fields=["organisation", "-received_at"], name="hotline_request_unit_time"),
            models.Index(fields=["category", "-received_at"], name="hotline_request_category_time"),
            GinIndex(fields=["search_terms"], name="hotline_request_terms"),
            BigramIndex("number", "title", "content", name="hotline_request_words"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_number"],
                condition=~Q(external_number=""),
                name="hotline_request_external_once",
            ),
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True) | Q(answered_at__gte=F("received_at")),
                name="hotline_request_answer_after_receipt",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"


class Reporter(models.Model):
    """诉求人。称呼、电话以 SM4 密文保存；承办单位只见脱敏值，举报件与保密件一律不见。

    含有号码的原文、举报件与保密件的原文也存在这里：诉求表里只有隐去后的文字，任何列表、导出、接口都带不出原文。
    """

    request = models.OneToOneField(Request, models.CASCADE, related_name="reporter", verbose_name="诉求")
    name = SealedLine("称呼", max_length=200, blank=True, help_text="密文")
    phone = SealedLine("电话", max_length=200, blank=True, help_text="密文")
    external_user = models.CharField("外部用户", max_length=60, blank=True)
    statement = SealedText("原文", blank=True, help_text="密文；与诉求表文字不同的才有")
    wants_callback = models.BooleanField("需要回访", default=True)

    class Meta:
        verbose_name = verbose_name_plural = "诉求人"

    def __str__(self) -> str:
        return f"{self.request_id} 的诉求人"


class ContactView(models.Model):
    """查看联系方式的记录。只增不改；谁、为何、何时看了哪件诉求的电话。"""

    request = models.ForeignKey(Request, models.PROTECT, related_name="contact_views", verbose_name="诉求")
    organisation = models.ForeignKey("orgs.Organisation", models.PROTECT, related_name="+", verbose_name="查看单位")
    person = models.ForeignKey("people.Person", models.PROTECT, related_name="+", verbose_name="查看人")
    purpose = models.CharField("用途", max_length=16, choices=Purpose.choices)
    explanation = models.CharField("说明", max_length=200)
    viewed_at = models.DateTimeField("查看时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "联系方式查看记录"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.request_id} {self.person_id}"


class Reply(models.Model):
    """答复。只增不改；每轮一条以上，办结以审核通过的最后一条为准。"""

    request = models.ForeignKey(Request, models.PROTECT, related_name="replies", verbose_name="诉求")
    organisation = models.ForeignKey("orgs.Organisation", models.PROTECT, related_name="+", verbose_name="答复单位")
    author = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="答复人"
    )
    text = models.TextField("答复内容")
    replied_at = models.DateTimeField("答复时间")
    recorded_at = models.DateTimeField("录入时间", auto_now_add=True)
    round = models.PositiveSmallIntegerField("轮次", default=1)
    empty_evidence = models.JSONField("无实质内容的证据", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "答复"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.request_id} 第{self.round}轮答复"


class Callback(models.Model):
    """回访。只增不改；未联系上是一种结果，不是满意。"""

    request = models.ForeignKey(Request, models.PROTECT, related_name="callbacks", verbose_name="诉求")
    round = models.PositiveSmallIntegerField("轮次", default=1)
    result = models.CharField("结果", max_length=16, choices=Satisfaction.choices)
    resolved = models.BooleanField("诉求已解决", null=True, blank=True)
    comment = models.CharField("诉求人意见", max_length=500, blank=True)
    channel = models.CharField("方式", max_length=12, choices=Channel.choices, default=Channel.PHONE)
    called_at = models.DateTimeField("回访时间")
    caller = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="回访人"
    )

    class Meta:
        verbose_name = verbose_name_plural = "回访"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.request_id} {self.get_result_display()}"


class Charge(models.Model):
    """办结时写下的计时账：各方时段首尾相接，恰好铺满受理至办结。重启后另起一账，旧账作废。"""

    request = models.ForeignKey(Request, models.PROTECT, related_name="charges", verbose_name="诉求")
    party = models.CharField("计时方", max_length=12, choices=Party.choices)
    organisation = models.ForeignKey(
        "orgs.Organisation", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="单位"
    )
    stage = models.CharField("环节", max_length=60, blank=True)
    cause = models.CharField("原因", max_length=200, blank=True)
    started_at = models.DateTimeField("起")
    stopped_at = models.DateTimeField("止")
    seconds = models.PositiveBigIntegerField("秒数")
    recorded_at = models.DateTimeField("录入时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "计时账"
        ordering = ["request", "started_at", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(stopped_at__gte=F("started_at")), name="hotline_charge_forward"),
        ]

    def __str__(self) -> str:
        return f"{self.request_id} {self.get_party_display()} {self.seconds} 秒"


class TriageModel(models.Model):
    """分类模型的一个版本；文件存放参数，指标为分组交叉验证所得。"""

    number = models.CharField("版本", max_length=64, unique=True)
    artefact = models.BinaryField("模型文件")
    metrics = models.JSONField("指标", default=dict)
    trained_rows = models.PositiveIntegerField("训练条数")
    trained_at = models.DateTimeField("训练时间", auto_now_add=True)
    active = models.BooleanField("在用", default=False)

    class Meta:
        verbose_name = verbose_name_plural = "分类模型"
        constraints = [
            models.UniqueConstraint(fields=["active"], condition=Q(active=True), name="hotline_one_active_model")
        ]

    def __str__(self) -> str:
        return self.number[:12]


class TriageDecision(models.Model):
    """一次分类建议及其采纳情况。只增不改；改判是新的一条。"""

    request = models.ForeignKey(Request, models.PROTECT, related_name="triage_decisions", verbose_name="诉求")
    model = models.ForeignKey(TriageModel, models.PROTECT, null=True, blank=True, verbose_name="模型版本")
    proposed = models.CharField("建议分类", max_length=40, blank=True, help_text="空表示模型弃权")
    confidence = models.FloatField("把握", default=0)
    choices = models.JSONField("前三项", default=list)
    decided = models.CharField("采用分类", max_length=40, blank=True)
    person = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="决定人"
    )
    decided_at = models.DateTimeField("时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "分类记录"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.request_id} {self.decided or '弃权'}"


class Exclusion(Record):
    """无理由诉求认定：申请、认定、申诉都是工单，认定结果只影响认定之后公布或更正的报表。"""

    case = models.OneToOneField("flow.Case", models.PROTECT, related_name="hotline_exclusion", verbose_name="认定单")
    request = models.ForeignKey(Request, models.PROTECT, related_name="exclusions", verbose_name="诉求")
    ground = models.CharField("认定理由", max_length=16, choices=ExclusionGround.choices)
    statement = models.TextField("情况说明与证据")
    upheld = models.BooleanField("认定结果", null=True, blank=True)
    decided_at = models.DateTimeField("认定时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "无理由诉求认定"
        constraints = [
            models.UniqueConstraint(
                fields=["request"], condition=Q(upheld__isnull=True), name="hotline_exclusion_one_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.request} 认定"


class HotlineLimit(Limit):
    """热线时限。"""

    objects = Limits("hotline")  # type: ignore[misc]

    class Meta:
        proxy = True
        verbose_name = verbose_name_plural = "热线时限"
