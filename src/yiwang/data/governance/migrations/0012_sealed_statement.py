"""Why somebody objects may name persons: the reason is sealed as the row and the claim are."""

from typing import Any

from django.db import migrations, models

from yiwang.kernel.crypto import decrypt, encrypt

STATEMENT = "governance.objection.statement"


def seal(apps: Any, schema_editor: Any) -> None:
    objections = apps.get_model("governance", "Objection")
    for each in objections.objects.only("statement").iterator(chunk_size=500):
        objections.objects.filter(pk=each.pk).update(statement=encrypt(each.statement, STATEMENT))


def unseal(apps: Any, schema_editor: Any) -> None:
    objections = apps.get_model("governance", "Objection")
    for each in objections.objects.only("statement").iterator(chunk_size=500):
        objections.objects.filter(pk=each.pk).update(statement=decrypt(each.statement, STATEMENT))


class Migration(migrations.Migration):
    dependencies = [("governance", "0011_sealed_values")]

    operations = [
        migrations.AlterField(
            model_name="objection", name="statement", field=models.TextField(verbose_name="异议理由（密文）")
        ),
        migrations.RunPython(seal, unseal),
    ]
