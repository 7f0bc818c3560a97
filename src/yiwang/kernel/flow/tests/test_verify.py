from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from yiwang.kernel.flow import services
from yiwang.kernel.flow.models import Case
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
