"""The safe district, built once for the room; each module and each test is a savepoint of it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as platform
from pytest_django import DjangoDbBlocker

from tests.worlds import shared
from yiwang.data.catalog.tests.world import District
from yiwang.data.protection.tests.world import answering, safe

Module = Callable[[], AbstractContextManager[District]]


@pytest.fixture(scope="package")
def room(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Module]:
    with shared(django_db_blocker, lambda: answering(safe())) as module:
        yield module


@pytest.fixture(scope="module")
def built(room: Module) -> Iterator[District]:
    with room() as made:
        yield made


@pytest.fixture
def district(built: District, db: None) -> District:
    return deepcopy(built)


@pytest.fixture
def committed(transactional_db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> District:
    """The safe district where other processes see it, in a folder like a site's own."""
    var = tmp_path / "var"
    monkeypatch.setattr(platform, "VAR", str(var))
    settings.LAKE = str(var / "lake")
    return answering(safe())
