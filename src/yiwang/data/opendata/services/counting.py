"""使用量：某日某数据集某途径几次、几行；不记是谁。"""

from django.db import connection
from django.utils import timezone

from yiwang.data.opendata.models import Dataset
from yiwang.kernel.access.actors import Actor


def note(actor: Actor, dataset: Dataset | None, door: str, form: str = "", rows: int = 0) -> None:
    """Count one use, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO opendata_use (day, dataset_id, organisation_id, door, form, times, rows) VALUES (%s, %s, %s, %s, %s, 1, %s) "
            "ON CONFLICT (day, dataset_id, door, form) DO UPDATE "
            "SET times = opendata_use.times + 1, rows = opendata_use.rows + excluded.rows",
            [
                timezone.localdate(),
                dataset.pk if dataset else None,
                dataset.organisation_id if dataset else None,
                door,
                form[:40],
                rows,
            ],
        )
