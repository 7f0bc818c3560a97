"""The domain's own table of terms becomes rows of the one table of limits; a row ends where its follower begins."""

from django.db import migrations

from yiwang.kernel.clocks.migrations.carrying import carry_terms

NAMES = {"review": "开放审核时限", "opinion": "意见建议答复时限", "correction": "数据纠错答复时限", "wanted": "开放需求答复时限"}


def facts(row):
    review = row.duty == "review"
    return {
        "code": "opendata.publication.review" if review else "opendata.feedback.answer",
        "variant": "" if review else row.duty, "name": NAMES[row.duty], "number": row.working_days, "basis": row.basis,
        "nature": "own", "local": True, "valid_from": row.valid_from, "valid_until": row.valid_until,
    }


class Migration(migrations.Migration):
    dependencies = [("opendata", "0003_use_of_a_department"), ("clocks", "0004_limits")]
    operations = [
        carry_terms("opendata", "Term", facts),
        migrations.DeleteModel(name="Term"),
        migrations.CreateModel(
            name="OpenLimit",
            fields=[],
            options={"verbose_name": "开放时限", "verbose_name_plural": "开放时限", "proxy": True, "indexes": [], "constraints": []},
            bases=("clocks.limit",),
        ),
    ]
