import django.db.models.deletion
from django.db import migrations, models

from yiwang.kernel.bulk.creating import CreateModels
from yiwang.kernel.ledger.append_only import backward, forward


LIMIT = {
    "code": "protection.notice.receipt", "variant": "", "name": "删除通知回执时限", "number": 10, "unit": "working_day", "nature": "own",
    "local": False,
    "basis": "平台默认值：《个人信息保护法》第四十七条、GB/T 35273-2020 8.3 要求通知接收方及时删除，没有规定天数；本地另有规定的登记一行",
}


def fill(apps, schema_editor):
    apps.get_model("clocks", "Limit").objects.create(**LIMIT)


class Migration(migrations.Migration):

    dependencies = [
        ('flow', '0003_parked'),
        ('orgs', '0001_initial'),
        ('people', '0002_duty'),
        ('protection', '0009_kinds_of_masks'),
    ]

    operations = [
        CreateModels([
            migrations.CreateModel(
                name='Notice',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='创建时间')),
                    ('updated_at', models.DateTimeField(auto_now=True, verbose_name='更新时间')),
                    ('version', models.PositiveIntegerField(default=1, editable=False, verbose_name='版本')),
                    ('is_demo', models.BooleanField(default=False, editable=False, verbose_name='演示数据')),
                    ('due_at', models.DateTimeField(blank=True, null=True, verbose_name='回执期限')),
                    ('answered_at', models.DateTimeField(blank=True, null=True, verbose_name='回执时间')),
                    ('outcome', models.CharField(blank=True, max_length=20, verbose_name='回执')),
                    ('receipt', models.TextField(blank=True, verbose_name='回执说明')),
                    ('case', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='deletion_notice', to='flow.case', verbose_name='通知单')),
                    ('created_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.person', verbose_name='创建人')),
                    ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organisation', verbose_name='所属机构')),
                    ('request', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='notices', to='protection.personrequest', verbose_name='请求')),
                ],
                options={
                    'constraints': [models.UniqueConstraint(fields=('request', 'organisation'), name='protection_notice_once')],
                    'verbose_name': '删除通知',
                    'verbose_name_plural': '删除通知',
                    'ordering': ['-id'],
                },
            ),
            migrations.CreateModel(
                name='HandedOut',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('resource_name', models.CharField(max_length=120, verbose_name='资源名称')),
                    ('way', models.CharField(max_length=20, verbose_name='方式')),
                    ('reference', models.CharField(max_length=300, verbose_name='哪一份')),
                    ('last_at', models.DateTimeField(verbose_name='最近一次')),
                    ('rows', models.BigIntegerField(default=0, verbose_name='行数')),
                    ('at', models.DateTimeField(auto_now_add=True, verbose_name='登记时间')),
                    ('request', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='copies', to='protection.personrequest', verbose_name='请求')),
                    ('notice', models.ForeignKey(blank=True, help_text='空：向社会开放的，没有可通知的人', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='copies', to='protection.notice', verbose_name='通知')),
                ],
                options={
                    'verbose_name': '已交出的份',
                    'verbose_name_plural': '已交出的份',
                    'ordering': ['request', 'id'],
                },
            ),
        ]),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunSQL(forward('protection_handedout'), backward('protection_handedout')),
    ]
