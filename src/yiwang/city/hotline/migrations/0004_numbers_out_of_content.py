"""Numbers leave the content of ordinary requests as they always left that of reports; dispatch times are filled in."""

from typing import Any

from django.db import migrations

from yiwang.kernel.crypto import encrypt
from yiwang.kernel.crypto.masks import mask_text
from yiwang.kernel.ledger.append_only import backward, forward

DISPATCHED = """
update hotline_request r set dispatched_at = greatest(e.at, r.received_at)
from (select case_id, min(happened_at) as at from flow_entry where action = 'dispatch' and kind = 'act' group by case_id) e
where e.case_id = r.case_id and r.dispatched_at is null
"""


def hide(apps: Any, schema_editor: Any) -> None:
    requests, reporters = apps.get_model("hotline", "Request"), apps.get_model("hotline", "Reporter")
    found = requests.objects.filter(content__regex=r"\d[- ]?\d{3}[- ]?\d{3}").only("pk", "content")
    for request in found.iterator(chunk_size=500):
        shown = mask_text(request.content)
        if shown == request.content:
            continue
        kept = reporters.objects.filter(request_id=request.pk, statement="")
        kept.update(statement=encrypt(request.content))
        requests.objects.filter(pk=request.pk).update(content=shown)


class Migration(migrations.Migration):
    dependencies = [("hotline", "0003_contact_views"), ("flow", "0001_initial")]
    operations = [
        migrations.RunSQL(DISPATCHED, migrations.RunSQL.noop),
        migrations.RunPython(hide, migrations.RunPython.noop),
        migrations.RunSQL(forward("hotline_contactview"), backward("hotline_contactview")),
    ]
