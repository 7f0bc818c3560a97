"""Tables made together are the tables made one by one, and go again; writing and reading a migration keeps them."""

import pytest
from django.db import connection, models
from django.db.migrations.operations import AddConstraint, AddField, AddIndex, CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.migrations.writer import OperationWriter

from yiwang.kernel.bulk.creating import CreateModels

pytestmark = pytest.mark.django_db
DEFINED = """
SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute
JOIN pg_class c ON c.oid = attrelid WHERE attnum > 0 AND relkind = 'r' AND starts_with(relname, 'bulk_')
UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), true FROM pg_constraint
WHERE starts_with(conrelid::regclass::text, 'bulk_')
UNION ALL SELECT tablename, indexname, indexdef, true FROM pg_indexes WHERE starts_with(tablename, 'bulk_')
ORDER BY 1, 2
"""


def key() -> tuple[str, models.Field]:
    return "id", models.BigAutoField(primary_key=True)


def reference(model: str, name: str) -> models.Field:
    return models.ForeignKey(f"bulk.{model}", models.PROTECT, null=True, related_name=name)


def index() -> models.Index:
    return models.Index(fields=["name"], name="bulk_shore_name")


def constraint() -> models.CheckConstraint:
    return models.CheckConstraint(condition=~models.Q(name=""), name="bulk_shore_named")


def together() -> list[Operation]:
    shore = [key(), ("name", models.CharField(max_length=20)), ("ferry", reference("Ferry", "shores"))]
    ferry = [key(), ("home", reference("Shore", "ferries"))]
    options = {"indexes": [index()], "constraints": [constraint()]}
    return [CreateModels([CreateModel("Shore", shore, options), CreateModel("Ferry", ferry)])]


def one_by_one() -> list[Operation]:
    return [
        CreateModel("Shore", [key(), ("name", models.CharField(max_length=20))]),
        CreateModel("Ferry", [key(), ("home", reference("Shore", "ferries"))]),
        AddField("Shore", "ferry", reference("Ferry", "shores")),
        AddIndex("Shore", index()),
        AddConstraint("Shore", constraint()),
    ]


def defined() -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(DEFINED)
        return cursor.fetchall()


def applied(operations: list[Operation]) -> list[tuple[ProjectState, ProjectState]]:
    states, state = [], ProjectState()
    state.apps  # noqa: B018 - rendered, as a run of several migrations has it
    for operation in operations:
        before = state.clone()
        operation.state_forwards("bulk", state)
        with connection.schema_editor() as editor:
            operation.database_forwards("bulk", editor, before, state)
        states.append((before, state.clone()))
    return states


def test_合建的表与逐个建的相同_可以退回() -> None:
    states = applied(one_by_one())
    wanted = defined()
    for operation, (before, after) in zip(reversed(one_by_one()), reversed(states), strict=True):
        with connection.schema_editor() as editor:
            operation.database_backwards("bulk", editor, after, before)
    assert {"bulk_shore_name", "bulk_shore_named"} <= {row[1] for row in wanted} and not defined()
    ((before, after),) = applied(together())
    assert defined() == wanted
    assert after.apps.get_model("bulk", "Ferry")._meta.get_field("shores").related_model._meta.model_name == "shore"
    with connection.schema_editor() as editor:
        together()[0].database_backwards("bulk", editor, after, before)
    assert not defined()


def test_写入迁移文件再读出不变() -> None:
    text, imports = OperationWriter(together()[0], indentation=0).serialize()
    read: dict[str, CreateModels] = {}
    exec("\n".join(["from django.db import migrations, models", *sorted(imports), f"read = {text.rstrip(',')}"]), read)  # noqa: S102 - what we have just written
    state, wanted = ProjectState(), ProjectState()
    read["read"].state_forwards("bulk", state)
    together()[0].state_forwards("bulk", wanted)
    assert state == wanted and "Shore, Ferry" in read["read"].describe()
