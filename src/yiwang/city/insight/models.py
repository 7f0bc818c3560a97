"""研判留下的证据：疑似重复、热点。诉求只以编号（主键）指称，从这里查不到诉求人。"""

from django.db import models
from django.db.models import F, Q

from yiwang.city.insight.terms import Judgement


class RepeatFinding(models.Model):
    """疑似重复：机器给证据，由人认定。"""

    request_id = models.BigIntegerField("诉求", db_index=True)
    earlier_id = models.BigIntegerField("较早诉求", db_index=True)
    same_person = models.BooleanField("同一诉求人")
    similarity = models.FloatField("相似度")
    evidence = models.JSONField("证据", default=dict)
    judgement = models.CharField("研判", max_length=12, choices=Judgement.choices, default=Judgement.PENDING)
    judged_by = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="研判人"
    )
    judged_at = models.DateTimeField("研判时间", null=True, blank=True)
    found_at = models.DateTimeField("发现时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "疑似重复"
        constraints = [
            models.UniqueConstraint(fields=["request_id", "earlier_id"], name="insight_repeat_pair_once"),
            models.CheckConstraint(condition=~Q(request_id=F("earlier_id")), name="insight_repeat_not_self"),
        ]

    def __str__(self) -> str:
        return f"{self.request_id} ~ {self.earlier_id}"


class TopicRun(models.Model):
    """一次热点计算：期间、公式与参数写在结果旁边。"""

    period_from = models.DateField("起")
    period_until = models.DateField("止")
    formula = models.CharField("热度公式", max_length=200)
    parameters = models.JSONField("参数", default=dict)
    request_count = models.PositiveIntegerField("诉求件数")
    run_at = models.DateTimeField("计算时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "热点计算"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.period_from}至{self.period_until}热点"


class Topic(models.Model):
    run = models.ForeignKey(TopicRun, models.CASCADE, related_name="topics", verbose_name="热点计算")
    label = models.CharField("热点", max_length=200, help_text="最有代表性的一件诉求的标题")
    terms = models.CharField("主题词", max_length=200, blank=True)
    heat = models.FloatField("热度")
    people = models.PositiveIntegerField("诉求人数")
    likes = models.PositiveIntegerField("点赞数", default=0)
    first_at = models.DateTimeField("最早受理")
    last_at = models.DateTimeField("最近受理")

    class Meta:
        verbose_name = verbose_name_plural = "热点"
        ordering = ["-heat", "id"]

    def __str__(self) -> str:
        return self.label


class Member(models.Model):
    """热点由哪些诉求组成。"""

    topic = models.ForeignKey(Topic, models.CASCADE, related_name="members", verbose_name="热点")
    request_id = models.BigIntegerField("诉求", db_index=True)

    class Meta:
        verbose_name = verbose_name_plural = "热点诉求"
        constraints = [models.UniqueConstraint(fields=["topic", "request_id"], name="insight_member_once")]

    def __str__(self) -> str:
        return f"{self.topic_id} {self.request_id}"
