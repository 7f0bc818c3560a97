"""The terms in force until the bureau registers others; deletions are only added."""

from datetime import date

from django.db import migrations

from yiwang.kernel.ledger.append_only import backward, forward

BASIS = "GB/T 35273-2020 8.7：三十天内或法律法规规定的期限内答复；平台按 15 个工作日从严，本地另有规定的登记一行"
KINDS = ("consult", "copy", "correct", "delete", "withdraw")


def fill(apps, schema_editor):
    model = apps.get_model("protection", "PersonTerm")
    model.objects.bulk_create(
        model(kind=kind, working_days=15, basis=BASIS, valid_from=date(2021, 11, 1)) for kind in KINDS
    )


class Migration(migrations.Migration):
    dependencies = [("protection", "0003_persons")]
    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunSQL(forward("protection_deletion"), backward("protection_deletion")),
    ]
