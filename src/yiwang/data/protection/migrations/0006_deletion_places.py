"""Removals are only added; the answer terms name the rule they come from."""

from django.db import migrations

from yiwang.kernel.ledger.append_only import backward, forward

OLD = "GB/T 35273-2020 8.7：三十天内或法律法规规定的期限内答复；平台按 15 个工作日从严，本地另有规定的登记一行"
NEW = (
    "《个人信息保护法》第五十条（须有受理处理机制）；《App违法违规收集使用个人信息行为认定方法》（国信办秘字〔2019〕191号）"
    "第六条第三项：15 个工作日内完成核查和处理；GB/T 35273-2020 8.7 为三十天内，从严取前者"
)


def name(apps, schema_editor):
    apps.get_model("protection", "PersonTerm").objects.filter(basis=OLD).update(basis=NEW)


class Migration(migrations.Migration):
    dependencies = [("protection", "0005_places")]
    operations = [
        migrations.RunPython(name, migrations.RunPython.noop),
        migrations.RunSQL(forward("protection_removal"), backward("protection_removal")),
    ]
