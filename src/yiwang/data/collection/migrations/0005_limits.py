"""The limits that the flows had in their text, as rows: running cases keep theirs, later ones find the same."""

from django.db import migrations

LIMITS = (
    ("collection.reminder.update", "补报时限", 5, "working_day", "own", "本级规定：按目录承诺的更新周期，到期未更新即催报"),
)


def fill(apps, schema_editor):
    model = apps.get_model("clocks", "Limit")
    model.objects.bulk_create(
        model(code=code, name=name, number=number, unit=unit, nature=nature, basis=basis, local=True)
        for code, name, number, unit, nature, basis in LIMITS
    )


class Migration(migrations.Migration):
    dependencies = [("collection", "0004_removals_append_only"), ("clocks", "0004_limits")]
    operations = [
        migrations.CreateModel(
            name="CollectionLimit",
            fields=[],
            options={"verbose_name": "归集时限", "verbose_name_plural": "归集时限", "proxy": True, "indexes": [], "constraints": []},
            bases=("clocks.limit",),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
