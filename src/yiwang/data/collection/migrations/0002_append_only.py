from django.db import migrations

from yiwang.kernel.ledger.append_only import backward, forward

TABLES = ("collection_step", "collection_statement", "collection_stock")


class Migration(migrations.Migration):
    dependencies = [("collection", "0001_initial"), ("ledger", "0002_append_only")]
    operations = [migrations.RunSQL(forward(*TABLES), backward(*TABLES))]
