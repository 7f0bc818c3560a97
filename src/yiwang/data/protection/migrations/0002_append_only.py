from django.db import migrations

from yiwang.kernel.ledger.append_only import backward, forward

TABLES = ("protection_accessentry",)


class Migration(migrations.Migration):
    dependencies = [("protection", "0001_initial"), ("ledger", "0002_append_only")]
    operations = [migrations.RunSQL(forward(*TABLES), backward(*TABLES))]
