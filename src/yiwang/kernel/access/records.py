"""The base of every domain row: its organisation, its author, its version."""

from django.db import models


class Record(models.Model):
    """A row with an owner organisation, optimistic version and demonstration mark."""

    organisation = models.ForeignKey("orgs.Organisation", models.PROTECT, related_name="+", verbose_name="所属机构")
    created_by = models.ForeignKey(
        "people.Person", models.PROTECT, related_name="+", null=True, blank=True, editable=False, verbose_name="创建人"
    )
    created_at = models.DateTimeField("创建时间", auto_now_add=True)
    updated_at = models.DateTimeField("更新时间", auto_now=True)
    version = models.PositiveIntegerField("版本", default=1, editable=False)
    is_demo = models.BooleanField("演示数据", default=False, editable=False)

    class Meta:
        abstract = True
