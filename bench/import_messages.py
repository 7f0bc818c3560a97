"""Import of the real messages to opened, triaged cases, through the register's own door.

`./run bench import_messages`; needs the shared data beside the repository and skips without it. Figures are the median
of three imports, each rolled back.
"""

import csv
import statistics
import sys
import time
from pathlib import Path

from django.core.management import call_command
from django.db import transaction

from bench.report import Row, write
from bench.scratch import database
from yiwang.city.hotline.models import Request, TriageDecision
from yiwang.city.hotline.registers import REQUESTS
from yiwang.city.hotline.services import triage
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.files import sheets
from yiwang.kernel.flow.models import Case
from yiwang.kernel.people.models import Person
from yiwang.kernel.people.queries import actor_of_person
from yiwang.kernel.registers.importing import guess
from yiwang.kernel.registers.services.imports import rows_of
from yiwang.kernel.search.tests import shared
from yiwang.site import demo_city

BAR, ROUNDS = 20, 3


def holder(post: str) -> Actor:
    return actor_of_person(
        Person.objects.get(appointments__post__code=post, appointments__post__organisation__code="HOTLINE")
    )


def train(folder: Path) -> None:
    with (folder / "labelled.csv").open(encoding="utf-8-sig") as stream:
        pairs = [(row["text"], row["label"]) for row in csv.DictReader(stream)]
    triage.train(holder("manager"), [text for text, _ in pairs], [label for _, label in pairs])


def once(folder: Path) -> tuple[float, int, int, int]:
    """Seconds from the file on disk to opened, triaged cases; cases, triaged, abstained."""
    actor, began = holder("dispatcher"), time.perf_counter()
    with transaction.atomic():
        with (folder / "messages.xlsx").open("rb") as stream:
            table = sheets.read(stream, "messages.xlsx")
        result = rows_of(actor, REQUESTS, table, guess(actor, REQUESTS, table.headers))
        seconds = time.perf_counter() - began
        assert not result.errors, result.errors
        decisions = TriageDecision.objects.count()
        abstained = TriageDecision.objects.filter(proposed="").count()
        assert result.created == Case.objects.count() == Request.objects.count()
        transaction.set_rollback(True)
    return seconds, result.created, decisions, abstained


def main() -> int:
    folder = shared.place()
    if folder is None:
        print("没有共享数据（messages.xlsx），跳过。可用 YIWANG_SHARED 指定所在目录。")
        return 0
    with database("import_messages"):
        for command in ("seed_standards", "declare_roles", "publish_flows"):
            call_command(command, verbosity=0)
        demo_city.build()
        train(folder)
        runs = [once(folder) for _ in range(ROUNDS)]
    seconds = statistics.median(run[0] for run in runs)
    _, cases, decisions, abstained = runs[0]
    met = write(
        "import_messages",
        [
            Row("import to opened, triaged cases", f"{seconds:.1f} s", f"≤ {BAR} s", seconds <= BAR),
            Row("cases", f"{cases:,}"),
            Row("triaged", f"{decisions - abstained:,}"),
            Row("abstained, left to a person", f"{abstained:,}"),
        ],
    )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
