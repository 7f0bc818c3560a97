"""The district that tests hand data in to, built once for the room; each module and each test is a savepoint of it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from copy import deepcopy

import pytest
from pytest_django import DjangoDbBlocker

from tests.worlds import shared
from yiwang.data.collection.tests.world import District, furnish

Module = Callable[[], AbstractContextManager[District]]


@pytest.fixture(scope="package")
def room(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Module]:
    with shared(django_db_blocker, furnish) as module:
        yield module


@pytest.fixture(scope="module")
def built(room: Module) -> Iterator[District]:
    with room() as made:
        yield made


@pytest.fixture
def district(built: District, db: None) -> District:
    return deepcopy(built)
