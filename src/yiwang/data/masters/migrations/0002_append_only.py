from django.db import migrations

from yiwang.kernel.ledger.append_only import backward, forward

TABLES = ("masters_decision", "masters_look")


class Migration(migrations.Migration):
    dependencies = [("masters", "0001_initial"), ("ledger", "0002_append_only")]
    operations = [migrations.RunSQL(forward(*TABLES), backward(*TABLES))]
