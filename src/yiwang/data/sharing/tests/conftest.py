"""One gateway process a module."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from tests.worlds import give_up, shared
from yiwang.data.sharing.tests.gate import Gate, opened
from yiwang.data.sharing.tests.world import Bureau, furnish

Module = Callable[[], AbstractContextManager[Bureau]]


@pytest.fixture(scope="module")
def gate(django_db_setup: Any, django_db_blocker: Any) -> Iterator[Gate]:
    """The database stays open to the module's tests; what they write is committed, as the process must see it."""
    with django_db_blocker.unblock():
        give_up()
        with opened() as made:
            yield made


@pytest.fixture(scope="package")
def room(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Module]:
    with shared(django_db_blocker, furnish) as module:
        yield module


@pytest.fixture(scope="module")
def built(room: Module) -> Iterator[Bureau]:
    """The world once for the room; each module and each test is a savepoint of it."""
    with room() as made:
        yield made


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
