from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from tests import worlds
from yiwang.city.hotline.tests.world import World, build


@pytest.fixture(scope="module")
def district(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """The district of a module's tests, built once; what a test writes goes with its own savepoint."""
    with worlds.kept(django_db_blocker, build) as made:
        yield made


@pytest.fixture
def world(district: World, db: None) -> World:
    return district
