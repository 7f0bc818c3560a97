"""The row that an objection names, and what is claimed of it, are sealed; the row is found by a keyed digest."""

from typing import Any

from django.db import migrations, models
from django.db.models import Q

from yiwang.kernel.crypto import decrypt, encrypt, mac

ROW, PROPOSED = "governance.objection.row", "governance.objection.proposed"
OPEN = Q(mark="open")


def seal(apps: Any, schema_editor: Any) -> None:
    objections = apps.get_model("governance", "Objection")
    for each in objections.objects.only("row_key", "proposed").iterator(chunk_size=500):
        objections.objects.filter(pk=each.pk).update(
            key_mac=mac(each.row_key.encode(), ROW), row_key=encrypt(each.row_key, ROW),
            proposed=encrypt(each.proposed, PROPOSED) if each.proposed else "",
        )  # fmt: skip


def unseal(apps: Any, schema_editor: Any) -> None:
    objections = apps.get_model("governance", "Objection")
    for each in objections.objects.only("row_key", "proposed").iterator(chunk_size=500):
        objections.objects.filter(pk=each.pk).update(
            row_key=decrypt(each.row_key, ROW), proposed=decrypt(each.proposed, PROPOSED) if each.proposed else ""
        )


class Migration(migrations.Migration):
    dependencies = [("governance", "0008_run_words")]

    operations = [
        migrations.RemoveConstraint(model_name="objection", name="governance_one_open_objection"),
        migrations.RemoveIndex(model_name="objection", name="governance_marks"),
        migrations.AddField(
            model_name="objection", name="key_mac",
            field=models.CharField(default="", editable=False, max_length=64, verbose_name="主键校验码"), preserve_default=False,
        ),
        migrations.AlterField(
            model_name="objection", name="row_key",
            field=models.TextField(help_text="各主键值的 JSON 数组", verbose_name="主键（密文）"),
        ),
        migrations.AlterField(
            model_name="objection", name="proposed", field=models.TextField(blank=True, verbose_name="主张的内容（密文）")
        ),
        migrations.RunPython(seal, unseal),
        migrations.AddIndex(
            model_name="objection", index=models.Index(condition=OPEN, fields=["resource", "key_mac"], name="governance_marks"),
        ),
        migrations.AddConstraint(
            model_name="objection",
            constraint=models.UniqueConstraint(
                condition=OPEN, fields=("resource", "key_mac", "field"), name="governance_one_open_objection"
            ),
        ),
    ]  # fmt: skip
