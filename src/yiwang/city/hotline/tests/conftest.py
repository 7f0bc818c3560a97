from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from yiwang.city.hotline.tests.world import World, build


@pytest.fixture(scope="module")
def district(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """The district of a module's tests, built once; what a test writes goes with its own savepoint."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield build()
        transaction.set_rollback(True)


@pytest.fixture
def world(district: World, db: None) -> World:
    return district
