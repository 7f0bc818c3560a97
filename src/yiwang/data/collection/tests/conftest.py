"""The district that the tests of a module hand data in to."""

from collections.abc import Iterator
from copy import deepcopy

import pytest
from pytest_django import DjangoDbBlocker

from tests.worlds import kept
from yiwang.data.collection.tests.world import District, furnish


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[District]:
    with kept(django_db_blocker, furnish) as made:
        yield made


@pytest.fixture
def district(built: District, db: None) -> District:
    return deepcopy(built)
