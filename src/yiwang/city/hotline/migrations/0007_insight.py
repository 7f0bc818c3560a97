"""研判 is a domain of its own and has taken its tables; whether a request was found to be a repeat stays with the request."""

from django.db import migrations, models

REPEATED = """
update hotline_request set repeated = true
where id in (select request_id from insight_repeatfinding where judgement = 'confirmed')
"""


class Migration(migrations.Migration):
    dependencies = [("hotline", "0006_words"), ("insight", "0001_initial")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveField(model_name="topic", name="requests"),
                migrations.RemoveField(model_name="topic", name="run"),
                migrations.DeleteModel(name="RepeatFinding"),
                migrations.DeleteModel(name="Topic"),
                migrations.DeleteModel(name="TopicRun"),
            ]
        ),
        migrations.AddField(
            model_name="request",
            name="repeated",
            field=models.BooleanField(default=False, help_text="经人认定与较早诉求重复", verbose_name="认定重复"),
        ),
        migrations.RunSQL(REPEATED),
    ]
