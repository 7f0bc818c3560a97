from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registers", "0001_initial")]

    operations = [
        migrations.AddField(
            "apitoken",
            "access",
            models.CharField(
                choices=[("masked", "只读，脱敏字段不给明文"), ("read", "只读"), ("full", "读写，与账号相同")],
                default="full",
                max_length=8,
                verbose_name="可做什么",
            ),
        ),
        migrations.AddField(
            "apitoken",
            "registers",
            models.JSONField(
                blank=True, default=list, help_text="台账代码；空为账号可用的全部接口", verbose_name="限于台账"
            ),
        ),
        migrations.AddField(
            "apitoken", "used_at", models.DateTimeField(blank=True, null=True, verbose_name="最近使用")
        ),
    ]
