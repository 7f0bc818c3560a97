"""The domain's own table of terms becomes rows of the one table of limits; a row ends where its follower begins."""

from datetime import timedelta
from itertools import groupby

from django.db import migrations

NAMES = {"review": "开放审核时限", "opinion": "意见建议答复时限", "correction": "数据纠错答复时限", "wanted": "开放需求答复时限"}


def facts(row):
    review = row.duty == "review"
    return {
        "code": "opendata.publication.review" if review else "opendata.feedback.answer",
        "variant": "" if review else row.duty, "name": NAMES[row.duty], "number": row.working_days, "basis": row.basis,
        "nature": "own", "local": True, "valid_from": row.valid_from, "valid_until": row.valid_until,
    }


def carry(apps, schema_editor):
    kept = apps.get_model("opendata", "Term").objects.all()
    rows = [facts(row) for row in kept]
    rows.sort(key=lambda row: (row["code"], row["variant"], row["local"], row["valid_from"]))
    model, made = apps.get_model("clocks", "Limit"), []
    for _, same in groupby(rows, key=lambda row: (row["code"], row["variant"], row["local"])):
        # Of two rows from one day the later registered one counted.
        dated = list({row["valid_from"]: row for row in same}.values())
        for row, follower in zip(dated, [*dated[1:], None], strict=True):
            ends = [row["valid_until"], follower and follower["valid_from"] - timedelta(days=1)]
            row["valid_until"] = min((end for end in ends if end), default=None)
            made.append(model(unit="working_day", **row))
    model.objects.bulk_create(made)


class Migration(migrations.Migration):
    dependencies = [("opendata", "0003_use_of_a_department"), ("clocks", "0004_limits")]
    operations = [
        migrations.RunPython(carry, migrations.RunPython.noop),
        migrations.DeleteModel(name="Term"),
        migrations.CreateModel(
            name="OpenLimit",
            fields=[],
            options={"verbose_name": "开放时限", "verbose_name_plural": "开放时限", "proxy": True, "indexes": [], "constraints": []},
            bases=("clocks.limit",),
        ),
    ]
