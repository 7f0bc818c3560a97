"""规则表、识别结果、个人信息访问记录。"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from yiwang.data.protection import terms
from yiwang.kernel.access.records import Record
from yiwang.kernel.calendar.fields import DueField
from yiwang.kernel.clocks.models import Limit, Limits
from yiwang.kernel.crypto.fields import KeyedDigest, SealedLine, SealedText
from yiwang.kernel.search.indexing import BigramIndex
from yiwang.standards.sensitive import SensitiveKind


class GradingRule(Record):
    """定级规则：含有这些类别（且行数达到）的数据至少定到这一级。规则有生效、失效日期，不改旧规则。"""

    code = models.CharField("规则代码", max_length=40)
    name = models.CharField("规则名称", max_length=120)
    kinds = ArrayField(
        models.CharField("敏感类别", max_length=20, choices=SensitiveKind.choices),
        verbose_name="敏感类别",
        help_text="多个类别表示同时出现（组合识别个人）时才适用",
    )
    rows_from = models.PositiveBigIntegerField("行数达到", default=0, help_text="0 为不论规模")
    level = models.PositiveSmallIntegerField("至少定级", choices=terms.Level.choices)
    basis = models.CharField("依据", max_length=300)
    valid_from = models.DateField("生效日期")
    valid_until = models.DateField("失效日期", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "定级规则"
        ordering = ["code", "-valid_from"]
        constraints = [
            models.UniqueConstraint(fields=["code", "valid_from"], name="protection_grading_once"),
            models.CheckConstraint(condition=Q(level__range=(1, 4)), name="protection_grading_level"),
            models.CheckConstraint(condition=Q(kinds__len__gt=0), name="protection_grading_kinds"),
            models.CheckConstraint(
                condition=Q(valid_until=None) | Q(valid_until__gte=F("valid_from")), name="protection_grading_dates"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class MaskRule(Record):
    """脱敏规则：这一类别给这类接收方时至少怎样脱敏。"""

    kind = models.CharField("敏感类别", max_length=20, choices=SensitiveKind.choices)
    recipient = models.CharField("接收方", max_length=12, choices=terms.Recipient.choices)
    method = models.CharField("脱敏方式", max_length=12, choices=terms.Method.choices)
    basis = models.CharField("依据", max_length=300)
    valid_from = models.DateField("生效日期")
    valid_until = models.DateField("失效日期", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "脱敏规则"
        ordering = ["kind", "recipient", "-valid_from"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "recipient", "valid_from"], name="protection_mask_once"),
            models.CheckConstraint(
                condition=Q(valid_until=None) | Q(valid_until__gte=F("valid_from")), name="protection_mask_dates"
            ),
            # 不脱敏给公众没有例外，写错也不行。
            models.CheckConstraint(
                condition=~Q(recipient=terms.Recipient.PUBLIC) | ~Q(method=terms.Method.PLAIN),
                name="protection_mask_never_plain_to_public",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}→{self.get_recipient_display()}：{self.get_method_display()}"


class Scan(Record):
    """一次敏感数据识别。organisation 即数据提供方；资源以目录的编号指认。"""

    resource_id = models.BigIntegerField("资源编号", db_index=True)
    resource_code = models.CharField("资源代码", max_length=60)
    resource_name = models.CharField("资源名称", max_length=120)
    snapshot = models.PositiveIntegerField("数据快照", default=0, help_text="0 为尚无数据，只看名称")
    rows = models.BigIntegerField("数据量", default=0)
    sampled = models.PositiveIntegerField("抽样行数", default=0)
    state = models.CharField("状态", max_length=10, choices=terms.ScanState.choices, default=terms.ScanState.RUNNING)
    note = models.CharField("说明", max_length=300, blank=True)
    finished_at = models.DateTimeField("识别完成时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "敏感数据识别"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.resource_name} 第 {self.pk} 次识别"


class Finding(models.Model):
    """一个信息项的识别结果与人的决定。证据不含原值。"""

    scan = models.ForeignKey(Scan, models.PROTECT, related_name="findings", verbose_name="识别")
    item_id = models.BigIntegerField("信息项编号")
    name = models.CharField("英文名称", max_length=60)
    title = models.CharField("信息项名称", max_length=80)
    kind = models.CharField("敏感类别", max_length=20, choices=SensitiveKind.choices, blank=True)
    confidence = models.DecimalField("把握", max_digits=4, decimal_places=3)
    level = models.PositiveSmallIntegerField("建议分级", choices=terms.Level.choices)
    evidence = models.JSONField("证据", default=list)
    rules = models.JSONField("适用规则", default=list)
    decision = models.CharField("决定", max_length=10, choices=terms.Decision.choices, default=terms.Decision.PENDING)
    decided_kind = models.CharField("确定类别", max_length=20, choices=SensitiveKind.choices, blank=True)
    decided_level = models.PositiveSmallIntegerField("确定分级", choices=terms.Level.choices, null=True, blank=True)
    reason = models.CharField("理由", max_length=300, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "识别结果"
        ordering = ["scan", "id"]
        indexes = [BigramIndex("title", "name", name="protection_finding_words")]
        constraints = [
            models.UniqueConstraint(fields=["scan", "item_id"], name="protection_finding_once"),
            models.CheckConstraint(
                condition=Q(decision=terms.Decision.PENDING) | Q(decided_level__range=(1, 4)),
                name="protection_finding_decided",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title}：{self.get_kind_display() or '未见敏感'}"


class AccessEntry(models.Model):
    """谁在何时为何读了哪些敏感信息项。只增，触发器拒绝改、删。"""

    person = models.ForeignKey("people.Person", models.PROTECT, null=True, related_name="+", verbose_name="访问人")
    organisation = models.ForeignKey(
        "orgs.Organisation", models.PROTECT, null=True, related_name="+", verbose_name="访问单位"
    )
    resource_id = models.BigIntegerField("资源编号", db_index=True)
    resource_name = models.CharField("资源名称", max_length=120)
    provider = models.ForeignKey("orgs.Organisation", models.PROTECT, related_name="+", verbose_name="提供方")
    snapshot = models.PositiveIntegerField("数据快照", default=0)
    fields = ArrayField(models.CharField("信息项", max_length=60), verbose_name="信息项")
    rows = models.PositiveBigIntegerField("行数")
    door = models.CharField("途径", max_length=40, choices=terms.AccessDoor.choices)
    purpose = models.CharField("目的", max_length=300)
    reference = models.CharField("依据的业务", max_length=100, blank=True)
    at = models.DateTimeField("时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "敏感数据访问"
        ordering = ["-id"]
        indexes = [BigramIndex("resource_name", "purpose", "reference", name="protection_access_words")]

    def __str__(self) -> str:
        return f"{self.resource_name} {self.at:%Y-%m-%d %H:%M}"


class PersonLimit(Limit):
    """个人信息请求时限。"""

    objects = Limits("protection")  # type: ignore[misc]

    class Meta:
        proxy = True
        verbose_name = verbose_name_plural = "个人信息请求时限"


class PersonRequest(Record):
    """个人信息请求。organisation 即办理单位；能认出本人的字段全部用 SM4 加密保存。"""

    case = models.OneToOneField("flow.Case", models.PROTECT, related_name="person_request", verbose_name="办理单")
    kind = models.CharField("请求事项", max_length=10, choices=terms.RequestKind.choices)
    name = SealedLine("姓名（密文）", max_length=600, about=terms.WORDS)
    id_number = SealedLine("公民身份号码（密文）", max_length=300, about=terms.NUMBER)
    id_mac = KeyedDigest(
        "身份号码校验码", max_length=64, db_index=True,
        remade="yiwang.data.protection.services.persons:number_again",
    )  # fmt: skip
    contact = SealedLine("联系电话（密文）", max_length=300, about=terms.CONTACT)
    statement = SealedText("请求内容（密文）", about=terms.WORDS)
    tracking_code = models.CharField("查询码", max_length=16, unique=True, editable=False)
    basis = models.CharField("时限依据", max_length=300)
    due_at = DueField("答复期限", null=True, blank=True)
    verified = models.BooleanField("已核验身份", default=False)
    verified_how = models.CharField("核验方式", max_length=200, blank=True)
    answered_at = models.DateTimeField("答复时间", null=True, blank=True)
    answer = models.TextField("答复", blank=True)
    outcome = models.CharField("结果", max_length=20, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "个人信息请求"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"个人信息{self.get_kind_display()}请求 {self.pk}"


class Holding(models.Model):
    """在一张表里查到的本人数据；主键加密，删除后即清。"""

    request = models.ForeignKey(PersonRequest, models.PROTECT, related_name="holdings", verbose_name="请求")
    table = models.CharField("数据表", max_length=100)
    resource_id = models.BigIntegerField("资源编号")
    resource_name = models.CharField("资源名称", max_length=120)
    provider = models.ForeignKey("orgs.Organisation", models.PROTECT, related_name="+", verbose_name="提供方")
    snapshot = models.PositiveIntegerField("数据快照")
    rows = models.PositiveIntegerField("行数")
    keys = SealedText("主键（密文）", blank=True, about=terms.NUMBER)
    found_at = models.DateTimeField("查找时间", auto_now=True)

    class Meta:
        verbose_name = verbose_name_plural = "查到的本人数据"
        ordering = ["request", "id"]
        constraints = [models.UniqueConstraint(fields=["request", "table"], name="protection_holding_once")]

    def __str__(self) -> str:
        return f"{self.resource_name} {self.rows} 行"


class SearchedPlace(models.Model):
    """湖表之外查过的一处：查了多少份，在哪一份里查到。reference 为空是这一处的总计。"""

    request = models.ForeignKey(PersonRequest, models.PROTECT, related_name="places", verbose_name="请求")
    place = models.CharField("位置", max_length=60)
    reference = models.CharField("哪一份", max_length=200, blank=True)
    searched = models.PositiveIntegerField("查找份数", default=0)
    rows = models.PositiveIntegerField("行数", default=0)
    found_at = models.DateTimeField("查找时间", auto_now=True)

    class Meta:
        verbose_name = verbose_name_plural = "查找位置"
        ordering = ["request", "place", "id"]
        constraints = [models.UniqueConstraint(fields=["request", "place", "reference"], name="protection_place_once")]

    def __str__(self) -> str:
        return f"{self.place} {self.reference}".strip()


class Removal(models.Model):
    """湖表之外的一处删除：哪一份、删了几行、前后摘要，带校验码。只增，触发器拒绝改、删。"""

    request = models.ForeignKey(PersonRequest, models.PROTECT, related_name="removals", verbose_name="请求")
    place = models.CharField("位置", max_length=60)
    reference = models.CharField("哪一份", max_length=200)
    rows = models.PositiveIntegerField("行数")
    action = models.CharField("做了什么", max_length=200)
    before = models.CharField("删除前摘要", max_length=128, blank=True)
    after = models.CharField("删除后摘要", max_length=128, blank=True)
    mac = models.CharField("校验码", max_length=64)
    at = models.DateTimeField("删除时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "包与文件中的删除"
        ordering = ["request", "id"]

    def __str__(self) -> str:
        return f"{self.place} {self.reference}"

    @property
    def sealed(self) -> bytes:
        """The bytes the MAC is made over."""
        facts = (self.request_id, self.place, self.reference, self.rows, self.action, self.before, self.after)
        return "\0".join(map(str, facts)).encode()


class Notice(Record):
    """删除通知：给一个接收过本人数据的部门，要求删除并回执。organisation 即接收部门。"""

    case = models.OneToOneField("flow.Case", models.PROTECT, related_name="deletion_notice", verbose_name="通知单")
    request = models.ForeignKey(PersonRequest, models.PROTECT, related_name="notices", verbose_name="请求")
    due_at = DueField("回执期限", null=True, blank=True)
    answered_at = models.DateTimeField("回执时间", null=True, blank=True)
    outcome = models.CharField("回执", max_length=20, blank=True)
    receipt = models.TextField("回执说明", blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "删除通知"
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["request", "organisation"], name="protection_notice_once")]

    def __str__(self) -> str:
        return f"给{self.organisation}的删除通知"


class HandedOut(models.Model):
    """已经离开平台、可能含有本人的一份：谁、哪种方式、何时、多少行。通知发出时登记，只增，触发器拒绝改、删。"""

    request = models.ForeignKey(PersonRequest, models.PROTECT, related_name="copies", verbose_name="请求")
    notice = models.ForeignKey(
        Notice, models.PROTECT, null=True, blank=True, related_name="copies", verbose_name="通知",
        help_text="空：向社会开放的，没有可通知的人",
    )  # fmt: skip
    resource_name = models.CharField("资源名称", max_length=120)
    way = models.CharField("方式", max_length=20)
    reference = models.CharField("哪一份", max_length=300)
    last_at = models.DateTimeField("最近一次")
    rows = models.BigIntegerField("行数", default=0)
    at = models.DateTimeField("登记时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "已交出的份"
        ordering = ["request", "id"]

    def __str__(self) -> str:
        return f"{self.resource_name} {self.way}"


class Deletion(models.Model):
    """一张表里的删除及其证明。只增，触发器拒绝改、删。"""

    request = models.ForeignKey(PersonRequest, models.PROTECT, related_name="deletions", verbose_name="请求")
    table = models.CharField("数据表", max_length=100)
    resource_name = models.CharField("资源名称", max_length=120)
    proof = models.ForeignKey("lake.Proof", models.PROTECT, related_name="+", verbose_name="删除证明")
    snapshots = models.PositiveIntegerField("涉及快照数")
    rows = models.PositiveIntegerField("现行快照中的行数")
    at = models.DateTimeField("删除时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "个人信息删除"
        ordering = ["request", "id"]
        constraints = [models.UniqueConstraint(fields=["request", "table"], name="protection_deletion_once")]

    def __str__(self) -> str:
        return f"{self.resource_name} 删除"
