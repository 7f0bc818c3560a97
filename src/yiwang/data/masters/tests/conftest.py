"""The world once a module, in a transaction that is rolled back; each test is a savepoint of it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test.utils import override_settings

from yiwang.data.masters.tests.world import World, furnish


@pytest.fixture(scope="module")
def built(django_db_setup: Any, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("masters")
    with (
        django_db_blocker.unblock(),
        override_settings(
            PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"], LAKE=str(folder / "lake"), VAR=folder
        ),
        transaction.atomic(),
    ):
        yield furnish(folder)
        transaction.set_rollback(True)


@pytest.fixture
def world(built: World, db: None) -> World:
    return built
