"""The domain's own table of terms becomes rows of the one table of limits; a row ends where its follower begins."""

from datetime import timedelta
from itertools import groupby

from django.db import migrations

NAMES = {"consult": "查阅", "copy": "复制", "correct": "更正", "delete": "删除", "withdraw": "撤回同意"}


def facts(row):
    return {
        "code": "protection.request.answer", "variant": row.kind, "name": f"个人信息{NAMES[row.kind]}请求答复时限",
        "number": row.working_days, "basis": row.basis, "nature": "notice", "local": False,
        "valid_from": row.valid_from, "valid_until": row.valid_until,
    }


def carry(apps, schema_editor):
    kept = apps.get_model("protection", "PersonTerm").objects.all()
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
    dependencies = [("protection", "0006_deletion_places"), ("clocks", "0004_limits")]
    operations = [
        migrations.RunPython(carry, migrations.RunPython.noop),
        migrations.DeleteModel(name="PersonTerm"),
        migrations.CreateModel(
            name="PersonLimit",
            fields=[],
            options={"verbose_name": "个人信息请求时限", "verbose_name_plural": "个人信息请求时限", "proxy": True, "indexes": [], "constraints": []},
            bases=("clocks.limit",),
        ),
    ]
