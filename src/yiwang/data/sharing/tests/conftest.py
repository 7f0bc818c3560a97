"""One gateway process a module."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import override_settings, setup_databases

from yiwang.data.sharing.tests.gate import Gate, opened
from yiwang.data.sharing.tests.world import Bureau, furnish


def prepared() -> None:
    """pytest-django sets no database up when none of the chosen tests carries its mark."""
    if not str(connection.settings_dict["NAME"]).startswith("test_"):
        setup_databases(0, False, keepdb=True, aliases={"default"}, serialized_aliases=set())


@pytest.fixture(scope="module")
def gate(django_db_setup: Any, django_db_blocker: Any) -> Iterator[Gate]:
    """The database stays open to the module's tests; what they write is committed, as the process must see it."""
    with django_db_blocker.unblock():
        prepared()
        with opened() as made:
            yield made


@pytest.fixture(scope="module")
def built(django_db_setup: Any, django_db_blocker: Any) -> Iterator[Bureau]:
    """The world once a module, in a transaction that is rolled back; each test is a savepoint of it."""
    with django_db_blocker.unblock():
        prepared()
        with (
            override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]),
            transaction.atomic(),
        ):
            yield furnish()
            transaction.set_rollback(True)


@pytest.fixture
def bureau(built: Bureau, db: None) -> Bureau:
    return built
