from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from time_machine import travel

from yiwang.kernel.calendar.terms import CHINA
from yiwang.kernel.flow import services
from yiwang.kernel.flow.models import Case, DayBill
from yiwang.kernel.flow.numbers import draw
from yiwang.kernel.flow.services.bills import bill_finished_days
from yiwang.kernel.flow.tests import flows
from yiwang.kernel.flow.tests.town import Town


def said() -> str:
    errors = StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_flow", stderr=errors)
    return errors.getvalue()


def test_核对无误_改动现状或记录都被指出(town: Town) -> None:
    version = town.publish(flows.hotline())
    case = services.open_case(town["operator"], version.code, "路面积水", organisation_id=town.unit("centre"))
    out = StringIO()
    call_command("verify_flow", stdout=out)
    assert "共 1 件" in out.getvalue()
    Case.objects.filter(pk=case.pk).update(title="改了")
    assert f"办件 {case.number}：办件现状与流转记录推得的状态不符" in said()
    Case.objects.filter(pk=case.pk).update(title="路面积水")
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE flow_entry SET opinion = '改了' WHERE case_id = %s AND seq = 1", [case.pk])
        cursor.execute("SET session_replication_role = origin")
    assert f"办件 {case.number}：第 1 条内容与摘要不符" in said()


def test_整件被删_按编号和日清单指出(town: Town) -> None:
    version = town.publish(flows.hotline())
    with travel(timezone.now() - timedelta(days=2), tick=False):
        kept, gone = (
            services.open_case(town["operator"], version.code, title, organisation_id=town.unit("centre"))
            for title in ("留下的", "被删的")
        )
    draw("catalog.306", timezone.now())
    bill_finished_days()
    day, count = (
        gone.opened_at.astimezone(CHINA).date(),
        DayBill.objects.get(day=gone.opened_at.astimezone(CHINA).date()).count,
    )
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM flow_issuednumber WHERE case_id = %s", [gone.pk])
        cursor.execute("DELETE FROM flow_seat WHERE case_id = %s", [gone.pk])
        cursor.execute("DELETE FROM flow_outbox WHERE case_id = %s", [gone.pk])
        cursor.execute("DELETE FROM flow_entry WHERE case_id = %s", [gone.pk])
        cursor.execute("DELETE FROM flow_case WHERE id = %s", [gone.pk])
        cursor.execute("SET session_replication_role = origin")
    told = said()
    assert "的第 2 号已发出，却没有办件" in told and "的第 1 号" not in told and kept.number not in told
    assert "catalog" not in told, "别处取的号不是办件"
    assert f"{day} 的流转记录与当日日清单不符：清单 {count} 条，实有 {count - 1} 条" in told
