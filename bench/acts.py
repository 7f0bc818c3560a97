"""The engine measured: acts a second, five signers at once, old cases; with peers in the same run.

Statements commit durably. The peer of the acts is the same statements in plain SQL; of a human step, SpiffWorkflow in
memory. The inbox has a benchmark of its own.
"""

# ruff: noqa: ISC004 - statements over our own numbers and names

import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from importlib import import_module
from multiprocessing import get_context
from typing import Any

import psycopg
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench.report import Row, write
from bench.scratch import database
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.calendar import services as calendars
from yiwang.kernel.calendar.workdays import Override
from yiwang.kernel.flow import services
from yiwang.kernel.flow.definitions import Decide
from yiwang.kernel.flow.models import Case, Entry
from yiwang.kernel.flow.tests import flows
from yiwang.kernel.flow.tests.town import Town, build
from yiwang.kernel.flow.work import LOCK, SEATS

CLIENTS, SECONDS, SIGNINGS, NOTES = 8, 8.0, 200, 60
LEAST_RATE, MOST_P99_MS, MOST_RATIO = 300, 150, 1.5


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def client(own: str, actor: Any, case_ids: list[int], seconds: float, start: Any, results: Any) -> None:
    """One client: works through its cases until the time is over."""
    connection.close()
    connection.settings_dict["NAME"] = own
    spent: list[float] = []
    services.act(actor, case_ids[0], "note")
    start.wait()
    end = time.perf_counter() + seconds
    for case_id in case_ids[1:]:
        for _ in range(5):
            if time.perf_counter() > end:
                break
            begin = time.perf_counter()
            services.act(actor, case_id, "go")
            spent.append(time.perf_counter() - begin)
    connection.close()
    results.put(spent)


def dsn() -> str:
    own = connection.settings_dict
    return psycopg.conninfo.make_conninfo(
        dbname=own["NAME"], user=own["USER"], password=own["PASSWORD"], host=own["HOST"], port=own["PORT"]
    )


PLAIN = (
    LOCK,
    SEATS,
    "insert into flow_entry (case_id, seq, kind, action, stage, person_id, post_id, organisation_id, actor_name, "
    "recorded_at, happened_at, opinion, payload, prev_hash, hash) values (%(case)s, %(seq)s, 'act', 'go', 's0', "
    "%(person)s, %(post)s, %(unit)s, '甲', now(), now(), '', %(payload)s, %(hash)s, %(hash)s) returning id",
    "update flow_case set seq = %(seq)s, head = %(hash)s, stage = 's1', seats_made = %(seq)s, memory = %(payload)s "
    "where id = %(case)s",
    "update flow_seat set state = 'done', verdict = 'pass', person_id = %(person)s, closed_seq = %(seq)s, "
    "closed_at = now() where case_id = %(case)s and ref = %(seq)s - 1",
    "insert into flow_seat (case_id, ref, stage, round, kind, state, verdict, pool, organisation_id, weight, counts, "
    "mandatory, lead, after, origin, task, fault, opened_seq, closed_seq, opened_at) values (%(case)s, %(seq)s, 's1', "
    "1, 'handle', 'open', '', 'operator', %(unit)s, 1, true, false, true, 0, 0, '', '', %(seq)s, 0, now()) returning id",
    "insert into flow_outbox (case_id, seq, kind, payload, dedup, attempts, problem, not_before) values "
    "(%(case)s, %(seq)s, 'seats', '{}', %(dedup)s, 0, '', now()) returning id",
)


def plain_client(address: str, actor: Any, case_id: int, seconds: float, start: Any, results: Any) -> None:
    """The statements of an act in plain SQL: no framework, no decisions, the same locks, rows and commits."""
    spent: list[float] = []
    facts = {
        "case": case_id, "person": actor.person_id, "post": actor.primary_post_id, "unit": actor.organisation_id,
        "today": datetime.now(UTC).date(), "now": datetime.now(UTC), "secrecy": 0, "flow": "line", "stage": "s0", "round": 1,
        "posts": list(actor.post_ids),
        "payload": json.dumps({"case": {"memory": {"+": {"path": ["s0", "s1"]}}}}), "hash": "0" * 64,
    }  # fmt: skip
    with psycopg.connect(address, autocommit=True) as plain:
        start.wait()
        end, seq = time.perf_counter() + seconds, 100
        while time.perf_counter() < end:
            seq += 1
            begin = time.perf_counter()
            with plain.transaction(), plain.cursor() as cursor:
                for statement in PLAIN:
                    cursor.execute(statement, {**facts, "seq": seq, "dedup": f"{case_id}.{seq}"})
            spent.append(time.perf_counter() - begin)
    results.put(spent)


