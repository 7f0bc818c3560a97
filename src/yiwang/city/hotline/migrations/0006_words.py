import yiwang.kernel.bulk.indexing
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("flow", "0003_parked"),
        ("hotline", "0005_limits"),
        ("orgs", "0001_initial"),
        ("people", "0002_duty"),
    ]

    operations = [
        yiwang.kernel.bulk.indexing.AddIndexBesideWriters(
            model_name="request",
            index=yiwang.kernel.bulk.indexing.BigramIndex("number", "title", "content", name="hotline_request_words"),
        ),
    ]
