"""The limits that the flows had in their text, as rows: running cases keep theirs, later ones find the same."""

from django.db import migrations

from yiwang.kernel.clocks.migrations.carrying import fill_limits

LIMITS = (
    ("collection.reminder.update", "补报时限", 5, "working_day", "own", "本级规定：按目录承诺的更新周期，到期未更新即催报"),
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
        fill_limits(LIMITS),
    ]
