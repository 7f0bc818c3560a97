"""What is known of a stored file; the content lies under its digest in the file store."""

from django.db import models


class StoredFile(models.Model):
    """附件。内容按 SM3 摘要存放，同一内容只存一份。"""

    digest = models.CharField("SM3 摘要", max_length=64, db_index=True)
    size = models.BigIntegerField("字节数")
    media_type = models.CharField("类型", max_length=100)
    name = models.CharField("文件名", max_length=150)
    owner_kind = models.CharField("所属对象类别", max_length=80)
    owner_id = models.BigIntegerField("所属对象")
    kind = models.CharField("用途", max_length=60, blank=True)
    uploaded_by = models.ForeignKey(
        "people.Person", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="上传人"
    )
    sealed = models.BooleanField("加密存放", default=False, editable=False)
    created_at = models.DateTimeField("上传时间", auto_now_add=True)
    withdrawn_at = models.DateTimeField("撤下时间", null=True, blank=True)
    erased_at = models.DateTimeField(
        "内容删除时间", null=True, blank=True, editable=False, help_text="内容已依法删除，只留摘要与记录"
    )

    class Meta:
        verbose_name = verbose_name_plural = "附件"
        ordering = ["id"]
        indexes = [models.Index(fields=["owner_kind", "owner_id"], name="files_of_owner")]

    def __str__(self) -> str:
        return self.name
