"""Entries, their place in the chain, and the daily bill. Database triggers refuse UPDATE, DELETE and TRUNCATE."""

import json
from functools import cached_property
from typing import Any

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from yiwang.kernel.bulk.indexing import BigramIndex


class Entry(models.Model):
    """审计记录。`content` 是规范化 JSON 原文（主体、改前、改后），校验码对原文计算，故按原文保存。"""

    uid = models.UUIDField("记录标识", unique=True)
    recorded_at = models.DateTimeField("记录时间")
    person_id = models.BigIntegerField("人员编号", null=True)
    person_name = models.CharField("人员", max_length=80)
    organisation_id = models.BigIntegerField("机构编号", null=True)
    action = models.CharField("动作", max_length=80)
    target_kind = models.CharField("对象类别", max_length=80)
    target_id = models.CharField("对象编号", max_length=80)
    reason = models.TextField("理由", blank=True)
    content = models.TextField("内容")
    mac = models.CharField("校验码", max_length=64)

    class Meta:
        verbose_name = verbose_name_plural = "审计记录"
        ordering = ["-id"]
        indexes = [
            BrinIndex(fields=["recorded_at"], name="ledger_time"),
            models.Index(fields=["target_kind", "target_id", "id"], name="ledger_target"),
            models.Index(fields=["person_id", "id"], name="ledger_person"),
            models.Index(fields=["action", "id"], name="ledger_action"),
            BigramIndex("person_name", "reason", "target_id", name="ledger_entry_words"),
        ]

    def __str__(self) -> str:
        return f"{self.person_name} {self.action} {self.target_kind}#{self.target_id}"

    @cached_property
    def parsed(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.content)
        return found

    @property
    def signatory(self) -> dict[str, Any]:
        signatory: dict[str, Any] = self.parsed["who"]
        return signatory

    @property
    def before(self) -> Any:
        return self.parsed["before"]

    @property
    def after(self) -> Any:
        return self.parsed["after"]


class Link(models.Model):
    """链节：第 position 节的摘要 ＝ SM3(上节摘要‖位置‖记录编号‖记录校验码)。"""

    position = models.BigIntegerField("位置", primary_key=True)
    entry_id = models.BigIntegerField("记录编号", unique=True)
    entry_mac = models.CharField("记录校验码", max_length=64)
    digest = models.CharField("链摘要", max_length=64)

    class Meta:
        verbose_name = verbose_name_plural = "审计链节"
        ordering = ["position"]

    def __str__(self) -> str:
        return f"{self.position} → {self.entry_id}"


class DailyBill(models.Model):
    """日封账：截至封账时的全部链节，每节恰入一张；首尾相接，带校验码。"""

    day = models.DateField("日期", unique=True)
    first_position = models.BigIntegerField("首节")
    last_position = models.BigIntegerField("末节")
    digest = models.CharField("末节摘要", max_length=64)
    mac = models.CharField("校验码", max_length=64)
    sealed_at = models.DateTimeField("封账时间")

    class Meta:
        verbose_name = verbose_name_plural = "审计日封账"
        ordering = ["day"]

    def __str__(self) -> str:
        return f"{self.day} {self.first_position}–{self.last_position}"