def parallel(
    target: Callable[..., None], arguments: list[tuple[Any, ...]], seconds: float
) -> tuple[float, list[float]]:
    context = get_context("fork")
    start, results = context.Barrier(len(arguments)), context.Queue()
    connection.close()
    processes = [context.Process(target=target, args=(*each, seconds, start, results)) for each in arguments]
    for process in processes:
        process.start()
    spent = [value for _ in processes for value in results.get(timeout=seconds + 120)]
    for process in processes:
        process.join()
    return len(spent) / seconds, spent


def acts(town: Town, seconds: float) -> list[Row]:
    """Every act signs, decides, leaves a stage, opens the next one's seat and owes a message."""
    version = town.publish(flows.plain(6))
    actor, own = town["operator"], connection.settings_dict["NAME"]
    need = int(seconds * 700 / 5 / CLIENTS) + 2
    work = [
        [services.open_case(actor, version.code, "件", organisation_id=town.unit("centre")).pk for _ in range(need)]
        for _ in range(CLIENTS)
    ]
    rate, spent = parallel(client, [(own, actor, cases) for cases in work], seconds)
    own_cases = [services.open_case(actor, version.code, "件", organisation_id=town.unit("centre")).pk
                 for _ in range(CLIENTS)]  # fmt: skip
    plain, plain_spent = parallel(plain_client, [(dsn(), actor, case_id) for case_id in own_cases], seconds)
    median, slowest = (percentile(spent, share) * 1000 for share in (0.5, 0.99))
    return [
        Row(f"acts through services, {CLIENTS} clients", f"{rate:.0f}/s", f"≥{LEAST_RATE}/s", rate >= LEAST_RATE),
        Row("their p99 (median)", f"{slowest:.0f} ms ({median:.1f})", f"≤{MOST_P99_MS} ms", slowest <= MOST_P99_MS),
        Row(f"peer: the same statements in plain SQL, {CLIENTS} clients",
            f"{plain:.0f}/s, p99 {percentile(plain_spent, 0.99) * 1000:.0f} ms; ours is {rate / plain:.2f} of that"),
    ]  # fmt: skip


