"""Families of cases put through acts of several actors at the same moment, and what must hold after every moment.

Invariant 21: a cascade reaches every descendant or none, and nothing deadlocks, whatever the order.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from threading import Barrier
from typing import Any

from django.db import connection
from django.utils import timezone

from yiwang.kernel.access.actors import Refused
from yiwang.kernel.flow import services
from yiwang.kernel.flow.definitions import Decide
from yiwang.kernel.flow.fold import State, apply
from yiwang.kernel.flow.models import Case, Entry, Link, Outbox
from yiwang.kernel.flow.outbox import deliver
from yiwang.kernel.flow.terms import TRIES
from yiwang.kernel.flow.testing import check
from yiwang.kernel.flow.tests import flows
from yiwang.kernel.flow.tests.cases import parent_flow
from yiwang.kernel.flow.tests.town import Town

UNITS = ("water", "roads", "police")
ACTORS = 3
LARGEST = 12


@dataclass
class Report:
    """What a run did: moments of simultaneous acts, how each act ended, what the server counted."""

    moments: int = 0
    families: int = 0
    cascades: int = 0
    reached: int = 0
    deadlocks: int = 0
    seconds: float = 0.0
    ended: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "Report") -> "Report":
        return Report(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


@dataclass
class Driver:
    town: Town
    chance: random.Random
    report: Report = field(default_factory=Report)
    family: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.top = self.town.publish(parent_flow()).code
        self.low = self.town.publish(flows.voting(Decide("any"))).code
        self.barrier = Barrier(ACTORS)
        self.pool = ThreadPoolExecutor(ACTORS)
        self.returned: dict[tuple[int, int], datetime] = {}

    def open(self, flow: str, parent: int | None = None) -> int:
        unit = self.town.unit(self.chance.choice(UNITS))
        actor = self.town["operator"]
        return services.open_case(actor, flow, "一件事", organisation_id=unit, parent=parent).pk

    def renew(self) -> None:
        """A root, a middle with two children of its own, and one child beside it."""
        self.settle()
        root = self.open(self.top)
        middle = self.open(self.top, root)
        self.family = [root, middle, *(self.open(self.low, parent) for parent in (middle, middle, root))]
        self.returned = {}
        self.report.families += 1

    def step(self) -> tuple[str, Callable[[], object]]:
        operator, chance = self.town["operator"], self.chance
        case, parent = chance.choice(self.family), chance.choice(self.family[:2])
        signer = self.town[f"{chance.choice(UNITS)}{chance.randint(1, 3)}"]
        child = chance.choice(self.family[1:])
        steps: list[tuple[str, Callable[[], object]]] = [
            ("suspend", lambda: services.suspend(operator, parent, cause="鉴定", basis="行政许可法第四十五条", cascade=True)),
            ("suspend", lambda: services.suspend(operator, case, cause="鉴定", basis="行政许可法第四十五条", cascade=True)),
            ("resume", lambda: services.resume(operator, case)),
            ("resume", lambda: services.resume(operator, parent)),
            ("terminate", lambda: services.terminate(operator, case, cascade=True, opinion="重复")),
            ("agree", lambda: services.act(signer, case, "agree")),
            ("agree", lambda: services.act(signer, child, "agree")),
            ("finish", lambda: services.act(operator, parent, "finish")),
            ("open", lambda: services.open_case(operator, self.low, "再办", organisation_id=self.town.unit("water"),
                                                parent=parent)),
            ("reopen", lambda: services.reopen(operator, child, opinion="再办")),
            ("release", lambda: services.release_child(operator, parent, child=child, opinion="另办")),
            ("copy", lambda: services.copy(operator, case, to=[self.town.at("police1")])),
            ("deliver", deliver),
        ]  # fmt: skip
        return chance.choice(steps)

    def moment(self) -> None:
        """Three acts released together; every one ends as done or as a refusal in words."""
        steps = [self.step() for _ in range(ACTORS)]
        for code, answer in self.pool.map(self._take, steps):
            if isinstance(answer, Refused):
                assert answer.message, code
            self.report.ended[f"{code}:{'refused' if isinstance(answer, Refused) else 'done'}"] += 1
        self.report.moments += 1
        root = self.family[0]
        self.family = [root, *Case.objects.filter(root_id=root).order_by("id").values_list("pk", flat=True)]
        self.see_cascades()

    def _take(self, named: tuple[str, Callable[[], object]]) -> tuple[str, object]:
        code, step = named
        self.barrier.wait(60)
        try:
            answer = step()
        except Refused as refusal:
            answer = refusal
        if isinstance(answer, Entry) and answer.kind in ("suspend", "terminate"):
            self.returned[answer.case_id, answer.seq] = timezone.now()
        return code, answer

    def see_cascades(self) -> None:
        """All or none: who was open for as long as a cascade ran has its entry; an entry without its cause is nobody's."""
        if not self.returned:
            return
        known = {(entry.case_id, entry.seq): entry for entry in Entry.objects.filter(case_id__in=self.family)}
        parents = dict(Case.objects.filter(pk__in=self.family).values_list("pk", "parent_id"))
        touched = {(entry.case_id, *entry.payload["facts"]["because"])
                   for entry in known.values() if "because" in entry.payload.get("facts", {})}  # fmt: skip
        for _, case_id, seq in touched:
            assert (case_id, seq) in known, "a descendant was reached by a cascade that did not happen"
        for mark, over in list(self.returned.items()):
            cause = known[mark]
            self.report.cascades += 1
            for pk in self.family:
                if not below(pk, cause.case_id, parents):
                    continue
                if (pk, *mark) in touched:
                    self.report.reached += 1
                else:
                    assert not open_throughout(known, pk, cause, over), f"{cause.kind} of {mark} left out {pk}"
        self.returned.clear()

    def settle(self) -> None:
        """Everything owed is delivered, every case is what its entries say, and parents know their children."""
        for _ in range(TRIES):
            # One that met a lock for longer than it waits is put off for seconds; here its time has come.
            Outbox.objects.filter(delivered_at=None).update(not_before=timezone.now())
            while deliver():
                pass
        assert not Outbox.objects.filter(case_id__in=self.family, delivered_at=None).exists(), "20: not delivered"
        for case in Case.objects.filter(pk__in=self.family):
            check(case)
            children = list(Link.objects.filter(source=case, kind="child").select_related("target"))
            if case.outcome == "done" and case.flow == self.top:
                assert all(link.released or link.target.status == "closed" for link in children), (
                    "20: gate passed early"
                )
            if case.status != "closed":
                told = case.memory.get("children", {})
                assert all(told[str(link.target_id)] != "open" or link.target.status != "closed" for link in children)

    def close(self) -> None:
        list(self.pool.map(lambda _: (self.barrier.wait(60), connection.close()), range(ACTORS)))
        self.pool.shutdown()


