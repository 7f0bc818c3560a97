"""Fixtures of every room's tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

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
        cursor.execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")  # unmanaged: Django leaves them


@pytest.fixture(autouse=True)
def _own_var(settings: Any, tmp_path: Path) -> None:
    """Files and the ledger's anchor of a test never reach the site's own directory."""
    settings.VAR = tmp_path


@pytest.fixture
def database_url() -> str:
    """The test database as a DATABASE_URL, for processes a test starts; needs a transactional test."""
    settings = connection.settings_dict
    user = quote(settings["USER"]) + (":" + quote(settings["PASSWORD"]) if settings["PASSWORD"] else "")
    port = f"&port={settings['PORT']}" if settings["PORT"] else ""
    return f"postgresql://{user}@/{settings['NAME']}?host={quote(settings['HOST'], safe='')}{port}"


@pytest.fixture(autouse=True)
def _cheap_password_hashes(settings: Any) -> None:
    """The production hash is slow on purpose."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
