"""A district for every test."""

import pytest

from yiwang.data.catalog.tests.world import District, furnish


@pytest.fixture
def district(db: None) -> District:
    return furnish()
