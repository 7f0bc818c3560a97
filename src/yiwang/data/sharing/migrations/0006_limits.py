"""The domain's own table of terms becomes rows of the one table of limits; a row ends where its follower begins."""

from django.db import migrations

from yiwang.kernel.clocks.migrations.carrying import carry_terms

KINDS = {"unconditional": "无条件共享", "conditional": "有条件共享", "withheld": "不予共享"}
DUTIES = {"answer": "答复", "deliver": "交付"}


def facts(row):
    return {
        "code": f"sharing.request.{row.duty}", "variant": row.share_type, "number": row.working_days, "basis": row.basis,
        "name": f"{KINDS[row.share_type]}{DUTIES[row.duty]}时限", "nature": "notice" if row.local else "law",
        "local": row.local, "valid_from": row.valid_from, "valid_until": row.valid_until,
    }


class Migration(migrations.Migration):
    dependencies = [("sharing", "0005_demand_numbers"), ("clocks", "0004_limits")]
    operations = [
        carry_terms("sharing", "Term", facts),
        migrations.DeleteModel(name="Term"),
        migrations.CreateModel(
            name="SharingLimit",
            fields=[],
            options={"verbose_name": "共享时限", "verbose_name_plural": "共享时限", "proxy": True, "indexes": [], "constraints": []},
            bases=("clocks.limit",),
        ),
    ]
