"""The tables that the hotline kept for 研判, taken over with their rows: renamed, not copied. Requests are named by their
primary key alone from here on; that they exist the database goes on checking, by the foreign keys the tables have."""

import django.db.models.deletion
from django.db import migrations, models

TABLES = (
    ("hotline_repeatfinding", "insight_repeatfinding"),
    ("hotline_topicrun", "insight_topicrun"),
    ("hotline_topic_requests", "insight_member"),
    ("hotline_topic", "insight_topic"),
)
NAMED = (("hotline_repeat_pair_once", "insight_repeat_pair_once"), ("hotline_repeat_not_self", "insight_repeat_not_self"))
# What PostgreSQL and Django named after a table is named after it again: constraints (with their indexes), then the
# other indexes, then the sequences.
RENAME = """
do $$
declare
    each record;
    mine regclass[] := array[{tables}]::regclass[];
begin
    for each in select conrelid::regclass as owner, conname as name from pg_constraint
        where conrelid = any (mine) and conname like '{old}%' loop
        execute format('alter table %s rename constraint %I to %I', each.owner, each.name, '{new}' || substr(each.name, {cut}));
    end loop;
    for each in select indexrelid::regclass::text as name from pg_index
        where indrelid = any (mine) and indexrelid::regclass::text like '{old}%' loop
        execute format('alter index %I rename to %I', each.name, '{new}' || substr(each.name, {cut}));
    end loop;
    for each in select d.objid::regclass::text as name from pg_depend d join pg_class c on c.oid = d.objid
        where d.refobjid = any (mine) and d.deptype = 'i' and c.relkind = 'S' and d.objid::regclass::text like '{old}%' loop
        execute format('alter sequence %I rename to %I', each.name, '{new}' || substr(each.name, {cut}));
    end loop;
end $$
"""


def _renamed():
    tables = [f"ALTER TABLE {old} RENAME TO {new}" for old, new in TABLES]
    named = [f"ALTER TABLE insight_repeatfinding RENAME CONSTRAINT {old} TO {new}" for old, new in NAMED]
    rest = [RENAME.format(tables=f"'{new}'", old=f"{old}_", new=f"{new}_", cut=len(old) + 2) for old, new in TABLES]
    return [*tables, *named, *rest]


# Django named these after their columns, or cut the table's name short.
ONCE = """
do $$
declare each record;
begin
    for each in select conname as name, contype as kind from pg_constraint
        where conrelid = 'insight_member'::regclass and (conname like 'hotline_%' or conname like 'insight_member_topic_id_request_id_%') loop
        execute format('alter table insight_member rename constraint %I to %I', each.name,
            case each.kind when 'u' then 'insight_member_once' else 'insight_member_request_id_fk_hotline_request_id' end);
    end loop;
end $$
"""


# Permissions given in the city stay given, and what was withdrawn by hand stays withdrawn.
GRANTS = (
    "update access_grant set resource = 'insight.repeat' where resource = 'hotline.repeat'",
    "update access_grant set resource = 'insight.topic' where resource = 'hotline.topic'",
    """
    update access_role set declared =
        replace(replace(declared::text, '"hotline.repeat"', '"insight.repeat"'), '"hotline.topic"', '"insight.topic"')::jsonb
    where declared::text ~ '"hotline[.](repeat|topic)"'
    """,
)
# Django's own list of models, with the permissions hanging on it.
KINDS = """
update django_content_type set app_label = 'insight'
where app_label = 'hotline' and model in ('repeatfinding', 'topicrun', 'topic')
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = [
        ("hotline", "0006_words"),
        ("access", "0002_duty"),
        ("people", "0002_duty"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL([*_renamed(), ONCE, *GRANTS, KINDS]),
            ],
            state_operations=[
                migrations.CreateModel(
                    name='TopicRun',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('period_from', models.DateField(verbose_name='起')),
                        ('period_until', models.DateField(verbose_name='止')),
                        ('formula', models.CharField(max_length=200, verbose_name='热度公式')),
                        ('parameters', models.JSONField(default=dict, verbose_name='参数')),
                        ('request_count', models.PositiveIntegerField(verbose_name='诉求件数')),
                        ('run_at', models.DateTimeField(auto_now_add=True, verbose_name='计算时间')),
                    ],
                    options={
                        'verbose_name': '热点计算',
                        'verbose_name_plural': '热点计算',
                        'ordering': ['-id'],
                    },
                ),
                migrations.CreateModel(
                    name='Topic',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('label', models.CharField(help_text='最有代表性的一件诉求的标题', max_length=200, verbose_name='热点')),
                        ('terms', models.CharField(blank=True, max_length=200, verbose_name='主题词')),
                        ('heat', models.FloatField(verbose_name='热度')),
                        ('people', models.PositiveIntegerField(verbose_name='诉求人数')),
                        ('likes', models.PositiveIntegerField(default=0, verbose_name='点赞数')),
                        ('first_at', models.DateTimeField(verbose_name='最早受理')),
                        ('last_at', models.DateTimeField(verbose_name='最近受理')),
                        ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='topics', to='insight.topicrun', verbose_name='热点计算')),
                    ],
                    options={
                        'verbose_name': '热点',
                        'verbose_name_plural': '热点',
                        'ordering': ['-heat', 'id'],
                    },
                ),
                migrations.CreateModel(
                    name='RepeatFinding',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('request_id', models.BigIntegerField(db_index=True, verbose_name='诉求')),
                        ('earlier_id', models.BigIntegerField(db_index=True, verbose_name='较早诉求')),
                        ('same_person', models.BooleanField(verbose_name='同一诉求人')),
                        ('similarity', models.FloatField(verbose_name='相似度')),
                        ('evidence', models.JSONField(default=dict, verbose_name='证据')),
                        ('judgement', models.CharField(choices=[('pending', '待研判'), ('confirmed', '认定'), ('rejected', '排除')], default='pending', max_length=12, verbose_name='研判')),
                        ('judged_at', models.DateTimeField(blank=True, null=True, verbose_name='研判时间')),
                        ('found_at', models.DateTimeField(auto_now_add=True, verbose_name='发现时间')),
                        ('judged_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='people.person', verbose_name='研判人')),
                    ],
                    options={
                        'verbose_name': '疑似重复',
                        'verbose_name_plural': '疑似重复',
                        'constraints': [models.UniqueConstraint(fields=('request_id', 'earlier_id'), name='insight_repeat_pair_once'), models.CheckConstraint(condition=models.Q(('request_id', models.F('earlier_id')), _negated=True), name='insight_repeat_not_self')],
                    },
                ),
                migrations.CreateModel(
                    name='Member',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('request_id', models.BigIntegerField(db_index=True, verbose_name='诉求')),
                        ('topic', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='members', to='insight.topic', verbose_name='热点')),
                    ],
                    options={
                        'verbose_name': '热点诉求',
                        'verbose_name_plural': '热点诉求',
                        'constraints': [models.UniqueConstraint(fields=('topic', 'request_id'), name='insight_member_once')],
                    },
                ),
            ],
        ),
    ]
