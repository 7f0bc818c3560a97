"""For migrations: what domains had as tables of terms, or in the text of a flow, becomes rows of the one table of limits."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from itertools import groupby
from typing import Any

from django.db import migrations


def carry_terms(app: str, model: str, facts: Callable[[Any], Mapping[str, Any]]) -> migrations.RunPython:
    """The operation; `facts`: a row of the old model → values of the limit besides its unit, the working day.

    A row ends where its follower (same code, variant and place) begins. It stays as it is: released migrations use it.
    """

    def carry(apps: Any, schema_editor: Any) -> None:
        rows = [dict(facts(row)) for row in apps.get_model(app, model).objects.all()]
        rows.sort(key=lambda row: (row["code"], row["variant"], row["local"], row["valid_from"]))
        limit, made = apps.get_model("clocks", "Limit"), []
        for _, same in groupby(rows, key=lambda row: (row["code"], row["variant"], row["local"])):
            # Of two rows from one day the later registered one counted.
            dated = list({row["valid_from"]: row for row in same}.values())
            for row, follower in zip(dated, [*dated[1:], None], strict=True):
                ends = [row["valid_until"], follower and follower["valid_from"] - timedelta(days=1)]
                row["valid_until"] = min((end for end in ends if end), default=None)
                made.append(limit(unit="working_day", **row))
        limit.objects.bulk_create(made)

    return migrations.RunPython(carry, migrations.RunPython.noop)


def fill_limits(limits: Iterable[tuple[str, str, int, str, str, str]]) -> migrations.RunPython:
    """The operation that adds (code, name, number, unit, nature, basis) as limits of this place."""

    def fill(apps: Any, schema_editor: Any) -> None:
        limit = apps.get_model("clocks", "Limit")
        limit.objects.bulk_create(
            limit(code=code, name=name, number=number, unit=unit, nature=nature, basis=basis, local=True)
            for code, name, number, unit, nature, basis in limits
        )

    return migrations.RunPython(fill, migrations.RunPython.noop)
