"""List pages of a register with a million rows, one reader at a time: scoped, filtered, searched, sorted, deep.

The peer reads by OFFSET and counts exactly.
"""

import gc
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from django.db import connection

from bench.report import Row, write

ROWS, OFFICES, DEPARTMENTS, RUNS, BAR = 1_000_000, 200, 10, 40, 100
FILL = """
INSERT INTO registers_sample_bridge (created_at, updated_at, version, is_demo, number, code, name, note, state, lanes,
    toll, inspected_at, keeper_phone, organisation_id, length)
SELECT now(), now(), 1, true, 'QL' || i, 'B' || i,
    (ARRAY['柳江','文惠','壶东','阳和','白沙','河东'])[1 + i %% 6] || i || (ARRAY['大桥','立交','人行桥'])[1 + i %% 3],
    CASE WHEN i %% 5000 = 0 THEN '伸缩缝渗水' ELSE '' END, (ARRAY['planned','built','closed'])[1 + (i * 7) %% 3],
    2, i %% 10 = 0, timestamptz '2020-01-01' + (i * 7919 %% 200000000) * interval '1 second',
    '138' || lpad(i::text, 8, '0'), %s + (i * 31) %% %s, i %% 900
FROM generate_series(1::bigint, %s) i
"""


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def timed(run: Callable[[int], Any]) -> list[float]:
    run(0)
    found = []
    for turn in range(RUNS):
        started = time.perf_counter()
        run(turn)
        found.append((time.perf_counter() - started) * 1000)
    return found


def fill(world: Any, bridge: Any) -> tuple[list[Any], list[Any]]:
    """Departments, their offices, and a million bridges spread over the offices."""
    root = world.organisation("ROOT", "示例市")
    departments = [world.organisation(f"D{index}", f"部门{index}", root) for index in range(DEPARTMENTS)]
    offices = [world.organisation(f"O{i}", f"处{i}", departments[i % DEPARTMENTS]) for i in range(OFFICES)]
    with connection.schema_editor() as editor:
        for index in bridge._meta.indexes:
            editor.remove_index(bridge, index)
    with connection.cursor() as cursor:
        # Otherwise the foreign keys of every generated row are checked one by one.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(FILL, [offices[0].pk, OFFICES, ROWS])
        cursor.execute("RESET session_replication_role")
        cursor.execute("SET maintenance_work_mem = '512MB'")
    with connection.schema_editor() as editor:
        for index in bridge._meta.indexes:
            editor.add_index(bridge, index)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE registers_sample_bridge")
    return departments, offices


def after(world: Any, who: Any, rows: int) -> str:
    """The address of the page behind so many rows, found by following "next"."""
    mark = ""
    for _ in range(rows // 200):
        text = world.browse(who, f"/r/sample.bridge/?size=200&after={mark}", htmx="rows").content.decode()
        mark = text.split('rel="next"')[0].rsplit("after=", 1)[1].split('"')[0].split("&")[0]
    return mark


def measure() -> tuple[dict[str, list[float]], list[float]]:
    world = import_module("yiwang.kernel.registers.tests.world")
    bridge = import_module("yiwang.kernel.registers.tests.sample.models").Bridge
    register = import_module("yiwang.kernel.registers.tests.sample.registers").BRIDGES
    departments, offices = fill(world, bridge)
    head, clerk = world.actor(register, departments[0]), world.actor(register, offices[7])
    city = world.actor(register, departments[0], scope=import_module("yiwang.kernel.access.terms").Scope.ALL)
    deep = after(world, city, 12_000)
    # As the server does at its start.
    gc.freeze()

    def page(who: Any, query: Callable[[int], str]) -> list[float]:
        def run(turn: int) -> None:
            assert world.browse(who, f"/r/sample.bridge/?{query(turn)}").status_code == 200

        return timed(run)

    def offset(turn: int) -> None:
        rows = bridge.objects.filter(organisation__path__startswith=departments[0].path, state="built")
        start = random.Random(turn).randrange(20_000)
        assert rows.count() and list(rows.select_related("organisation").order_by("-inspected_at")[start : start + 50])

    cases = {
        "department's scope, newest first": page(head, lambda turn: "sort="),
        "department's scope, state and dates": page(
            head, lambda turn: f"state=built&inspected_at.from=2022-0{1 + turn % 6}-01&inspected_at.to=2023-01-01"
        ),
        "office's scope, state": page(clerk, lambda turn: f"state={('built', 'planned')[turn % 2]}"),
        "two-character word, department's scope": page(head, lambda turn: "q=渗水"),
        "common word and number, department's scope": page(head, lambda turn: f"q=柳江 {turn % 9}1"),
        "another office filtered in scope": page(head, lambda turn: f"organisation={offices[turn % 20 * 10].pk}"),
        "whole city, newest first": page(city, lambda turn: ""),
        "whole city, page behind 12,000 rows": page(city, lambda turn: f"size=50&after={deep}"),
        "whole city, by code": page(city, lambda turn: f"sort={('code', '-code')[turn % 2]}"),
        "whole city, by a column without index": page(city, lambda turn: f"sort={('length', '-name')[turn % 2]}"),
        "whole city, a number": page(city, lambda turn: f"q=QL{700_000 + turn * 137}"),
        "whole city, a word of a third of all": page(city, lambda turn: "q=大桥"),
        "whole city, text filter": page(city, lambda turn: f"name=柳江{turn}1"),
        "whole city, filter on a masked telephone": page(city, lambda turn: f"keeper_phone=138000{10 + turn}"),
    }
    return cases, timed(offset)


def main() -> bool:
    # The measured register is the tests' own, so their settings come before bench.scratch sets Django up.
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    with import_module("bench.scratch").database("registers"):
        cases, peer = measure()
    rows = [
        Row(f"{name}: p95 (median)", f"{p95(times):.0f} ms ({statistics.median(times):.0f})", f"≤{BAR} ms", p95(times) <= BAR)
        for name, times in cases.items()
    ]  # fmt: skip
    rows.append(Row("peer: OFFSET page with exact count, rows only: p95", f"{p95(peer):.0f} ms"))
    return write("register_list", rows)


if __name__ == "__main__":
    sys.exit(not main())
