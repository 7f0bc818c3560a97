from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from time_machine import travel

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.flow import services
from yiwang.kernel.flow.models import Case, DayBill, Entry
from yiwang.kernel.flow.services.bills import bill, bill_finished_days, wrong_bills
from yiwang.kernel.flow.tests import flows
from yiwang.kernel.flow.tests.town import Town


def test_invariant_4_日清单覆盖每条记录一次_改动可查(town: Town) -> None:
    version = town.publish(flows.plain(2))
    start = timezone.now() - timedelta(days=3)
    for number in range(3):
        with travel(start + timedelta(days=number), tick=False):
            case = services.open_case(town["operator"], version.code, "件", organisation_id=town.unit("centre"))
            services.act(town["operator"], case.pk, "go")
    with pytest.raises(Invalid, match="尚未结束"):
        bill(timezone.localdate())
    assert bill_finished_days() >= 2
    assert bill_finished_days() == 0
    billed = Entry.objects.filter(recorded_at__date__in=DayBill.objects.values("day"))
    assert sum(DayBill.objects.values_list("count", flat=True)) == billed.count() >= 4
    assert not list(wrong_bills())
    with connection.cursor() as cursor:
        cursor.execute("set local session_replication_role = replica")
        cursor.execute("update flow_entry set hash = repeat('0', 64) where case_id in (select min(id) from flow_case)")
        cursor.execute("set local session_replication_role = origin")
    assert len(list(wrong_bills())) == 1


def test_invariant_34_按类型合计等于按单位合计等于登记数(town: Town) -> None:
    """几类案件在同一引擎上：任一口径的合计都等于登记数。"""
    counts = {"热线": 18, "运维": 3, "督查": 1}
    versions = {
        name: town.publish(flows.Flow(**{**flows.plain(1).__dict__, "code": name, "name": name})) for name in counts
    }
    units = ("water", "roads", "police")
    for name, count in counts.items():
        for number in range(count):
            services.open_case(town["operator"], versions[name].code, f"{name}{number}",
                               organisation_id=town.unit(units[number % 3]))  # fmt: skip
    every = Case.objects.filter(flow__in=[version.code for version in versions.values()])
    by_type = [every.filter(flow=version.code).count() for version in versions.values()]
    by_unit = [every.filter(organisation_id=town.unit(unit)).count() for unit in units]
    assert by_type == list(counts.values())
    assert sum(by_type) == sum(by_unit) == every.count() == sum(counts.values())
