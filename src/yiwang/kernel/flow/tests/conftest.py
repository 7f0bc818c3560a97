from datetime import date

import pytest

from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.calendar import services as calendars
from yiwang.kernel.calendar.workdays import Override
from yiwang.kernel.flow.tests.town import Town, build


@pytest.fixture
def town(db: None) -> Town:
    return build()


@pytest.fixture
def calendar(db: None) -> None:
    """Working days of the year, for flows with clocks."""
    calendars.publish(SYSTEM, "cn", [Override(date(2026, 1, 1), "rest", "元旦")], "测试通知", years=[2026])