def signers(town: Town, rounds: int) -> list[Row]:
    """Five people sign at the same moment: every case must advance exactly once."""
    for number in (4, 5):
        town.post(f"water{number}", "water", "handler")
    version = town.publish(flows.voting(Decide("all")))
    unit = town.unit("water")
    cases = [services.open_case(town["operator"], version.code, "会签", organisation_id=unit).pk for _ in range(rounds)]
    context = get_context("fork")
    barrier, own = context.Barrier(5), connection.settings_dict["NAME"]
    connection.close()

    def sign(number: int) -> None:
        connection.close()
        connection.settings_dict["NAME"] = own
        for case_id in cases:
            barrier.wait()
            services.act(town[f"water{number}"], case_id, "agree")
        connection.close()

    begin = time.perf_counter()
    processes = [context.Process(target=sign, args=(number,)) for number in range(1, 6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    spent = time.perf_counter() - begin
    right = Case.objects.filter(pk__in=cases, outcome="passed", seq=6).count()
    once = Entry.objects.filter(case_id__in=cases, payload__case__status="closed").count()
    return [
        Row(f"five simultaneous signers × {rounds}: advanced / closings", f"{right} / {once}, {spent:.1f} s",
            "each exactly once", right == once == rounds)
    ]  # fmt: skip


def old_case(town: Town) -> list[Row]:
    version = town.publish(flows.plain(2))
    actor = town["operator"]
    young, old = (services.open_case(actor, version.code, "件", organisation_id=town.unit("centre")) for _ in range(2))
    first = Entry.objects.get(case=old)
    Entry.objects.bulk_create(
        [Entry(case=old, seq=seq, kind="act", actor_name="甲", recorded_at=first.recorded_at,
               happened_at=first.happened_at, hash="0" * 64) for seq in range(2, 10_001)], batch_size=2000
    )  # fmt: skip
    Case.objects.filter(pk=old.pk).update(seq=10_000)
    medians = []
    for case in (young, old):
        spent = []
        for _ in range(NOTES):
            begin = time.perf_counter()
            services.act(actor, case.pk, "note")
            spent.append(time.perf_counter() - begin)
        medians.append(statistics.median(spent) * 1000)
    ratio = medians[1] / medians[0]
    return [
        Row("act on a case with 10,000 entries vs 10", f"{ratio:.2f}× ({medians[1]:.2f} ms vs {medians[0]:.2f} ms)",
            f"≤{MOST_RATIO:g}×", ratio <= MOST_RATIO)
    ]  # fmt: skip


def spiff() -> list[Row]:
    """SpiffWorkflow: load, run one human step, save; no database, no permissions, no record of who did it."""
    # Loaded by name: its packages come without types.
    parsing = import_module("SpiffWorkflow.bpmn.parser")
    saving = import_module("SpiffWorkflow.bpmn.serializer")
    running = import_module("SpiffWorkflow.bpmn.workflow")
    ready = import_module("SpiffWorkflow.task").TaskState.READY
    steps = "".join(
        f'<bpmn:manualTask id="t{i}"/><bpmn:sequenceFlow id="f{i + 1}" sourceRef="t{i}" targetRef='
        f'"{f"t{i + 1}" if i < 5 else "end"}"/>' for i in range(6)
    )  # fmt: skip
    text = (
        '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" targetNamespace="x">'
        '<bpmn:process id="p" isExecutable="true"><bpmn:startEvent id="start"/><bpmn:endEvent id="end"/>'
        f'<bpmn:sequenceFlow id="f0" sourceRef="start" targetRef="t0"/>{steps}</bpmn:process></bpmn:definitions>'
    )
    parser = parsing.BpmnParser()
    parser.add_bpmn_str(text.encode())
    workflow, serializer = running.BpmnWorkflow(parser.get_spec("p")), saving.BpmnWorkflowSerializer()
    workflow.do_engine_steps()
    spent, saved = [], serializer.serialize_json(workflow)
    for _ in range(30):
        state = saved
        for _ in range(6):
            begin = time.perf_counter()
            workflow = serializer.deserialize_json(state)
            workflow.get_next_task(state=ready, manual=True).run()
            workflow.do_engine_steps()
            state = serializer.serialize_json(workflow)
            spent.append((time.perf_counter() - begin) * 1000)
    return [
        Row("peer: SpiffWorkflow, one human step in memory: no database, no permissions, no record",
            f"{statistics.median(spent):.2f} ms, {len(saved) / 1024:.0f} KB of state a case")
    ]  # fmt: skip


def one_step(town: Town) -> list[Row]:
    version = town.publish(flows.plain(6))
    spent, asked = [], 0
    for _ in range(20):
        case = services.open_case(town["operator"], version.code, "件", organisation_id=town.unit("centre"))
        for _ in range(5):
            begin = time.perf_counter()
            services.act(town["operator"], case.pk, "go")
            spent.append((time.perf_counter() - begin) * 1000)
        with CaptureQueriesContext(connection) as captured:
            services.act(town["operator"], case.pk, "note")
        asked = len(captured)
    return [
        Row("one human step here, durable, alone: median", f"{statistics.median(spent):.2f} ms, {asked} statements a note")
    ]  # fmt: skip


def main() -> bool:
    with database("acts"):
        calendars.publish(SYSTEM, "cn", [Override(date(2026, 1, 1), "rest", "元旦")], "基准", years=[2026])
        town = build()
        rows = one_step(town) + spiff() + acts(town, SECONDS) + signers(town, SIGNINGS) + old_case(town)
    return write("acts", rows)


if __name__ == "__main__":
    sys.exit(not main())
