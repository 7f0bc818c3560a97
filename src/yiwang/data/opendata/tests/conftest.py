"""The world once a module, in a transaction that is rolled back; each test is a savepoint of it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as platform
from django.db import transaction
from django.test import Client

from yiwang.data.opendata.models import Dataset
from yiwang.data.opendata.tests.world import City, furnish


@pytest.fixture(scope="module")
def built(django_db_setup: Any, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[tuple[City, Dataset]]:
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock(), transaction.atomic():
        patch.setattr(platform, "VAR", tmp_path_factory.mktemp("var"))
        city = furnish(tmp_path_factory.mktemp("lake"))
        city.var = platform.VAR
        yield city, city.opened()
        transaction.set_rollback(True)


@pytest.fixture
def city(built: tuple[City, Dataset], db: None, monkeypatch: pytest.MonkeyPatch) -> City:
    """Files and lake where the world was made; a test's own folder would be empty."""
    monkeypatch.setattr(platform, "VAR", built[0].var)
    return built[0]


@pytest.fixture
def dataset(built: tuple[City, Dataset], city: City) -> Dataset:
    return Dataset.objects.get(pk=built[1].pk)


@pytest.fixture
def client() -> Client:
    return Client(HTTP_HOST="localhost")
