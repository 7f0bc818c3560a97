import yiwang.kernel.bulk.indexing
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("orgs", "0001_initial"),
        ("people", "0002_duty"),
        ("protection", "0007_limits"),
    ]

    operations = [
        yiwang.kernel.bulk.indexing.AddIndexBesideWriters(
            model_name="accessentry",
            index=yiwang.kernel.bulk.indexing.BigramIndex(
                "resource_name", "purpose", "reference", name="protection_access_words"
            ),
        ),
        yiwang.kernel.bulk.indexing.AddIndexBesideWriters(
            model_name="finding",
            index=yiwang.kernel.bulk.indexing.BigramIndex("title", "name", name="protection_finding_words"),
        ),
    ]
