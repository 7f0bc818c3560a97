import pytest

from yiwang.city.hotline.tests.world import World, build


@pytest.fixture
def world(db: None) -> World:
    return build()
