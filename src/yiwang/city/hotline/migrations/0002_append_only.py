from django.db import migrations

from yiwang.kernel.ledger.append_only import backward, forward

TABLES = ("hotline_reply", "hotline_callback", "hotline_triagedecision")


class Migration(migrations.Migration):
    dependencies = [("hotline", "0001_initial"), ("ledger", "0002_append_only")]
    operations = [migrations.RunSQL(forward(*TABLES), backward(*TABLES))]
