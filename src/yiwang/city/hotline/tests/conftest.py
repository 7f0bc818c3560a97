from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from pytest_django import DjangoDbBlocker

from tests import worlds
from yiwang.city.hotline.tests.world import World, build

Module = Callable[[], AbstractContextManager[World]]


@pytest.fixture(scope="package")
def room(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Module]:
    with worlds.shared(django_db_blocker, build) as module:
        yield module


@pytest.fixture(scope="module")
def district(room: Module) -> Iterator[World]:
    """The district, built once for the room; what a module writes goes with its savepoint, as what a test writes."""
    with room() as made:
        yield made


@pytest.fixture
def world(district: World, db: None) -> World:
    return district
