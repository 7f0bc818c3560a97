"""The platform's terms until the bureau registers its own; editions and published files never change."""

from datetime import date

from django.db import migrations

from yiwang.kernel.ledger.append_only import backward, forward

TABLES = ("opendata_edition", "opendata_publishedfile")
TERMS = (
    ("review", 10, "平台默认值：国家未规定开放审核天数，本地公共数据开放办法另有规定的登记一行"),
    ("opinion", 15, "平台默认值：本地公共数据开放办法另有规定的登记一行"),
    ("correction", 15, "平台默认值：本地公共数据开放办法另有规定的登记一行"),
    ("wanted", 20, "参照《政府信息公开条例》（国令第711号）第三十三条：20 个工作日内答复；本地另有规定的登记一行"),
)


def fill(apps, schema_editor):
    model = apps.get_model("opendata", "Term")
    model.objects.bulk_create(
        model(duty=duty, working_days=days, basis=basis, valid_from=date(2019, 5, 15)) for duty, days, basis in TERMS
    )


class Migration(migrations.Migration):
    dependencies = [("opendata", "0001_initial"), ("ledger", "0001_initial")]
    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunSQL(forward(*TABLES), backward(*TABLES)),
    ]
