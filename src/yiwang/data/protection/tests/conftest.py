"""The safe district once a module, in a transaction that is rolled back; each test is a savepoint of it."""

from collections.abc import Iterator
from copy import deepcopy

import pytest
from pytest_django import DjangoDbBlocker

from tests.worlds import kept
from yiwang.data.catalog.tests.world import District
from yiwang.data.protection.tests.world import answering, safe


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[District]:
    with kept(django_db_blocker, lambda: answering(safe())) as made:
        yield made


@pytest.fixture
def district(built: District, db: None) -> District:
    return deepcopy(built)
