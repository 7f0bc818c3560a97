"""The demonstration city for tests that count: a copy, which a module's tests only read."""

from collections.abc import Iterator

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from tests import city as demonstration


@pytest.fixture(scope="module")
def city(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database of the tests of this module; what a test writes is rolled back."""
    own = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        demonstration.copy(f"{own}_city")
        connection.close()
        connection.settings_dict["NAME"] = f"{own}_city"
        yield
        connection.close()
        connection.settings_dict["NAME"] = own
