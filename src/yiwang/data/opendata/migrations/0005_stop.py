import django.db.models.deletion
from django.db import migrations, models

from yiwang.kernel.ledger.append_only import backward, forward


class Migration(migrations.Migration):
    dependencies = [
        ("opendata", "0004_limits"),
    ]

    operations = [
        migrations.CreateModel(
            name="Stop",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.CharField(max_length=300, verbose_name="依据")),
                ("downloads", models.BigIntegerField(default=0, verbose_name="停止前该数据集的下载次数")),
                ("at", models.DateTimeField(auto_now_add=True, verbose_name="停止时间")),
                (
                    "edition",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stop",
                        to="opendata.edition",
                        verbose_name="期",
                    ),
                ),
            ],
            options={
                "verbose_name": "停止提供的期",
                "verbose_name_plural": "停止提供的期",
                "ordering": ["-id"],
            },
        ),
        migrations.RunSQL(forward("opendata_stop"), backward("opendata_stop")),
    ]
