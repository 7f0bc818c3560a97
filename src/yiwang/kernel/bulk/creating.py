"""Many tables made by one operation of a migration: after each operation Django makes the classes of all models anew,
for they are related to one another, which was most of what migrating an empty database took."""

from typing import Any

from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.models import CreateModel
from django.db.migrations.state import ProjectState


class CreateModels(Operation):
    """`CreateModel` for each; they may refer to one another in any order, as foreign keys are made at the end."""

    serialization_expand_args = ["models"]

    def __init__(self, models: list[CreateModel]) -> None:
        self.models = models

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        vars(state).pop("apps", None)  # made anew when next asked for
        for each in self.models:
            each.state_forwards(app_label, state)

    def database_forwards(self, *given: Any, **named: Any) -> None:
        for each in self.models:
            each.database_forwards(*given, **named)

    def database_backwards(self, *given: Any, **named: Any) -> None:
        for each in reversed(self.models):
            each.database_backwards(*given, **named)

    def describe(self) -> str:
        return f"Create models {', '.join(each.name for each in self.models)}"
