"""Tables, snapshots, the files they consist of, lineage, publications and proofs of deletion."""

from typing import Any
from uuid import uuid4

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from yiwang.kernel.lake.terms import Kind


class LakeTable(models.Model):
    """湖表。`columns` 为 [{id, name, title, type}]，列只增不改名；`key` 为主键列名；`current` 是现行快照。"""

    uid = models.UUIDField("标识", unique=True, default=uuid4, editable=False)
    name = models.SlugField("表名", max_length=100, unique=True)
    title = models.CharField("名称", max_length=200)
    columns = models.JSONField("列")
    key = ArrayField(models.CharField("列名", max_length=120), verbose_name="主键", default=list, blank=True)
    partition = models.CharField("分区列", max_length=120, blank=True)
    organisation = models.ForeignKey(
        "orgs.Organisation", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="所属机构"
    )
    keep = models.PositiveSmallIntegerField("保留快照数", default=30, help_text="已发布的快照保留最近几个；0 为全部")
    rebuild = models.BooleanField("须重建 Iceberg 元数据", default=False, editable=False)
    sealed = models.BooleanField(
        "加密存放", default=False, editable=False, help_text="数据文件以 SM4 密文存放；只开不关，不写给其他引擎"
    )
    sealing = models.BooleanField("有明文待加密", default=False, editable=False)
    current = models.ForeignKey(
        "Snapshot", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="现行快照"
    )
    created_by = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="登记人"
    )
    created_at = models.DateTimeField("登记时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "湖表"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.title

    @property
    def folder(self) -> str:
        """Below the lake's root; the uid keeps a table made again apart from what a former one left behind."""
        return f"{self.name}-{self.uid.hex[:8]}"


class Snapshot(models.Model):
    """快照：一张表某一刻的全部文件。行只增；只可改失效时间、保留理由、Iceberg 编号和个人信息删除后的文件清单。"""

    table = models.ForeignKey(LakeTable, models.PROTECT, related_name="snapshots", verbose_name="湖表")
    number = models.PositiveIntegerField("编号")
    kind = models.CharField("产生方式", max_length=10, choices=Kind.choices)
    base = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="基于")
    columns = models.JSONField("列", help_text="产生时的列")
    files = ArrayField(models.BigIntegerField("文件"), verbose_name="文件", default=list)
    rows = models.BigIntegerField("行数")
    bytes = models.BigIntegerField("字节数")
    digest = models.CharField("摘要", max_length=64, help_text="各文件 SHA-256 与行数按序的 SHA-256")
    cause = models.JSONField("来由", default=dict, help_text="数据包、规则集版本等")
    counts = models.JSONField("变化", default=dict, help_text="新增、更新、删除的行数")
    lineage = ArrayField(
        models.BigIntegerField("血缘"), verbose_name="现行血缘", default=list, editable=False,
        help_text="至此快照为止说明本表各列来历的血缘行",
    )  # fmt: skip
    iceberg_id = models.BigIntegerField("Iceberg 快照号", null=True, blank=True)
    created_by = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="产生人"
    )
    created_at = models.DateTimeField("产生时间", auto_now_add=True)
    hold = models.CharField(
        "保留理由", max_length=200, blank=True, help_text="写明理由的快照不会失效，如已签发的报告引用"
    )
    expired_at = models.DateTimeField("失效时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "快照"
        ordering = ["table", "-number"]
        constraints = [models.UniqueConstraint(fields=["table", "number"], name="lake_snapshot_number")]
        indexes = [GinIndex(fields=["files"], name="lake_snapshot_files")]

    def __str__(self) -> str:
        return f"{self.table} 第 {self.number} 号快照"

    @property
    def clear(self) -> int:
        """Bytes of it that may not lie in the clear on a disk."""
        return self.bytes if self.table.sealed else 0


class DataFile(models.Model):
    """数据文件：写成后不再改变的 Parquet。`path` 相对湖目录；加密的另加后缀存放，字节数与摘要都是明文的。"""

    table = models.ForeignKey(LakeTable, models.PROTECT, related_name="files", verbose_name="湖表")
    path = models.CharField("路径", max_length=300, unique=True)
    partition = models.CharField("分区值", max_length=200, null=True, blank=True)  # noqa: DJ001 - NULL is a value
    rows = models.BigIntegerField("行数")
    bytes = models.BigIntegerField("字节数")
    digest = models.CharField("SHA-256 摘要", max_length=64)
    created_at = models.DateTimeField("写入时间", auto_now_add=True)
    removed_at = models.DateTimeField("删除时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "数据文件"
        ordering = ["id"]
        indexes = [models.Index(fields=["table"], condition=models.Q(removed_at=None), name="lake_file_kept")]

    def __str__(self) -> str:
        return self.path


class Publication(models.Model):
    """发布：现行快照的每一次改变。只增。"""

    snapshot = models.ForeignKey(Snapshot, models.PROTECT, related_name="publications", verbose_name="快照")
    previous = models.ForeignKey(
        Snapshot, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="此前的现行快照"
    )
    reason = models.TextField("理由", blank=True)
    published_by = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="发布人"
    )
    published_at = models.DateTimeField("发布时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "快照发布"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"发布 {self.snapshot}"


class Edge(models.Model):
    """列级血缘：目标列由来源列（或来源文件、数据包）得来。只增。"""

    target = models.ForeignKey(LakeTable, models.PROTECT, related_name="edges_in", verbose_name="目标表")
    column = models.CharField("目标列", max_length=120)
    source = models.ForeignKey(
        LakeTable, models.PROTECT, null=True, blank=True, related_name="edges_out", verbose_name="来源表"
    )
    source_column = models.CharField("来源列", max_length=120, blank=True)
    origin = models.CharField("来源文件或数据包", max_length=200, blank=True)
    transform = models.TextField("变换", blank=True)
    snapshot = models.ForeignKey(Snapshot, models.PROTECT, related_name="edges", verbose_name="快照")

    class Meta:
        verbose_name = verbose_name_plural = "血缘"
        ordering = ["id"]
        indexes = [
            models.Index(fields=["target", "column"], name="lake_edge_target"),
            models.Index(fields=["source", "source_column"], name="lake_edge_source"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(source__isnull=False) | ~models.Q(origin=""), name="lake_edge_has_a_source"
            )
        ]

    def __str__(self) -> str:
        return f"{self.target}.{self.column} ← {self.source or self.origin}.{self.source_column}"


class Proof(models.Model):
    """个人信息删除证明：每个快照、每个文件删除前后的行数与摘要。只增，带校验码，可重新核对。"""

    table = models.ForeignKey(LakeTable, models.PROTECT, related_name="proofs", verbose_name="湖表")
    snapshot = models.ForeignKey(
        Snapshot, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="删除后的现行快照"
    )
    keys = models.PositiveIntegerField("主键个数")
    keys_mac = models.CharField("主键校验码", max_length=64, help_text="不保存主键本身")
    content = models.JSONField("内容", help_text="snapshots 与 files 的前后对照")
    mac = models.CharField("校验码", max_length=64)
    reason = models.TextField("理由")
    created_by = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="办理人"
    )
    created_at = models.DateTimeField("办理时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "个人信息删除证明"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.table} 个人信息删除证明 {self.pk}"

    @property
    def snapshots(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.content["snapshots"]
        return found
