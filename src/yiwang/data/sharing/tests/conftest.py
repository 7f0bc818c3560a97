"""One gateway process a module."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection, transaction
from django.test.utils import override_settings

from yiwang.data.sharing.tests.gate import Gate, opened
from yiwang.data.sharing.tests.world import Bureau, furnish


@pytest.fixture(scope="module")
def gate(django_db_setup: Any, django_db_blocker: Any) -> Iterator[Gate]:
    """The database stays open to the module's tests; what they write is committed, as the process must see it."""
    with django_db_blocker.unblock(), opened() as made:
        yield made


@pytest.fixture(scope="module")
def built(django_db_setup: Any, django_db_blocker: Any) -> Iterator[Bureau]:
    """The world once a module, in a transaction that is rolled back; each test is a savepoint of it."""
    with (
        django_db_blocker.unblock(),
        override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]),
        transaction.atomic(),
    ):
        yield furnish()
        transaction.set_rollback(True)


@pytest.fixture
def bureau(built: Bureau, db: None) -> Bureau:
    return built


@pytest.fixture
def target(transactional_url: str) -> Iterator[str]:
    """A department's database: a schema apart, in a connection of its own."""
    with psycopg.connect(transactional_url, autocommit=True) as remote:
        remote.execute("DROP SCHEMA IF EXISTS consumer CASCADE")
    yield transactional_url
    with psycopg.connect(transactional_url, autocommit=True) as remote:
        remote.execute("DROP SCHEMA IF EXISTS consumer CASCADE")


@pytest.fixture
def transactional_url() -> str:
    found = connection.settings_dict
    user = quote(found["USER"]) + (":" + quote(found["PASSWORD"]) if found["PASSWORD"] else "")
    return f"postgresql://{user}@/{found['NAME']}?host={quote(found['HOST'], safe='')}&port={found['PORT'] or 5432}"
