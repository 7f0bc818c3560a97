"""Marks of objections are kept by a digest of the row's key, which is no longer to be read from the table."""

from typing import Any

from django.db import migrations, models

from yiwang.kernel.crypto import mac


def hide(apps: Any, schema_editor: Any) -> None:
    marks = apps.get_model("sharing", "Mark")
    for each in marks.objects.iterator(chunk_size=500):
        marks.objects.filter(pk=each.pk).update(key=mac(each.key.encode(), "sharing.mark"))


class Migration(migrations.Migration):
    dependencies = [("sharing", "0007_words")]

    operations = [
        # Backwards the loop that follows governance writes them anew.
        migrations.RunPython(hide, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="mark", name="key", field=models.CharField(max_length=64, verbose_name="键的校验码")
        ),
    ]
