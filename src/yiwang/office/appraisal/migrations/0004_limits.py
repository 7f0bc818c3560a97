"""The limits that the flows had in their text, as rows: running cases keep theirs, later ones find the same."""

from django.db import migrations

from yiwang.kernel.clocks.migrations.carrying import fill_limits

LIMITS = (
    ("appraisal.appeal.review", "扣分复核时限", 5, "working_day", "own", "本级规定（参照柳州等地政府热线月度考核做法）"),
)


class Migration(migrations.Migration):
    dependencies = [("appraisal", "0003_reversal_in_words"), ("clocks", "0004_limits")]
    operations = [
        migrations.CreateModel(
            name="AppraisalLimit",
            fields=[],
            options={"verbose_name": "复核时限", "verbose_name_plural": "复核时限", "proxy": True, "indexes": [], "constraints": []},
            bases=("clocks.limit",),
        ),
        fill_limits(LIMITS),
    ]
