"""Every register declared large is searched by its index of words, as PostgreSQL plans it over a filled table."""

# ruff: noqa: S608 - a statement over the names of our own tables

import pytest
from django.db import connection

from tests.architecture import rows
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.bulk.indexing import BigramIndex
from yiwang.kernel.registers import queries
from yiwang.kernel.registers.queries import Wish
from yiwang.kernel.registers.registry import all_registers

LARGE = sorted((item for item in all_registers() if item.large and item.search), key=lambda item: item.code)
ROWS = 3_000
MUST_HOLD = {
    "hotline.request",
    "catalog.resource",
    "catalog.item",
    "sharing.request",
    "collection.package",
    "governance.run",
    "ledger.entry",
}


def fill(register):
    """The one row that `rows.make` knows to make, copied; what must be unique and what is searched differs."""
    model = register.model
    row = rows.make(model, rows.organisation("示例市"))
    unique = {field.name for field in model._meta.concrete_fields if field.unique}
    unique |= {name for item in model._meta.constraints for name in getattr(item, "fields", ())}
    columns, values = [], []
    for field in model._meta.concrete_fields:
        if field.generated:
            continue
        value = connection.ops.quote_name(field.column)
        kind = field.db_type(connection)
        if field.name in unique or field.name in register.search:
            text = f"'柳江路灯' || n || {value}" if field.name in register.search else f"n || {value}"
            number = f"{value} + n"
            value = {"uuid": "gen_random_uuid()"}.get(kind, text if "char" in kind or kind == "text" else number)
            if "date" in kind or "time" in kind:
                value = f"{connection.ops.quote_name(field.column)} + n * interval '1 day'"
            value = f"left({value}, {field.max_length})" if field.max_length and "char" in kind else value
        columns.append(connection.ops.quote_name(field.column))
        values.append(value)
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} "
            f"FROM {table}, generate_series(1, {ROWS}) n WHERE {model._meta.pk.column} = %s",
            [row.pk],
        )
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute(f"ANALYZE {table}")


def test_会长大的台账都声明了():
    assert {register.code for register in LARGE} >= MUST_HOLD


@pytest.mark.parametrize("register", LARGE, ids=lambda register: register.code)
def test_搜索用上字对索引(register, db):
    fill(register)
    name = next(
        item.name for item in register.model._meta.indexes
        if isinstance(item, BigramIndex) and item.columns == tuple(register.search)
    )  # fmt: skip
    for text in ("江路灯9", "柳江 灯77"):
        asked = queries.matching(SYSTEM, register, Wish(text=text)).order_by().values_list("pk", flat=True)
        assert name in asked[: queries.FOUND_LIMIT + 1].explain(), text
        assert 0 < asked.count() < ROWS, text
        everything = queries.filtered(SYSTEM, register, Wish())
        slow = everything.filter(queries.searching(SYSTEM, register, text, narrow=False)).order_by()
        assert set(asked) == set(slow.values_list("pk", flat=True)), text
