"""Old terms of a domain's own table, as rows of the one table of limits."""

from datetime import date
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, migrations, models
from django.db.migrations.state import ProjectState

from yiwang.kernel.clocks.migrations.carrying import carry_terms
from yiwang.kernel.clocks.models import Limit

FIELDS = (
    ("id", models.BigAutoField(primary_key=True)), ("kind", models.CharField(max_length=20)), ("days", models.IntegerField()),
    ("valid_from", models.DateField()), ("valid_until", models.DateField(null=True)),
)  # fmt: skip


class Both:
    """The registry a migration is given: the old model beside today's limits."""

    def __init__(self, old: Any) -> None:
        self.old = old

    def get_model(self, app: str, model: str) -> Any:
        return self.old if (app, model) == ("tried", "Term") else apps.get_model(app, model)


@pytest.mark.django_db
def test_a_row_ends_where_its_follower_begins() -> None:
    state = ProjectState()
    migrations.CreateModel("Term", list(FIELDS)).state_forwards("tried", state)
    old: Any = state.apps.get_model("tried", "Term")
    with connection.schema_editor() as editor:
        editor.create_model(old)
    for kind, days, since, until in (
        ("reply", 5, date(2024, 1, 1), None), ("reply", 7, date(2025, 1, 1), None), ("reply", 6, date(2025, 1, 1), date(2025, 6, 30)),
        ("other", 3, date(2024, 5, 1), date(2024, 12, 31)),
    ):  # fmt: skip
        old.objects.create(kind=kind, days=days, valid_from=since, valid_until=until)

    def facts(row: Any) -> dict[str, Any]:
        return {"code": f"tried.{row.kind}", "variant": "", "name": "试", "number": row.days, "basis": "某规定第一条", "nature": "own",
                "local": True, "valid_from": row.valid_from, "valid_until": row.valid_until}  # fmt: skip

    carry_terms("tried", "Term", facts).code(Both(old), None)
    made = Limit.objects.filter(code__startswith="tried.").order_by("code", "valid_from")
    assert [(row.code, row.number, row.unit, row.valid_from, row.valid_until) for row in made] == [
        ("tried.other", 3, "working_day", date(2024, 5, 1), date(2024, 12, 31)),
        ("tried.reply", 5, "working_day", date(2024, 1, 1), date(2024, 12, 31)),
        ("tried.reply", 6, "working_day", date(2025, 1, 1), date(2025, 6, 30)),
    ]
