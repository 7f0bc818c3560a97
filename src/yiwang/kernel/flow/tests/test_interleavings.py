"""Invariant 21 over random moments of simultaneous acts; `./run bench interleavings` runs 10,000 of them."""

import os
from collections.abc import Iterator

import pytest
from django.db import connection

from yiwang.kernel.flow.tests.interleaving import run
from yiwang.kernel.flow.tests.town import Town, build

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
MOMENTS = int(os.environ.get("YIWANG_INTERLEAVINGS", "120"))


@pytest.fixture
def place(calendar: None) -> Iterator[Town]:
    yield build()
    connection.close()


def test_invariant_21_级联及于全部下级或一个也不及_随机交错不死锁(place: Town) -> None:
    report = run(place, MOMENTS)
    assert (report.moments, report.deadlocks) == (MOMENTS, 0)
    assert report.cascades > 0 and report.reached > 0
    # Which of them succeed is chance; that many kinds do shows that the families lived.
    assert sum(1 for ended, times in report.ended.items() if ended.endswith(":done") and times) >= 5, report.ended
