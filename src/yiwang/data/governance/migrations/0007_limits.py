"""The domain's own table of terms becomes rows of the one table of limits; a row ends where its follower begins."""

from django.db import migrations

from yiwang.kernel.clocks.migrations.carrying import carry_terms

CODES = {"objection": "governance.objection.verify", "rectification": "governance.issue.rectify"}


def facts(row):
    # Codes nobody reads were allowed; they stay readable under their own name.
    return {
        "code": CODES.get(row.code, f"governance.{row.code}"), "variant": "", "name": f"{row.name}时限",
        "number": row.days, "basis": row.basis, "nature": "own", "local": True, "valid_from": row.valid_from, "valid_until": None,
    }


class Migration(migrations.Migration):
    dependencies = [("governance", "0006_term_duties"), ("clocks", "0004_limits")]
    operations = [
        carry_terms("governance", "Term", facts),
        migrations.DeleteModel(name="Term"),
        migrations.CreateModel(
            name="GovernanceLimit",
            fields=[],
            options={"verbose_name": "治理时限", "verbose_name_plural": "治理时限", "proxy": True, "indexes": [], "constraints": []},
            bases=("clocks.limit",),
        ),
    ]
