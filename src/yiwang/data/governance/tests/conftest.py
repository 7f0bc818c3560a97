"""One world for the room, each module and each test a savepoint of it; the files of a test go with it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from tests.worlds import shared
from yiwang.data.governance.tests.world import World, build

Module = Callable[[], AbstractContextManager[World]]


@pytest.fixture(scope="package")
def room(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Module]:
    with shared(django_db_blocker, partial(build, tmp_path_factory.mktemp("governance"))) as module:
        yield module


@pytest.fixture(scope="module")
def built(room: Module) -> Iterator[World]:
    with room() as made:
        yield made


@pytest.fixture
def world(built: World, db: None, tmp_path: Path, settings: Any) -> World:
    settings.LAKE = str(tmp_path / "lake")
    return replace(deepcopy(built), folder=tmp_path)
