"""Tampering behind the platform's back, as a database superuser would do it, is found and named."""

from datetime import timedelta

import pytest
from django.conf import settings as site
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.ledger import anchors, queries, services
from yiwang.kernel.ledger.models import DailyBill, Entry, Link

pytestmark = pytest.mark.django_db


def write(count: int) -> list[Entry]:
    made = [services.record(SYSTEM, "test.act", ("thing", number), after={"n": number}) for number in range(count)]
    services.seal()
    return made


def tamper(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, values)
        cursor.execute("SET LOCAL session_replication_role = origin")


def found() -> set[tuple[str, int | None]]:
    return {(problem.kind, problem.entry_id) for problem in queries.verify()}


def test_未动过的账无问题且覆盖每条恰一次():
    entries = write(5)
    write(3)
    assert queries.verify() == []
    assert sorted(Link.objects.values_list("entry_id", flat=True))[:5] == [entry.pk for entry in entries]
    assert list(Link.objects.values_list("position", flat=True)) == list(range(1, 9))


@pytest.mark.parametrize(
    "change",
    ["content = replace(content, '2', '9')", "reason = '补'", "person_name = '他人'", "person_id = 9", "target_id = '77'",
     "recorded_at = recorded_at - interval '1 microsecond'", "organisation_id = 4", "action = 'other'",
     "uid = gen_random_uuid()", "mac = repeat('0', 64)", "target_kind = 'x'"],
)  # fmt: skip
def test_改动任一列都被指名(change):
    entries = write(4)
    tamper(f"UPDATE ledger_entry SET {change} WHERE id = %s", entries[2].pk)  # noqa: S608
    assert found() == {("changed", entries[2].pk)}


def test_删除一行被指名():
    entries = write(4)
    tamper("DELETE FROM ledger_entry WHERE id = %s", entries[1].pk)
    assert found() == {("removed", entries[1].pk)}


def test_连同链节删除也留下缺口():
    entries = write(4)
    tamper("DELETE FROM ledger_entry WHERE id = %s", entries[1].pk)
    tamper("DELETE FROM ledger_link WHERE entry_id = %s", entries[1].pk)
    problems = queries.verify()
    assert [(problem.kind, problem.position) for problem in problems] == [("chain", 2)]


def test_插入一行被指名且封链进程不收它():
    entries = write(3)
    tamper(
        "INSERT INTO ledger_entry (uid, recorded_at, person_name, action, target_kind, target_id, reason, content, mac) "
        "SELECT gen_random_uuid(), recorded_at, '假', action, target_kind, target_id, reason, content, mac "
        "FROM ledger_entry WHERE id = %s",
        entries[0].pk,
    )
    forged = Entry.objects.get(person_name="假")
    services.seal(sweep=True)
    assert found() == {("inserted", forged.pk)}
    write(1)
    assert found() == {("inserted", forged.pk)}


def test_交换两节或改链摘要被指名():
    entries = write(4)
    tamper("UPDATE ledger_link SET digest = repeat('a', 64) WHERE position = 2")
    assert {(problem.kind, problem.position) for problem in queries.verify()} == {("chain", 2), ("chain", 3)}
    tamper("UPDATE ledger_link SET entry_id = -1 WHERE position = 4")
    assert ("removed", -1) in found()
    assert ("chain", -1) in found()
    assert entries[3].pk not in Link.objects.values_list("entry_id", flat=True)


def test_砍掉尾部由库外链尾发现且封链不掩盖():
    entries = write(4)
    tamper("DELETE FROM ledger_entry WHERE id >= %s", entries[2].pk)
    tamper("DELETE FROM ledger_link WHERE position >= 3")
    assert {problem.kind for problem in queries.verify()} == {"anchor"}
    write(5)
    assert {problem.kind for problem in queries.verify()} == {"anchor"}


