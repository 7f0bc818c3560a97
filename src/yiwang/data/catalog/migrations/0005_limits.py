"""The limits that the flows had in their text, as rows: running cases keep theirs, later ones find the same."""

from django.db import migrations

from yiwang.kernel.clocks.migrations.carrying import fill_limits

LIMITS = (
    ("catalog.publication.officer", "数据专员审核时限", 2, "working_day", "own", "本级规定（各地目录管理办法）"),
    ("catalog.publication.chief", "首席数据官审核时限", 2, "working_day", "own", "本级规定（各地目录管理办法）"),
    ("catalog.publication.bureau", "数管局审核时限", 3, "working_day", "own", "本级规定（各地目录管理办法）"),
)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0004_search_order"), ("clocks", "0004_limits")]
    operations = [
        migrations.CreateModel(
            name="CatalogLimit",
            fields=[],
            options={"verbose_name": "目录审核时限", "verbose_name_plural": "目录审核时限", "proxy": True, "indexes": [], "constraints": []},
            bases=("clocks.limit",),
        ),
        fill_limits(LIMITS),
    ]
