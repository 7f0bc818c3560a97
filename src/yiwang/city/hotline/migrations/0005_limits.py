"""The limits that the flows had in their text, as rows: running cases keep theirs, later ones find the same."""

from django.db import migrations

LIMITS = (
    ("hotline.request.dispatch", "派单时限", 4, "working_hour", "own", "本级规定（参照 GB/T 33358-2016 政府热线服务规范）"),
    ("hotline.request.sign", "签收时限", 1, "working_day", "notice", "蚌埠市12345工作制度（2019）：1个工作日内签收"),
    ("hotline.request.handle", "办理时限", 5, "working_day", "law", "潍坊市12345条例第20条：5个工作日内办结；法律另有更长期限的从其规定"),
    ("hotline.request.callback", "回访时限", 2, "working_day", "own", "本级规定（参照济南市12345条例第27条：办结工单逐件审核、回访）"),
    ("hotline.exclusion.review", "无理由诉求认定时限", 3, "working_day", "own", "本级规定（参照汕头等地规定）"),
    ("hotline.exclusion.notice", "无理由诉求申诉期", 5, "working_day", "own", "本级规定（参照汕头等地规定）"),
    ("hotline.exclusion.appeal", "无理由诉求复核时限", 5, "working_day", "own", "本级规定（参照汕头等地规定）"),
)
# 延期 is only of the time for handling: once, five days at most.
LONGER = {"hotline.request.handle": {"extensions": 1, "extension_budget": 5}}


def fill(apps, schema_editor):
    model = apps.get_model("clocks", "Limit")
    model.objects.bulk_create(
        model(code=code, name=name, number=number, unit=unit, nature=nature, basis=basis, local=True, **LONGER.get(code, {}))
        for code, name, number, unit, nature, basis in LIMITS
    )


class Migration(migrations.Migration):
    dependencies = [("hotline", "0004_numbers_out_of_content"), ("clocks", "0004_limits")]
    operations = [
        migrations.CreateModel(
            name="HotlineLimit",
            fields=[],
            options={"verbose_name": "热线时限", "verbose_name_plural": "热线时限", "proxy": True, "indexes": [], "constraints": []},
            bases=("clocks.limit",),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