def test_整账清空也由库外链尾发现_确认换库后记账恢复():
    write(4)
    for table in ("ledger_entry", "ledger_link"):
        tamper(f"DELETE FROM {table}")  # noqa: S608
    assert {problem.kind for problem in queries.verify()} == {"anchor"}
    assert services.accept_database(SYSTEM, "恢复 11 月 20 日备份") == 1
    assert queries.verify() == []
    assert Entry.objects.get(action="ledger.accept_database").reason == "恢复 11 月 20 日备份"


def test_伪造的库外链尾被发现():
    write(2)
    path = next(anchors.directory().glob("*.json"))
    path.write_text(path.read_text().replace('"position": 2', '"position": 1'))
    assert {problem.kind for problem in queries.verify()} == {"anchor"}
    path.write_text("not json")
    assert {problem.kind for problem in queries.verify()} == {"anchor"}


def test_日封账首尾相接且每节恰入一张():
    write(3)
    first = services.bill()
    assert first is not None
    assert services.bill() is None, "同一日只封一次"
    write(4)
    second = services.bill(timezone.now() + timedelta(days=1))
    third = services.bill(timezone.now() + timedelta(days=2))
    assert second is not None
    assert third is None, "没有新记录的日子不封"
    assert [(bill.first_position, bill.last_position) for bill in DailyBill.objects.all()] == [(1, 3), (4, 7)]
    assert queries.verify() == []


@pytest.mark.parametrize(
    "statement",
    ["UPDATE ledger_dailybill SET last_position = 2 WHERE id = (SELECT min(id) FROM ledger_dailybill)",
     "DELETE FROM ledger_dailybill WHERE id = (SELECT min(id) FROM ledger_dailybill)",
     "UPDATE ledger_dailybill SET digest = repeat('b', 64)"],
)  # fmt: skip
def test_日封账被动过就报(statement):
    write(3)
    services.bill()
    write(2)
    services.bill(timezone.now() + timedelta(days=1))
    tamper(statement)
    assert "bill" in {problem.kind for problem in queries.verify()}


def test_久未封链的记录被提示():
    entry = services.record(SYSTEM, "x", ("a", 1))
    assert queries.verify() == []
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
    entry.recorded_at -= timedelta(days=5)
    entry.mac = services.mac(services.canon.entry_bytes(entry), services.canon.ENTRY)
    entry.save()
    assert found() == {("chain", entry.pk)}


def test_换密钥后旧账仍可核对而丢失旧密钥则报():
    write(2)
    old = site.SECRET_KEY
    with override_settings(SECRET_KEY="new-key-of-the-year"):
        assert {problem.kind for problem in queries.verify()} == {"changed", "anchor"}
    with override_settings(SECRET_KEY="new-key-of-the-year", SECRET_KEY_FALLBACKS=[old]):
        assert queries.verify() == []
        write(2)
        assert queries.verify() == []


def test_核对命令以退出码说话(capsys):
    entries = write(3)
    call_command("verify_ledger")
    assert "3 条记录" in capsys.readouterr().out
    tamper("UPDATE ledger_entry SET reason = 'x' WHERE id = %s", entries[0].pk)
    with pytest.raises(SystemExit) as stopped:
        call_command("verify_ledger")
    assert stopped.value.code == 1
    assert f"记录 {entries[0].pk} 被改动" in capsys.readouterr().err


def test_按对象查历史与按条件检索():
    write(3)
    services.record(SYSTEM, "hotline.assign", ("thing", 1), reason="职责不符")
    assert [entry.action for entry in queries.history(("thing", 1))] == ["hotline.assign", "test.act"]
    assert queries.search(text="职责").count() == 1
    assert queries.search(action="test.").count() == 3
    assert queries.search(since=timezone.now() + timedelta(hours=1)).count() == 0
    assert queries.search(target_kind="thing", until=timezone.now() + timedelta(hours=1)).count() == 4


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(after=JSON, reason=st.text(max_size=30))
def test_任何内容存取后校验码都成立(after, reason):
    entry = services.record(SYSTEM, "x", ("a", 1), after=after, reason=reason)
    found = Entry.objects.get(pk=entry.pk)
    assert services.mac_matches(services.canon.entry_bytes(found), found.mac, services.canon.ENTRY)
    assert found.after == after
