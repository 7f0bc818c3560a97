"""One world a test; its files go with it."""

from pathlib import Path
from typing import Any

import pytest

from yiwang.data.governance.tests.world import World, build


@pytest.fixture
def world(db: None, tmp_path: Path, settings: Any) -> World:
    settings.LAKE = str(tmp_path / "lake")
    return build(tmp_path)
