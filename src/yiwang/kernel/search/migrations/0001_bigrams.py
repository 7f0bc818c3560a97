"""The function under every bigram index, also where indexes were made with an older one: the pairs are the same."""

from django.db import migrations

from yiwang.kernel.search.indexing import FUNCTION


class Migration(migrations.Migration):
    operations = [migrations.RunSQL(FUNCTION, migrations.RunSQL.noop)]
