"""The world once for the room, in a transaction that is rolled back; each module and each test is a savepoint of it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest
from django.conf import settings as platform
from django.test import Client
from pytest_django import DjangoDbBlocker

from tests.worlds import shared
from yiwang.data.opendata.models import Dataset
from yiwang.data.opendata.tests.world import City, furnish

Built = tuple[City, Dataset]
Module = Callable[[], AbstractContextManager[Built]]


@pytest.fixture(scope="package")
def room(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Module]:
    def build() -> Built:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(platform, "VAR", tmp_path_factory.mktemp("var"))
            city = furnish(tmp_path_factory.mktemp("lake"))
            city.var = platform.VAR
            return city, city.opened()

    with shared(django_db_blocker, build) as module:
        yield module


@pytest.fixture(scope="module")
def built(room: Module, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """With files of the module's own: what its tests destroy, no savepoint brings back."""
    with room() as (made, dataset):
        city = replace(made, var=tmp_path_factory.mktemp("var"))
        shutil.copytree(made.var, city.var, dirs_exist_ok=True)
        yield city, dataset


@pytest.fixture
def city(built: Built, db: None, monkeypatch: pytest.MonkeyPatch) -> City:
    """Files and lake where the world was made; a test's own folder would be empty."""
    monkeypatch.setattr(platform, "VAR", built[0].var)
    return built[0]


@pytest.fixture
def dataset(built: Built, city: City) -> Dataset:
    return Dataset.objects.get(pk=built[1].pk)


@pytest.fixture
def client() -> Client:
    return Client(HTTP_HOST="localhost")
