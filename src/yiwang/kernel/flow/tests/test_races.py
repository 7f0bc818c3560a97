"""Real commits, real threads, real kills: invariants 2, 7, 8, 10, 11, 20, 21, 31, 32, 36 and the numbers."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from threading import Barrier, Thread
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import Error, connection, transaction
from django.test.utils import CaptureQueriesContext

from yiwang.kernel.access.actors import SYSTEM, Conflict, Refused
from yiwang.kernel.calendar import services as calendars
from yiwang.kernel.calendar.workdays import Override
from yiwang.kernel.flow import fold, services
from yiwang.kernel.flow.definitions import Decide
from yiwang.kernel.flow.models import Case, Entry, IssuedNumber, Outbox, Seat
from yiwang.kernel.flow.numbers import book, draw
from yiwang.kernel.flow.outbox import deliver
from yiwang.kernel.flow.testing import check
from yiwang.kernel.flow.tests import flows
from yiwang.kernel.flow.tests.cases import parent_flow
from yiwang.kernel.flow.tests.town import Town, build
from yiwang.kernel.messages.models import Message

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def place() -> Iterator[Town]:
    calendars.publish(SYSTEM, "cn", [Override(date(2026, 1, 1), "rest", "元旦")], "测试通知", years=[2026])
    yield build()
    connection.close()


def together(*steps: Callable[[], object]) -> list[object]:
    """Run steps at the same moment, each on a connection of its own; a refusal is an answer."""
    barrier, answers = Barrier(len(steps)), [None] * len(steps)

    def runner(index: int, step: Callable[[], object]) -> None:
        barrier.wait()
        try:
            answers[index] = step()
        except Refused as refusal:
            answers[index] = refusal
        finally:
            connection.close()

    threads = [Thread(target=runner, args=(index, step)) for index, step in enumerate(steps)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def now(case: Case) -> Case:
    return Case.objects.get(pk=case.pk)


def test_invariant_8_最后签署者必定推进一次_五人同时(place: Town) -> None:
    for number in (4, 5):
        place.post(f"water{number}", "water", "handler")
    version = place.publish(flows.voting(Decide("all")))
    for _ in range(8):
        case = services.open_case(place["operator"], version.code, "会签", organisation_id=place.unit("water"))
        answers = together(*[partial(services.act, place[f"water{number}"], case.pk, "agree")
                             for number in range(1, 6)])  # fmt: skip
        assert all(isinstance(answer, Entry) for answer in answers)
        assert (now(case).outcome, now(case).seq) == ("passed", 6)
        assert Entry.objects.filter(case=case, payload__case__status="closed").count() == 1
        check(now(case))


def test_invariant_7_一席至多一票_十次同时提交(place: Town) -> None:
    version = place.publish(flows.voting(Decide("all")))
    case = services.open_case(place["operator"], version.code, "会签", organisation_id=place.unit("water"))
    answers = together(*[lambda code=code: services.act(place["water1"], case.pk, code)
                         for code in ["agree", "refuse"] * 4])  # fmt: skip
    assert sum(isinstance(answer, Entry) for answer in answers) == 1
    assert all(isinstance(answer, (Entry, Conflict)) for answer in answers)
    check(now(case))


def test_invariant_11_办理_撤件_转办_退回_终止同时_恰一个成功(place: Town) -> None:
    version = place.publish(flows.hotline())
    for _ in range(4):
        case = services.open_case(place["operator"], version.code, "件", organisation_id=place.unit("centre"))
        services.act(place["operator"], case.pk, "submit")
        services.act(place["operator2"], case.pk, "send", data={"to": place.unit("water")})
        services.act(place["water1"], case.pk, "finish", opinion="好")
        head = place["water_head"]
        seat = Seat.objects.get(case=case, state="open").pk
        answers = together(
            partial(services.act, head, case.pk, "agree", seat_id=seat),
            partial(services.withdraw, place["water1"], case.pk),
            partial(services.transfer, head, case.pk, to=place.at("roads_head"), seat_id=seat),
            partial(services.send_back, head, case.pk, to="handle", opinion="退", seat_id=seat),
        )
        lost = [answer for answer in answers if isinstance(answer, Refused)]
        assert len(lost) == 3
        assert any("于 20" in refusal.message for refusal in lost)
        check(now(case))


def test_invariant_10_同一提交标识_一次效果_同一答复(place: Town) -> None:
    version = place.publish(flows.plain(3))
    answers = together(*[
        lambda: services.open_case(place["operator"], version.code, "件", organisation_id=place.unit("centre"), key="o")
    ] * 4)  # fmt: skip
    assert len({answer.pk for answer in answers}) == 1
    case = next(answer for answer in answers if isinstance(answer, Case))
    entries = together(*[lambda: services.act(place["operator"], case.pk, "go", key="a")] * 6)
    assert len({entry.pk for entry in entries}) == 1
    assert now(case).seq == 2
    with pytest.raises(Conflict, match="另一操作"):
        services.act(place["operator"], case.pk, "note", key="a")


@pytest.mark.parametrize("key", ["a\0b", "k" * 81], ids=["null", "long"])
def test_坏的提交标识得到一句话_什么也没办(place: Town, key: str) -> None:
    version = place.publish(flows.plain(2))
    with pytest.raises(Conflict, match="提交标识"):
        services.open_case(place["operator"], version.code, "件", organisation_id=place.unit("centre"), key=key)
    assert not Case.objects.exists()


def crash(town: Town, case: Case, action: str, statement: int, key: str) -> int:
    actor = town["operator"]
    database = settings.DATABASES["default"]
    name, port = connection.settings_dict["NAME"], f"&port={database['PORT']}" if database["PORT"] else ""
    who = f"{quote(database['USER'])}:{quote(database['PASSWORD'], safe='')}"
    url = f"postgresql://{who}@/{name}?host={quote(database['HOST'], safe='')}{port}"
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("killed.py")), str(case.pk), str(actor.person_id),
         str(actor.primary_post_id), str(actor.organisation_id), action, str(statement), key],
        env={**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "yiwang.site.settings"}, check=False,
        capture_output=True,
    )  # fmt: skip
    return done.returncode


def facts(case: Case) -> tuple[object, ...]:
    state = fold.stored(case.pk)
    return (state.case, state.seats, state.seq, Entry.objects.filter(case=case).count(),
            Outbox.objects.filter(case=case).count(), fold.broken(case.pk))  # fmt: skip


@pytest.mark.slow
def test_invariant_31_10_在任一语句被杀_要么全有要么全无_重发得同一答复(place: Town) -> None:
    version = place.publish(flows.plain(3))
    case = services.open_case(place["operator"], version.code, "件", organisation_id=place.unit("centre"))
    before = facts(case)
    # lock, answer of the key, seats, next holders, everything written: the last one before the commit.
    for statement in (2, 5):
        assert crash(place, case, "go", statement, "k") == -signal.SIGKILL
        assert facts(case) == before
    assert crash(place, case, "go", 99, "k") == -signal.SIGKILL
    after = facts(case)
    assert after[2] == before[2] + 1
    entry = services.act(place["operator"], case.pk, "go", key="k")
    assert (entry.seq, facts(case)) == (after[2], after)
    check(now(case))


def test_invariant_20_21_末个子案件同时办结_级联挂起_不死锁(place: Town) -> None:
    top, low = place.publish(parent_flow()), place.publish(flows.voting(Decide("any")))
    case = services.open_case(place["operator"], top.code, "一件事", organisation_id=place.unit("centre"))
    units = ("water", "roads", "police")
    children = [services.open_case(place["operator"], low.code, unit, organisation_id=place.unit(unit), parent=case.pk)
                for unit in units]  # fmt: skip
    answers = together(
        *[lambda u=unit, c=child: services.act(place[f"{u}1"], c.pk, "agree")
          for unit, child in zip(units, children, strict=True)],
        lambda: services.suspend(place["operator"], case.pk, cause="鉴定", basis="法", cascade=True),
        lambda: services.open_case(place["operator"], low.code, "再办", organisation_id=place.unit("water"),
                                   parent=case.pk),
        lambda: services.act(place["operator"], case.pk, "finish"),
    )  # fmt: skip
    assert not any(isinstance(answer, Exception) and not isinstance(answer, Refused) for answer in answers)
    family = [now(case), *Case.objects.filter(parent=case)]
    states = {item.status for item in family if item.outcome == ""}
    assert len(states) == 1 or "suspended" not in {now(case).status}
    if now(case).status == "suspended":
        services.resume(place["operator"], case.pk)
    for child in Case.objects.filter(parent=case, status="open"):
        who = "water1" if child.organisation_id == place.unit("water") else None
        unit = next(name for name in units if place.unit(name) == child.organisation_id)
        services.act(place[who or f"{unit}1"], child.pk, "agree")
    together(deliver, deliver, deliver)
    deliver()
    assert now(case).outcome == "done"
    for item in [case, *Case.objects.filter(parent=case)]:
        check(now(item))


def test_invariant_32_每条应发的至少送达一次_案内有序_去重(place: Town) -> None:
    version = place.publish(flows.plain(4))
    case = services.open_case(place["operator"], version.code, "件", organisation_id=place.unit("centre"))
    for _ in range(3):
        services.act(place["operator"], case.pk, "go")
    owed = Outbox.objects.filter(case=case)
    assert list(owed.order_by("id").values_list("seq", flat=True)) == [1, 2, 3, 4]
    together(deliver, deliver, deliver)
    deliver()
    moments = list(owed.order_by("id").values_list("delivered_at", flat=True))
    assert None not in moments and moments == sorted(moments)
    told = Message.objects.filter(person_id=place["operator"].person_id, dedup__startswith=f"flow:{case.pk}.")
    assert told.count() == 4
    owed.update(delivered_at=None)
    deliver()
    assert told.count() == 4


def test_编号_八人并发随机失败_不重不漏不复用(place: Town) -> None:
    version = place.publish(flows.plain(1))
    case = services.open_case(place["operator"], version.code, "件", organisation_id=place.unit("centre"))
    series = f"文-{place.mark}"

    def issue(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(12):
            try:
                with transaction.atomic():
                    book(draw(f"{series}|{place.mark}〔{{year}}〕{{value}}号", now(case).opened_at), case.pk, 1)
                    if chance.random() < 0.3:
                        raise Conflict("失败")
            except Conflict:
                continue

    together(*[lambda seed=seed: issue(seed) for seed in range(8)])
    values = sorted(IssuedNumber.objects.filter(series__code=series).values_list("value", flat=True))
    assert len(values) > 20
    assert values == list(range(1, len(values) + 1))


@pytest.mark.parametrize("statement", ["update {} set opinion = 'x'", "delete from {}", "truncate {} cascade"])
def test_invariant_4_记录只增不改_链可验(place: Town, statement: str) -> None:
    version = place.publish(flows.plain(2))
    case = services.open_case(place["operator"], version.code, "件", organisation_id=place.unit("centre"))
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format("flow_entry"))
    assert fold.broken(case.pk) == []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("set local session_replication_role = replica")
        cursor.execute("update flow_entry set opinion = 'x' where case_id = %s", [case.pk])
    assert fold.broken(case.pk) == ["第 1 条内容与摘要不符"]


def test_invariant_36_办理一件的代价与案龄无关(place: Town) -> None:
    version = place.publish(flows.plain(2))
    young, old = (services.open_case(place["operator"], version.code, "件", organisation_id=place.unit("centre"))
                  for _ in range(2))  # fmt: skip
    template = Entry.objects.get(case=old)
    rows = [Entry(case=old, seq=seq, kind="act", actor_name="甲", recorded_at=template.recorded_at,
                  happened_at=template.happened_at, hash="0" * 64) for seq in range(2, 10_001)]  # fmt: skip
    Entry.objects.bulk_create(rows, batch_size=2000)
    Case.objects.filter(pk=old.pk).update(seq=10_000)
    counts, spent = [], {young.pk: [], old.pk: []}
    for case in (young, old):
        with CaptureQueriesContext(connection) as captured:
            services.act(place["operator"], case.pk, "note")
        counts.append(len(captured))
    for case in (young, old) * 20:
        start = time.perf_counter()
        services.act(place["operator"], case.pk, "note")
        spent[case.pk].append(time.perf_counter() - start)
    assert counts[0] == counts[1]
    # The quickest of each: what other work on the machine adds is not the case's age.
    assert min(spent[old.pk]) <= 1.5 * min(spent[young.pk])
