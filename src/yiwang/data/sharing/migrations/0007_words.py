import yiwang.kernel.bulk.indexing
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("flow", "0003_parked"),
        ("orgs", "0001_initial"),
        ("people", "0002_duty"),
        ("sharing", "0006_limits"),
    ]

    operations = [
        yiwang.kernel.bulk.indexing.AddIndexBesideWriters(
            model_name="request",
            index=yiwang.kernel.bulk.indexing.BigramIndex("resource_name", "purpose", name="sharing_request_words"),
        ),
    ]
