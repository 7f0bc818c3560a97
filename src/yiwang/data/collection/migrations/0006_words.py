import yiwang.kernel.bulk.indexing
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("collection", "0005_limits"),
        ("files", "0002_sealed"),
        ("orgs", "0001_initial"),
        ("people", "0002_duty"),
    ]

    operations = [
        yiwang.kernel.bulk.indexing.AddIndexBesideWriters(
            model_name="package",
            index=yiwang.kernel.bulk.indexing.BigramIndex(
                "number", "resource_name", "resource_code", "file_name", "batch", name="collection_pkg_words"
            ),
        ),
    ]
