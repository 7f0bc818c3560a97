"""Recording: one insert, with the transaction, never changed."""

import threading
from datetime import date
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.ledger import services
from yiwang.kernel.ledger.models import Entry, Link

CLERK = Actor(person_id=7, account_id=7, name="覃小妹", primary_post_id=3, organisation_id=11, address="10.0.0.8")


@pytest.mark.django_db
def test_一条记录只用一条插入语句并保全主体与前后值():
    with CaptureQueriesContext(
        connection,
    ) as queries:
        entry = services.record(
            CLERK,
            "register.change",
            ("hotline.request", 5),
            before={"limit": Decimal("1.50"), "on": date(2026, 1, 2)},
            after={"limit": Decimal("2.50")},
            reason="更正",
        )
    assert len(queries) == 1
    found = Entry.objects.get(pk=entry.pk)
    assert (found.person_id, found.person_name, found.organisation_id) == (7, "覃小妹", 11)
    assert found.signatory["address"] == "10.0.0.8"
    assert found.before == {"limit": "1.50", "on": "2026-01-02"}
    assert found.after == {"limit": "2.50"}


@pytest.mark.django_db
def test_含空字符与孤立代理字符的文本也能入账():
    entry = services.record(SYSTEM, "x", ("a", 1), after={"text": "甲\x00乙\ud800"}, reason="甲\x00乙\ud800")
    assert Entry.objects.get(pk=entry.pk).after == {"text": "甲\x00乙\ud800"}


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["ledger_entry", "ledger_link", "ledger_dailybill"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {}"])
def test_三张账表拒绝修改删除与清空(table, statement):
    services.record(SYSTEM, "x", ("a", 1))
    services.seal()
    services.DailyBill.objects.create(
        day=date(2026, 1, 1), first_position=1, last_position=1, digest="", mac="", sealed_at="2026-01-02T00:00Z"
    )
    column = "position" if table == "ledger_link" else "id"
    with pytest.raises(DatabaseError, match="只能追加"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table).replace("id = id", f"{column} = {column}"))


@pytest.mark.django_db(transaction=True)
def test_业务回滚则记录不存在():
    with pytest.raises(RuntimeError), transaction.atomic():
        services.record(SYSTEM, "x", ("a", 1))
        raise RuntimeError
    assert not Entry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_较小编号晚提交时封链不等待且之后补入():
    inserted, go = threading.Event(), threading.Event()

    def late():
        try:
            with transaction.atomic():
                services.record(SYSTEM, "late", ("a", 1))
                inserted.set()
                go.wait(10)
        finally:
            connection.close()

    thread = threading.Thread(target=late)
    thread.start()
    assert inserted.wait(10)
    services.record(SYSTEM, "early", ("a", 2))
    assert services.seal() == 1
    go.set()
    thread.join()
    assert services.seal() == 1
    order = [Entry.objects.get(pk=link.entry_id).action for link in Link.objects.all()]
    assert order == ["early", "late"]
    assert [link.position for link in Link.objects.all()] == [1, 2]
