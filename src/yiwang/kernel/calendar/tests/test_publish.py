"""Publishing calendars: versions, refusals, no change in place."""

from datetime import date

import pytest
from django.db import IntegrityError, transaction

from yiwang.kernel.access.actors import ANONYMOUS, SYSTEM, Invalid, Refused
from yiwang.kernel.calendar import queries, services
from yiwang.kernel.calendar.models import CalendarDay, CalendarVersion
from yiwang.kernel.calendar.terms import DayKind
from yiwang.kernel.calendar.workdays import Override
from yiwang.kernel.ledger.models import Entry

pytestmark = pytest.mark.django_db
REST = Override(date(2025, 10, 1), "rest", "国庆节", "测试")


def test_each_publication_is_a_version_and_old_ones_stay_readable() -> None:
    first = services.publish(SYSTEM, "cn", [REST], "第一号通知", years=[2025])
    second = services.publish(SYSTEM, "cn", [Override(REST.date, "regular")], "更正通知", years=[2026])
    assert (first.number, second.number) == (1, 2)
    assert queries.load("cn", 1).kind(REST.date) == DayKind.HOLIDAY
    latest = queries.load("cn")
    assert latest.kind(REST.date) == DayKind.WORKING and latest.name(REST.date) == ""
    assert (latest.version, sorted(latest.years)) == (2, [2025, 2026])
    assert latest.provisional(date(2027, 1, 1)) and not latest.provisional(date(2026, 12, 31))
    assert Entry.objects.filter(action="calendar.publish").count() == 2


def test_publishing_what_is_known_changes_nothing() -> None:
    first = services.publish(SYSTEM, "cn", [REST], "第一号通知", years=[2025])
    again = services.publish(SYSTEM, "cn", [REST], "第一号通知", years=[2025])
    assert (again.pk, CalendarVersion.objects.count()) == (first.pk, 1)


def test_office_hours_are_part_of_a_version() -> None:
    services.publish(SYSTEM, "hall", [], "大厅办公时间", hours=[(8 * 60, 18 * 60)])
    services.publish(SYSTEM, "hall", [REST], "国庆通知")
    assert queries.load("hall").hours == ((480, 1080),)


def test_refusals_are_sentences() -> None:
    with pytest.raises(Refused, match="权限"):
        services.publish(ANONYMOUS, "cn", [REST], "通知")
    with pytest.raises(Invalid, match="依据"):
        services.publish(SYSTEM, "cn", [REST], " ")
    with pytest.raises(Invalid, match="无效"):
        services.publish(SYSTEM, "cn", [Override(REST.date, "half")], "通知")
    with pytest.raises(Invalid, match="无效"):
        services.publish(SYSTEM, "cn", [Override(date(1990, 1, 1), "rest")], "通知")
    for hours in ([(600, 540)], [(540, 720), (700, 800)], [(540, 1500)]):
        with pytest.raises(Invalid, match="办公时间"):
            services.publish(SYSTEM, "cn", [], "通知", hours=hours)
    with pytest.raises(Invalid, match="尚未发布"):
        queries.load("elsewhere")


def test_a_published_version_cannot_be_changed() -> None:
    services.publish(SYSTEM, "cn", [REST], "第一号通知")
    for change in (CalendarDay.objects.all().delete, lambda: CalendarVersion.objects.update(source="x")):
        with pytest.raises(IntegrityError, match="发布新版本"), transaction.atomic():
            change()
