import pytest

from yiwang.kernel.flow.tests.town import Town, build


@pytest.fixture
def town(db: None) -> Town:
    return build()
