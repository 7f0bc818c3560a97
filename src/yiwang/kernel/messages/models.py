"""In-app messages, the outbox, and what each person wants where."""

from django.db import models
from django.db.models import Q

from yiwang.kernel.crypto import decrypt
from yiwang.kernel.crypto.fields import SealedLine

ADDRESS = "messages.delivery.address"
CHANNELS = {"sms": "短信", "mail": "邮件"}


class Message(models.Model):
    """站内消息。"""

    person = models.ForeignKey("people.Person", models.PROTECT, related_name="messages", verbose_name="接收人")
    title = models.CharField("标题", max_length=200)
    body = models.TextField("内容", blank=True)
    url = models.CharField("链接", max_length=300, blank=True)
    kind = models.CharField("类别", max_length=60, blank=True)
    dedup = models.CharField("去重标识", max_length=200)
    created_at = models.DateTimeField("时间", auto_now_add=True)
    read_at = models.DateTimeField("阅读时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "站内消息"
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["person", "dedup"], name="messages_once")]
        indexes = [models.Index(fields=["person", "-id"], condition=Q(read_at=None), name="messages_unread")]

    def __str__(self) -> str:
        return self.title


class Delivery(models.Model):
    """待发消息。同一 lane（同一事项、渠道、接收方）按编号先后发送；接收方以密文保存。"""

    class State(models.TextChoices):
        WAITING = "waiting", "待发"
        SENT = "sent", "已发"
        PARKED = "parked", "搁置"

    dedup = models.CharField("去重标识", max_length=260, unique=True)
    channel = models.CharField("渠道", max_length=20)
    address = SealedLine("接收方（密文）", max_length=400, about=ADDRESS)
    lane = models.CharField("次序组", max_length=160, blank=True)
    title = models.CharField("标题", max_length=200)
    body = models.TextField("内容", blank=True)
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField("发送次数", default=0)
    next_at = models.DateTimeField("下次发送")
    error = models.CharField("最近错误", max_length=300, blank=True)
    created_at = models.DateTimeField("生成时间", auto_now_add=True)
    sent_at = models.DateTimeField("发出时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "待发消息"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["next_at", "id"], condition=Q(state="waiting"), name="messages_due"),
            models.Index(fields=["lane", "id"], condition=Q(state="waiting"), name="messages_lane"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.title}"

    @property
    def clear_address(self) -> str:
        return decrypt(self.address, ADDRESS)


class Preference(models.Model):
    """个人接收偏好；kind 为空表示各类消息。站内消息不可关闭。"""

    person = models.ForeignKey("people.Person", models.CASCADE, related_name="+", verbose_name="人员")
    kind = models.CharField("类别", max_length=60, blank=True)
    channel = models.CharField("渠道", max_length=20)
    enabled = models.BooleanField("接收")

    class Meta:
        verbose_name = verbose_name_plural = "消息偏好"
        constraints = [models.UniqueConstraint(fields=["person", "kind", "channel"], name="messages_preference_once")]

    def __str__(self) -> str:
        return f"{self.person} {self.kind or '各类'} {self.channel}"
