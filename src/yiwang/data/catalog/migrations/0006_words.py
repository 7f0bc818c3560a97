import yiwang.kernel.bulk.indexing
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("catalog", "0005_limits"),
        ("orgs", "0001_initial"),
        ("people", "0002_duty"),
    ]

    operations = [
        yiwang.kernel.bulk.indexing.AddIndexBesideWriters(
            model_name="item",
            index=yiwang.kernel.bulk.indexing.BigramIndex("title", "name", name="catalog_item_title_words"),
        ),
        yiwang.kernel.bulk.indexing.AddIndexBesideWriters(
            model_name="resource",
            index=yiwang.kernel.bulk.indexing.BigramIndex("name", "code", name="catalog_resource_words"),
        ),
    ]
