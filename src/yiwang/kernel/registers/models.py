"""What registers themselves keep: saved views, header guesses, import runs, number counters, API tokens."""

from django.db import models


class SavedView(models.Model):
    """常用视图：筛选、列与排序；可分享给本机构。"""

    person = models.ForeignKey("people.Person", models.CASCADE, related_name="+", verbose_name="人员")
    register = models.CharField("台账", max_length=80)
    name = models.CharField("视图名称", max_length=40)
    query = models.JSONField("查询条件", default=dict)
    shared_with = models.ForeignKey(
        "orgs.Organisation", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="分享给机构"
    )

    class Meta:
        verbose_name = verbose_name_plural = "常用视图"
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["person", "register", "name"], name="registers_view_once")]

    def __str__(self) -> str:
        return self.name


class HeaderGuess(models.Model):
    """上次导入时某表头对应的字段，下次自动带出。"""

    person = models.ForeignKey("people.Person", models.CASCADE, related_name="+", verbose_name="人员")
    register = models.CharField("台账", max_length=80)
    header = models.CharField("表头", max_length=100)
    field = models.CharField("字段", max_length=100, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "表头对应"
        constraints = [models.UniqueConstraint(fields=["person", "register", "header"], name="registers_header_once")]

    def __str__(self) -> str:
        return f"{self.header}→{self.field}"


class ImportRun(models.Model):
    """一次导入：全部成功才写入，否则一行也不写。"""

    class State(models.TextChoices):
        UPLOADED = "uploaded", "待确认表头"
        RUNNING = "running", "导入中"
        DONE = "done", "已完成"
        REFUSED = "refused", "有错误，未写入"

    person = models.ForeignKey("people.Person", models.PROTECT, related_name="+", verbose_name="导入人")
    register = models.CharField("台账", max_length=80)
    file_name = models.CharField("文件名", max_length=200)
    state = models.CharField("状态", max_length=12, choices=State.choices, default=State.UPLOADED)
    mapping = models.JSONField("表头对应", default=dict)
    total = models.PositiveIntegerField("总行数", default=0)
    created = models.PositiveIntegerField("新增", default=0)
    changed = models.PositiveIntegerField("更新", default=0)
    unchanged = models.PositiveIntegerField("无变化", default=0)
    errors = models.PositiveIntegerField("错误行数", default=0)
    message = models.CharField("说明", max_length=400, blank=True)
    started_at = models.DateTimeField("上传时间", auto_now_add=True)
    finished_at = models.DateTimeField("完成时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "导入记录"

    def __str__(self) -> str:
        return f"{self.file_name} {self.get_state_display()}"


class SerialCounter(models.Model):
    """编号计数：每台账每年一行，事务内加一，回滚即归还。"""

    register = models.CharField("台账", max_length=80)
    year = models.PositiveIntegerField("年份")
    last = models.PositiveIntegerField("已用到", default=0)

    class Meta:
        verbose_name = verbose_name_plural = "编号计数"
        constraints = [models.UniqueConstraint(fields=["register", "year"], name="registers_counter_once")]

    def __str__(self) -> str:
        return f"{self.register} {self.year} {self.last}"


class WriteKey(models.Model):
    """幂等键：同一人以同一键重复提交，得到第一次的记录。"""

    person = models.ForeignKey("people.Person", models.CASCADE, related_name="+", verbose_name="人员")
    register = models.CharField("台账", max_length=80)
    key = models.CharField("幂等键", max_length=100)
    record_id = models.BigIntegerField("记录", null=True)

    class Meta:
        verbose_name = verbose_name_plural = "幂等键"
        constraints = [models.UniqueConstraint(fields=["person", "register", "key"], name="registers_key_once")]

    def __str__(self) -> str:
        return self.key


class ApiToken(models.Model):
    """接口令牌：只存摘要，限账号、限期、限台账、限读写，可收回；永远不宽于账号当时的权限。"""

    class Access(models.TextChoices):
        MASKED = "masked", "只读，脱敏字段不给明文"
        READ = "read", "只读"
        FULL = "full", "读写，与账号相同"

    account = models.ForeignKey("people.Account", models.CASCADE, related_name="api_tokens", verbose_name="账号")
    name = models.CharField("用途", max_length=60)
    digest = models.CharField("令牌摘要", max_length=64, unique=True, editable=False)
    access = models.CharField("可做什么", max_length=8, choices=Access.choices, default=Access.FULL)
    registers = models.JSONField("限于台账", default=list, blank=True, help_text="台账代码；空为账号可用的全部接口")
    expires_at = models.DateTimeField("失效时间")
    used_at = models.DateTimeField("最近使用", null=True, blank=True)
    revoked_at = models.DateTimeField("收回时间", null=True, blank=True)
    created_at = models.DateTimeField("创建时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "接口令牌"

    def __str__(self) -> str:
        return self.name
