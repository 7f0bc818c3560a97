"""The district every test hands data in to."""

import pytest

from yiwang.data.collection.tests.world import District, furnish


@pytest.fixture
def district(db: None) -> District:
    return furnish()
