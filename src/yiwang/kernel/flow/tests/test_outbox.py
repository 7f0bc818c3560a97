"""What entries owe: a row that can't be delivered is counted, put off, parked with an alarm, and holds nobody back."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from yiwang.kernel.access.actors import SYSTEM, Conflict, Permission, Refused
from yiwang.kernel.access.terms import Scope
from yiwang.kernel.flow import fold, services
from yiwang.kernel.flow.models import Case, Outbox
from yiwang.kernel.flow.outbox import deliver
from yiwang.kernel.flow.queries import parked
from yiwang.kernel.flow.terms import TRIES
from yiwang.kernel.flow.tests import flows
from yiwang.kernel.flow.tests.town import Town
from yiwang.kernel.ledger.queries import history


def opened(town: Town) -> Case:
    version = town.publish(flows.plain(3))
    return services.open_case(town["operator"], version.code, "件", organisation_id=town.unit("centre"))


def poison(case: Case) -> Outbox:
    """A kind that no handler knows, as an older worker would meet it."""
    return Outbox.objects.create(case=case, seq=1, kind="unheard", payload={}, dedup=f"{case.pk}.poison")


def test_刚登记的案件_重放与存储一致(town: Town) -> None:
    case = opened(town)
    replayed, stored = fold.replay(case.pk), fold.stored(case.pk)
    assert (replayed.case, replayed.seats, replayed.seq) == (stored.case, stored.seats, stored.seq)


def test_坏消息记一次失败并推迟_不挡别案(town: Town) -> None:
    Outbox.objects.update(delivered_at=timezone.now())
    first, other = opened(town), None
    bad = poison(first)
    services.act(town["operator"], first.pk, "go")
    other = opened(town)
    deliver()
    bad.refresh_from_db()
    assert (bad.attempts, bad.delivered_at) == (1, None)
    assert "unheard" in bad.problem and bad.not_before > timezone.now()
    assert not Outbox.objects.filter(case=other, delivered_at=None).exists()
    assert list(Outbox.objects.filter(case=first, delivered_at=None).order_by("id").values_list("seq", flat=True)) == [
        1,
        2,
    ]


def test_坏消息搁置后有告警_同案其余照送(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    case = opened(town)
    bad = poison(case)
    services.act(town["operator"], case.pk, "go")
    Outbox.objects.filter(pk=bad.pk).update(attempts=TRIES - 1, not_before=timezone.now() - timedelta(seconds=1))
    deliver()
    deliver()
    assert list(parked().filter(case=case)) == [bad]
    assert not Outbox.objects.filter(case=case, delivered_at=None).exclude(pk=bad.pk).exists()
    assert "parked" in caplog.text
    assert [entry.action for entry in history(("flow.case", case.pk))] == ["flow.outbox.park"]


def test_搁置的消息由系统管理员重送_留痕且只此一次(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    case = opened(town)
    Outbox.objects.filter(case=case).update(attempts=TRIES, problem="KeyError: 渠道停用")
    row = Outbox.objects.get(case=case)
    with pytest.raises(Refused, match="没有对“搁置的待送达”的“重送”权限"):
        services.redeliver(town["operator"], row.pk)
    assert deliver() == 0 and list(parked()) == [row]
    keeper = replace(town["mayor"], permissions={("jobs.parked_message", "retry"): (Permission(Scope.ALL, 1, "/"),)})
    services.redeliver(keeper, row.pk)
    assert deliver() == 1 and not parked().exists()
    [entry] = history(("flow.case", case.pk))
    assert (entry.action, entry.before, entry.person_id) == (
        "flow.outbox.retry", {"problem": "KeyError: 渠道停用"}, keeper.person_id,
    )  # fmt: skip
    with pytest.raises(Conflict, match="没有被搁置"):
        services.redeliver(keeper, row.pk)


def test_重送后仍失败_再次搁置(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    case = opened(town)
    bad = poison(case)
    Outbox.objects.exclude(pk=bad.pk).update(delivered_at=timezone.now())
    Outbox.objects.filter(pk=bad.pk).update(attempts=TRIES)
    services.redeliver(SYSTEM, bad.pk)
    for _ in range(TRIES):
        Outbox.objects.filter(pk=bad.pk).update(not_before=timezone.now() - timedelta(seconds=1))
        deliver()
    assert list(parked()) == [bad]
    assert [entry.action for entry in history(("flow.case", case.pk))] == ["flow.outbox.park", "flow.outbox.retry"]