def below(pk: int | None, top: int, parents: dict[int, int | None]) -> bool:
    step = parents.get(pk) if pk is not None else None
    while step is not None and step != top:
        step = parents.get(step)
    return step == top


def open_throughout(known: dict[tuple[int, int], Entry], pk: int, cause: Entry, over: datetime) -> bool:
    """Whether the case was open from before the cascade began until after it had returned."""
    entries = sorted((entry for (case_id, _), entry in known.items() if case_id == pk), key=lambda entry: entry.seq)
    state, open_now, seen = State(), False, False
    for entry in entries:
        if not seen and entry.recorded_at >= cause.recorded_at:
            seen = True
            if not open_now:
                return False
        if entry.recorded_at > over:
            break
        state = apply(state, entry.payload, entry.seq)
        open_now = state.case.get("status") == "open"
        if seen and not open_now:
            return False
    return open_now


def deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select pg_stat_clear_snapshot(), pg_stat_force_next_flush()")
        cursor.execute("select deadlocks from pg_stat_database where datname = current_database()")
        found: Any = cursor.fetchone()
    return int(found[0])


def run(town: Town, moments: int, seed: int = 1) -> Report:
    """So many moments of simultaneous acts; a family is replaced when it is closed or has grown large."""
    driver, before, start = Driver(town, random.Random(seed)), deadlocks(), time.monotonic()
    driver.renew()
    try:
        for _ in range(moments):
            driver.moment()
            if Case.objects.get(pk=driver.family[0]).status == "closed" or len(driver.family) > LARGEST:
                driver.renew()
        driver.settle()
    finally:
        driver.close()
    report = driver.report
    report.seconds, report.deadlocks = time.monotonic() - start, deadlocks() - before
    return report
