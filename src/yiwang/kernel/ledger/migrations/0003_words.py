import yiwang.kernel.bulk.indexing
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("ledger", "0002_append_only"),
    ]

    operations = [
        yiwang.kernel.bulk.indexing.AddIndexBesideWriters(
            model_name="entry",
            index=yiwang.kernel.bulk.indexing.BigramIndex(
                "person_name", "reason", "target_id", name="ledger_entry_words"
            ),
        ),
    ]
