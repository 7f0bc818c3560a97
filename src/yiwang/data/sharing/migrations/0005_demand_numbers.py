"""Demands on the catalogue's list bear the request's own number, as officers know it."""

from django.db import migrations

RENAME = "UPDATE catalog_demand d SET reference = c.number FROM flow_case c WHERE d.reference = 'sharing.request:' || c.id"


class Migration(migrations.Migration):
    dependencies = [("sharing", "0004_sealed"), ("catalog", "0003_receipt"), ("flow", "0001_initial")]
    operations = [migrations.RunSQL(RENAME, migrations.RunSQL.noop)]
