"""The platform's terms until the bureau registers its own."""

from datetime import date

from django.db import migrations

TERMS = (
    ("objection", "数据异议校核", 10, "政务数据共享条例（国令第809号）校核纠错；天数由数管局按实际执行的规定修订"),
    ("rectification", "数据质量整改", 5, "本级政务数据质量管理办法"),
)


def fill(apps, schema_editor):
    model = apps.get_model("governance", "Term")
    known = set(model.objects.values_list("code", flat=True))
    model.objects.bulk_create(
        model(code=code, name=name, days=days, basis=basis, valid_from=date(2025, 8, 1))
        for code, name, days, basis in TERMS
        if code not in known
    )


class Migration(migrations.Migration):
    dependencies = [("governance", "0003_sealed")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
