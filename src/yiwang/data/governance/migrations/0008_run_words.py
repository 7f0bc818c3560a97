"""A check says itself of what resource it is, so that the register of checks is searched by one index."""

import yiwang.kernel.bulk.indexing
from django.db import migrations, models

NAMES = (
    "UPDATE governance_run r SET resource_name = s.resource_name FROM governance_ruleset s WHERE s.id = r.rule_set_id"
)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("governance", "0007_limits")]

    operations = [
        migrations.AddField(
            model_name="run",
            name="resource_name",
            field=models.CharField(default="", help_text="检查时的名称", max_length=200, verbose_name="信息资源"),
        ),
        migrations.RunSQL(NAMES, migrations.RunSQL.noop),
        yiwang.kernel.bulk.indexing.AddIndexBesideWriters(
            model_name="run",
            index=yiwang.kernel.bulk.indexing.BigramIndex("package", "resource_name", name="governance_run_words"),
        ),
    ]
