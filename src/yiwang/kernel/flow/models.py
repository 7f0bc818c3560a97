"""Cases, their seats and their append-only entries. Written only by `flow.services`."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from yiwang.kernel.calendar.fields import DueField
from yiwang.kernel.flow.terms import TRIES, LinkKind, SeatKind, SeatState, Status, Verdict, VersionState
from yiwang.kernel.search.indexing import BigramIndex


class FlowVersion(models.Model):
    """流程版本：发布后内容不可更改（触发器拒绝），案件始终按其登记时的版本办理。"""

    code = models.CharField("流程代码", max_length=60)
    name = models.CharField("流程名称", max_length=100)
    edition = models.CharField("版次", max_length=40)
    digest = models.CharField("内容摘要", max_length=64)
    definition = models.JSONField("定义")
    state = models.CharField("状态", max_length=10, choices=VersionState.choices, default=VersionState.PUBLISHED)
    valid_from = models.DateTimeField("启用时间", default=timezone.now)
    valid_until = models.DateTimeField("停用时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "流程版本"
        ordering = ["code", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["code", "digest"], name="flow_version_once"),
            models.UniqueConstraint(fields=["code"], condition=Q(valid_until=None), name="flow_version_current"),
        ]

    def __str__(self) -> str:
        return f"{self.name}（{self.edition}）"


class Case(models.Model):
    """案件：在环节之间流转的一件事。`memory` 是引擎自用的有界事实（路径、经办人、计数）。"""

    number = models.CharField("编号", max_length=60, unique=True)
    flow = models.CharField("流程", max_length=60)
    version = models.ForeignKey(FlowVersion, models.PROTECT, related_name="cases", verbose_name="流程版本")
    title = models.CharField("标题", max_length=300)
    status = models.CharField("状态", max_length=10, choices=Status.choices, default=Status.OPEN)
    stage = models.CharField("当前环节", max_length=60)
    round = models.PositiveIntegerField("轮次", default=1)
    seq = models.PositiveIntegerField("记录序号", default=0)
    seats_made = models.PositiveIntegerField("席位序号", default=0)
    head = models.CharField("链首摘要", max_length=64, blank=True)
    outcome = models.CharField("结果", max_length=60, blank=True)
    organisation = models.ForeignKey(
        "orgs.Organisation", models.PROTECT, related_name="+", db_index=False, verbose_name="主办单位"
    )
    operator = models.ForeignKey(
        "orgs.Organisation", models.PROTECT, related_name="+", db_index=False, verbose_name="运行单位"
    )
    opener_person = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, blank=True, related_name="+", db_index=False, verbose_name="登记人"
    )
    opener_post = models.ForeignKey(
        "orgs.Post", models.PROTECT, null=True, blank=True, related_name="+", db_index=False, verbose_name="登记岗位"
    )
    opener_organisation = models.ForeignKey(
        "orgs.Organisation", models.PROTECT, null=True, blank=True, related_name="+", db_index=False,
        verbose_name="登记单位",
    )  # fmt: skip
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name="上级案件"
    )
    root = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="descendants", verbose_name="根案件"
    )
    secrecy = models.PositiveSmallIntegerField("密级", default=0, help_text="0 普通 1 内部敏感")
    data = models.JSONField("数据", default=dict)
    memory = models.JSONField("引擎事实", default=dict)
    opened_at = models.DateTimeField("登记时间")
    closed_at = models.DateTimeField("办结时间", null=True, blank=True)
    is_demo = models.BooleanField("演示数据", default=False, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "案件"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["flow", "opened_at"], name="flow_case_opened"),
            models.Index(fields=["organisation", "opened_at"], name="flow_case_lead"),
            models.Index(fields=["opener_person", "-id"], name="flow_case_opener"),
            # Without the stage: an act then changes no indexed column, and the row is updated in place.
            models.Index(fields=["flow", "opened_at"], name="flow_case_live", condition=~Q(status="closed")),
            models.Index(fields=["id"], name="flow_case_suspended", condition=Q(status="suspended")),
            BigramIndex("title", name="flow_case_words"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="closed", closed_at__isnull=False) | ~Q(status="closed") & Q(closed_at=None),
                name="flow_case_closing",
            )
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"


class Seat(models.Model):
    """席位：一个环节上等待某岗位（或某组岗位）办理的位置；失效的席位保留。"""

    case = models.ForeignKey(Case, models.PROTECT, related_name="seats", db_index=False, verbose_name="案件")
    ref = models.PositiveIntegerField("席位号")
    stage = models.CharField("环节", max_length=60)
    round = models.PositiveIntegerField("轮次")
    kind = models.CharField("类别", max_length=8, choices=SeatKind.choices, default=SeatKind.HANDLE)
    state = models.CharField("状态", max_length=8, choices=SeatState.choices, default=SeatState.OPEN)
    verdict = models.CharField("表决", max_length=8, choices=Verdict.choices, blank=True)
    post = models.ForeignKey(
        "orgs.Post", models.PROTECT, null=True, blank=True, related_name="+", db_index=False, verbose_name="岗位"
    )
    pool = models.CharField("公共池", max_length=60, blank=True, help_text="角色代码；@head 负责人，@any 本单位")
    organisation = models.ForeignKey(
        "orgs.Organisation", models.PROTECT, related_name="+", db_index=False, verbose_name="单位"
    )
    person = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, blank=True, related_name="+", db_index=False, verbose_name="人员"
    )
    on_behalf_of = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, blank=True, related_name="+", db_index=False, verbose_name="被代理人",
    )  # fmt: skip
    weight = models.PositiveIntegerField("权重", default=1)
    counts = models.BooleanField("计票", default=True)
    mandatory = models.BooleanField("必经", default=False, help_text="前后加签：未办则环节不能通过")
    lead = models.BooleanField("主办席", default=False)
    after = models.PositiveIntegerField("先于本席的席位号", default=0)
    origin = models.PositiveIntegerField("来源席位号", default=0)
    task = models.CharField("事由", max_length=40, blank=True)
    fault = models.CharField("分派异常", max_length=200, blank=True)
    opened_seq = models.PositiveIntegerField("开启记录")
    closed_seq = models.PositiveIntegerField("关闭记录", default=0)
    opened_at = models.DateTimeField("开启时间")
    closed_at = models.DateTimeField("关闭时间", null=True, blank=True)
    read_at = models.DateTimeField("阅读时间", null=True, blank=True)
    due = DueField("期限", null=True, blank=True, help_text="时钟的缓存，仅供排序与着色")

    class Meta:
        verbose_name = verbose_name_plural = "席位"
        ordering = ["case", "ref"]
        constraints = [models.UniqueConstraint(fields=["case", "ref"], name="flow_seat_ref")]
        indexes = [
            models.Index(fields=["post", "due", "id"], condition=Q(state="open"), name="flow_seat_todo"),
            models.Index(
                fields=["pool", "organisation", "due", "id"],
                condition=Q(state="open", post=None),
                name="flow_seat_pool",
            ),
            models.Index(fields=["person", "-closed_at"], condition=Q(state="done"), name="flow_seat_done"),
            models.Index(
                fields=["on_behalf_of", "-closed_at"],
                condition=Q(state="done", on_behalf_of__isnull=False),
                name="flow_seat_done_for",
            ),
            models.Index(fields=["post", "-id"], condition=Q(kind="copy"), name="flow_seat_copy"),
        ]

    def __str__(self) -> str:
        return f"{self.case_id}#{self.ref} {self.get_kind_display()}"


class Entry(models.Model):
    """办理记录：只增不改（触发器拒绝改、删、清空）；逐条以密钥摘要成链。"""

    case = models.ForeignKey(Case, models.PROTECT, related_name="entries", db_index=False, verbose_name="案件")
    seq = models.PositiveIntegerField("序号")
    kind = models.CharField("类别", max_length=20)
    action = models.CharField("动作", max_length=60, blank=True)
    stage = models.CharField("环节", max_length=60, blank=True)
    person = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, blank=True, related_name="+", db_index=False, verbose_name="经办人"
    )
    post = models.ForeignKey(
        "orgs.Post", models.PROTECT, null=True, blank=True, related_name="+", db_index=False, verbose_name="经办岗位"
    )
    organisation = models.ForeignKey(
        "orgs.Organisation", models.PROTECT, null=True, blank=True, related_name="+", db_index=False,
        verbose_name="经办单位",
    )  # fmt: skip
    acting_for = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, blank=True, related_name="+", db_index=False, verbose_name="代理"
    )
    actor_name = models.CharField("经办人姓名", max_length=60)
    recorded_at = models.DateTimeField("记录时间", db_index=True)
    happened_at = models.DateTimeField("发生时间", help_text="法律事实发生的时刻，可早于记录时间")
    opinion = models.TextField("意见", blank=True)
    payload = models.JSONField("事实", default=dict)
    prev_hash = models.CharField("前条摘要", max_length=64, blank=True)
    hash = models.CharField("摘要", max_length=64)

    class Meta:
        verbose_name = verbose_name_plural = "办理记录"
        ordering = ["case", "seq"]
        constraints = [models.UniqueConstraint(fields=["case", "seq"], name="flow_entry_seq")]

    def __str__(self) -> str:
        return f"{self.case_id}.{self.seq} {self.kind}"


class DayBill(models.Model):
    """日清单：某日全部办理记录的摘要，每条记录恰在一张清单上。"""

    day = models.DateField("日期", unique=True)
    count = models.PositiveIntegerField("条数")
    digest = models.CharField("摘要", max_length=64)

    class Meta:
        verbose_name = verbose_name_plural = "日清单"

    def __str__(self) -> str:
        return f"{self.day}（{self.count} 条）"


class Link(models.Model):
    """案件之间的关系；并案后原编号仍可由此查到去向。"""

    source = models.ForeignKey(Case, models.PROTECT, related_name="links_out", verbose_name="案件")
    target = models.ForeignKey(Case, models.PROTECT, related_name="links_in", verbose_name="关联案件")
    kind = models.CharField("关系", max_length=8, choices=LinkKind.choices)
    released = models.BooleanField("已解除约束", default=False)
    created_at = models.DateTimeField("建立时间", default=timezone.now)

    class Meta:
        verbose_name = verbose_name_plural = "案件关系"
        constraints = [
            models.UniqueConstraint(fields=["source", "target", "kind"], name="flow_link_once"),
            models.CheckConstraint(condition=~Q(source=models.F("target")), name="flow_link_not_self"),
        ]

    def __str__(self) -> str:
        return f"{self.source_id} {self.kind} {self.target_id}"


class Outbox(models.Model):
    """待送达：与办理记录同一事务写入，按案件内顺序至少送达一次，以去重号识别重复。"""

    case = models.ForeignKey(Case, models.PROTECT, related_name="outbox", db_index=False, verbose_name="案件")
    seq = models.PositiveIntegerField("记录序号")
    kind = models.CharField("类别", max_length=20)
    payload = models.JSONField("内容", default=dict)
    dedup = models.CharField("去重号", max_length=80)
    attempts = models.PositiveSmallIntegerField("尝试次数", default=0)
    problem = models.CharField("失败原因", max_length=300, blank=True)
    not_before = models.DateTimeField("最早送达时间", default=timezone.now)
    delivered_at = models.DateTimeField("送达时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "待送达"
        constraints = [models.UniqueConstraint(fields=["dedup"], name="flow_outbox_once")]
        indexes = [models.Index(fields=["case", "id"], condition=Q(delivered_at=None), name="flow_outbox_pending")]

    def __str__(self) -> str:
        return self.dedup


class ParkedMessages(models.Manager["ParkedMessage"]):
    def get_queryset(self) -> models.QuerySet["ParkedMessage"]:
        return super().get_queryset().filter(delivered_at=None, attempts__gte=TRIES)


class ParkedMessage(Outbox):
    """搁置的待送达：多次送达失败，等系统管理员排除原因后重送。"""

    objects = ParkedMessages()  # type: ignore[misc]

    class Meta:
        proxy = True
        verbose_name = verbose_name_plural = "搁置的待送达"


class IdempotencyKey(models.Model):
    """重复提交识别：同一键第二次提交得到第一次的答复，不产生第二次效果。"""

    LONGEST = 80

    actor = models.BigIntegerField("提交人", default=0)
    key = models.CharField("键", max_length=LONGEST)
    request = models.CharField("请求", max_length=120)
    answer = models.BigIntegerField("答复")
    created_at = models.DateTimeField("时间", default=timezone.now)

    class Meta:
        verbose_name = verbose_name_plural = "重复提交识别"
        constraints = [models.UniqueConstraint(fields=["actor", "key"], name="flow_key_once")]

    def __str__(self) -> str:
        return self.key


class NumberSeries(models.Model):
    """编号序列：在办理事务内取号，事务回滚即不占号，故连续、不重、不复用。"""

    code = models.CharField("序列代码", max_length=60)
    period = models.CharField("期", max_length=10, blank=True)
    last = models.PositiveIntegerField("已发到", default=0)

    class Meta:
        verbose_name = verbose_name_plural = "编号序列"
        constraints = [models.UniqueConstraint(fields=["code", "period"], name="flow_series_once")]

    def __str__(self) -> str:
        return f"{self.code} {self.period}"


class IssuedNumber(models.Model):
    series = models.ForeignKey(NumberSeries, models.PROTECT, related_name="numbers", verbose_name="序列")
    value = models.PositiveIntegerField("序号")
    text = models.CharField("编号", max_length=80, unique=True)
    case = models.ForeignKey(Case, models.PROTECT, related_name="numbers", verbose_name="案件")
    seq = models.PositiveIntegerField("记录序号")
    issued_at = models.DateTimeField("发号时间", default=timezone.now)

    class Meta:
        verbose_name = verbose_name_plural = "已发编号"
        constraints = [models.UniqueConstraint(fields=["series", "value"], name="flow_number_once")]

    def __str__(self) -> str:
        return self.text
