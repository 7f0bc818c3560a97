from django.db import migrations

TIES = (
    ("access_grant", "role_id", "access_role"),
    ("access_roleholding", "role_id", "access_role"),
    ("access_roleholding", "post_id", "orgs_post"),
)


class Migration(migrations.Migration):
    """Grants and holdings carry the duty of their role and post; the database keeps them equal."""

    dependencies = [("access", "0001_initial")]
    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_duty "
            f"FOREIGN KEY ({column}, duty) REFERENCES {target} (id, duty)",
            f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_duty",
        )
        for table, column, target in TIES
    ]
