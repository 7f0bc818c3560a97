from django.db import migrations

from yiwang.kernel.ledger.append_only import backward, forward


class Migration(migrations.Migration):
    dependencies = [("collection", "0003_removals"), ("ledger", "0002_append_only")]
    operations = [migrations.RunSQL(forward("collection_removal"), backward("collection_removal"))]
