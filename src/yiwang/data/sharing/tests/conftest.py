"""One gateway process a module."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
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
