"""The domain's own table of terms becomes rows of the one table of limits; a row ends where its follower begins."""

from datetime import timedelta
from itertools import groupby

from django.db import migrations

KINDS = {"unconditional": "无条件共享", "conditional": "有条件共享", "withheld": "不予共享"}
DUTIES = {"answer": "答复", "deliver": "交付"}


def facts(row):
    return {
        "code": f"sharing.request.{row.duty}", "variant": row.share_type, "number": row.working_days, "basis": row.basis,
        "name": f"{KINDS[row.share_type]}{DUTIES[row.duty]}时限", "nature": "notice" if row.local else "law",
        "local": row.local, "valid_from": row.valid_from, "valid_until": row.valid_until,
    }


def carry(apps, schema_editor):
    kept = apps.get_model("sharing", "Term").objects.all()
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
    dependencies = [("sharing", "0005_demand_numbers"), ("clocks", "0004_limits")]
    operations = [
        migrations.RunPython(carry, migrations.RunPython.noop),
        migrations.DeleteModel(name="Term"),
        migrations.CreateModel(
            name="SharingLimit",
            fields=[],
            options={"verbose_name": "共享时限", "verbose_name_plural": "共享时限", "proxy": True, "indexes": [], "constraints": []},
            bases=("clocks.limit",),
        ),
    ]
