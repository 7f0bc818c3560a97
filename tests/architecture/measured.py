"""The demonstration city for tests that count: a copy, which a module's tests only read."""

from collections.abc import Iterator

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from tests import city as demonstration
from yiwang.data.masters.services import grouping
from yiwang.kernel.calendar import queries as calendar
from yiwang.kernel.flow import publishing
from yiwang.kernel.keys import models as keys


def _forget() -> None:
    """What a process keeps of rows that never change: the other database has others by the same number."""
    for kept in (publishing.flow_of, calendar._fold, grouping._built, keys._derived):
        kept.cache_clear()


@pytest.fixture(scope="module")
def city(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database of the tests of this module; what a test writes is rolled back."""
    own = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        demonstration.copy(f"{own}_city")
        connection.close()
        connection.settings_dict["NAME"] = f"{own}_city"
        _forget()
        yield
        connection.close()
        connection.settings_dict["NAME"] = own
        _forget()
