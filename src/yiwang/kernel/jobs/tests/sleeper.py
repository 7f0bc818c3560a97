"""A worker with a job that leaves traces in the file system, started as a process of its own by the tests."""

import os
import time
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import transaction

from yiwang.kernel.jobs.loops import register
from yiwang.kernel.jobs.services import enqueue
from yiwang.kernel.jobs.tasks import Outcome, job


@job("test.sleeper", retries=5)
def sleeper(*, directory: str, seconds: float) -> Outcome:
    """Appends a line at each start; its effect is one file however often it runs."""
    place = Path(directory)
    with (place / "starts").open("a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(seconds if len((place / "starts").read_text().splitlines()) == 1 else 0)
    (place / "effect").write_text("done")
    return Outcome(message="做完")


def broken() -> int:
    """What it queues must go with its transaction."""
    with transaction.atomic():
        enqueue(sleeper, title="随事务作废", directory="", seconds=0)
        raise ValueError("这个循环总是失败")


def main(var: str) -> None:
    settings.VAR = Path(var)
    register("test.broken", broken, 0.2)
    register("test.later", lambda: 0, 0.2, after=600)
    call_command("worker")
