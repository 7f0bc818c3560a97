"""One world a module; the files of a test go with it."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from tests.worlds import kept
from yiwang.data.governance.tests.world import World, build


@pytest.fixture(scope="module")
def built(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with kept(django_db_blocker, partial(build, tmp_path_factory.mktemp("governance"))) as made:
        yield made


@pytest.fixture
def world(built: World, db: None, tmp_path: Path, settings: Any) -> World:
    settings.LAKE = str(tmp_path / "lake")
    return replace(deepcopy(built), folder=tmp_path)
