

from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Progress',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('column', models.CharField(max_length=120, unique=True, verbose_name='字段')),
                ('name', models.CharField(max_length=8, verbose_name='密钥号')),
                ('last', models.BigIntegerField(default=0, verbose_name='末行编号')),
                ('finished_at', models.DateTimeField(blank=True, null=True, verbose_name='完成时间')),
            ],
            options={
                'verbose_name': '换密钥进度',
                'verbose_name_plural': '换密钥进度',
            },
        ),
        migrations.CreateModel(
            name='DerivedKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(max_length=60, verbose_name='用途')),
                ('name', models.CharField(max_length=8, verbose_name='密钥号')),
                ('sealed', models.CharField(max_length=200, verbose_name='派生密钥（密文）')),
                ('kept_at', models.DateTimeField(auto_now_add=True, verbose_name='留存时间')),
            ],
            options={
                'verbose_name': '派生密钥',
                'verbose_name_plural': '派生密钥',
                'ordering': ['id'],
                'constraints': [models.UniqueConstraint(fields=('purpose', 'name'), name='keys_derived_once')],
            },
        ),
    ]
