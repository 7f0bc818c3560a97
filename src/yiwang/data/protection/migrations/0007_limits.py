"""The domain's own table of terms becomes rows of the one table of limits; a row ends where its follower begins."""

from django.db import migrations

from yiwang.kernel.clocks.migrations.carrying import carry_terms

NAMES = {"consult": "查阅", "copy": "复制", "correct": "更正", "delete": "删除", "withdraw": "撤回同意"}


def facts(row):
    return {
        "code": "protection.request.answer", "variant": row.kind, "name": f"个人信息{NAMES[row.kind]}请求答复时限",
        "number": row.working_days, "basis": row.basis, "nature": "notice", "local": False,
        "valid_from": row.valid_from, "valid_until": row.valid_until,
    }


class Migration(migrations.Migration):
    dependencies = [("protection", "0006_deletion_places"), ("clocks", "0004_limits")]
    operations = [
        carry_terms("protection", "PersonTerm", facts),
        migrations.DeleteModel(name="PersonTerm"),
        migrations.CreateModel(
            name="PersonLimit",
            fields=[],
            options={"verbose_name": "个人信息请求时限", "verbose_name_plural": "个人信息请求时限", "proxy": True, "indexes": [], "constraints": []},
            bases=("clocks.limit",),
        ),
    ]
