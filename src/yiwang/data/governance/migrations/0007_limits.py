"""The domain's own table of terms becomes rows of the one table of limits; a row ends where its follower begins."""

from datetime import timedelta
from itertools import groupby

from django.db import migrations

CODES = {"objection": "governance.objection.verify", "rectification": "governance.issue.rectify"}


def facts(row):
    # Codes nobody reads were allowed; they stay readable under their own name.
    return {
        "code": CODES.get(row.code, f"governance.{row.code}"), "variant": "", "name": f"{row.name}时限",
        "number": row.days, "basis": row.basis, "nature": "own", "local": True, "valid_from": row.valid_from, "valid_until": None,
    }


def carry(apps, schema_editor):
    kept = apps.get_model("governance", "Term").objects.all()
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
    dependencies = [("governance", "0006_term_duties"), ("clocks", "0004_limits")]
    operations = [
        migrations.RunPython(carry, migrations.RunPython.noop),
        migrations.DeleteModel(name="Term"),
        migrations.CreateModel(
            name="GovernanceLimit",
            fields=[],
            options={"verbose_name": "治理时限", "verbose_name_plural": "治理时限", "proxy": True, "indexes": [], "constraints": []},
            bases=("clocks.limit",),
        ),
    ]
