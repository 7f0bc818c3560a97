from django.db import migrations


class Migration(migrations.Migration):
    """An appointment carries the duty of its post; the database keeps the two equal."""

    dependencies = [("people", "0001_initial")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE people_appointment ADD CONSTRAINT people_appointment_post_duty "
            "FOREIGN KEY (post_id, duty) REFERENCES orgs_post (id, duty)",
            "ALTER TABLE people_appointment DROP CONSTRAINT people_appointment_post_duty",
        )
    ]
