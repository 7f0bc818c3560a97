"""The statutory terms in force since 2025-08-01; local rules are added by the bureau."""

from datetime import date

from django.db import migrations

BASIS = "《政务数据共享条例》（国令第 809 号）"
TERMS = (
    ("answer", "unconditional", 1, f"{BASIS}：无条件共享的，1 个工作日内答复"),
    ("answer", "conditional", 10, f"{BASIS}：有条件共享的，10 个工作日内答复"),
    ("deliver", "unconditional", 20, f"{BASIS}：同意共享的，20 个工作日内共享"),
    ("deliver", "conditional", 20, f"{BASIS}：同意共享的，20 个工作日内共享"),
)


def fill(apps, schema_editor):
    apps.get_model("sharing", "Term").objects.bulk_create(
        apps.get_model("sharing", "Term")(
            duty=duty, share_type=share_type, working_days=days, basis=basis, valid_from=date(2025, 8, 1)
        )
        for duty, share_type, days, basis in TERMS
    )


class Migration(migrations.Migration):
    dependencies = [("sharing", "0002_calls")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
