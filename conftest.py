"""Fixtures of every room's tests."""

from collections.abc import Iterator

import pytest
from django.db import connection


@pytest.fixture(autouse=True)
def _append_only_tables_can_be_emptied(request: pytest.FixtureRequest) -> Iterator[None]:
    """A transactional test ends with TRUNCATE, which append-only tables refuse; only the emptying goes past them."""
    marker = request.node.get_closest_marker("django_db")
    transactional = bool(marker and marker.kwargs.get("transaction")) or "transactional_db" in request.fixturenames
    if not transactional:
        yield
        return
    request.getfixturevalue("transactional_db")
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = origin")
    yield
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
