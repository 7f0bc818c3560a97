"""The demonstration city of a run, with a small town of the kernel: built by the first who needs it, copied by all.

A run has several processes and phases; they share what `YIWANG_TEST_RUN` names. Nobody changes the city itself.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

from tests import databases
from yiwang.site import localdb

DATABASE = "yiwang_test_city"
FOLDER = localdb.VAR / "tests"
RUN = os.environ.get("YIWANG_TEST_RUN") or os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid4().hex
BUILD = """
import django; django.setup()
from django.core.management import call_command
from yiwang.site.preparation import SEEDS, rarely_collecting
from tests.journeys.town import build
with rarely_collecting():
    for step in (*(command for command, _ in SEEDS), "demo"):
        call_command(step, verbosity=0)
    build()
"""


def environment(database: str, var: Path) -> dict[str, str]:
    """Of a process that serves or fills a city's database."""
    return {
        **os.environ, "DATABASE_URL": databases.named(database), "YIWANG_VAR": str(var), "YIWANG_ENV": "demo",
        "DJANGO_SETTINGS_MODULE": "tests.journeys.settings", "PYTHONPATH": str(localdb.ROOT), "YIWANG_CITY": "示例市",
    }  # fmt: skip


def _built() -> Path:
    """The var folder of the city, whose database is DATABASE."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    var, mark = FOLDER / "city", FOLDER / "city.run"
    with (FOLDER / "city.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not mark.exists() or mark.read_text() != RUN:
            mark.unlink(missing_ok=True)
            shutil.rmtree(var, ignore_errors=True)
            databases.copy(DATABASE)
            done = subprocess.run(
                [sys.executable, "-c", BUILD], cwd=localdb.ROOT, env=environment(DATABASE, var),
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
            mark.write_text(RUN)
    return var


def copy(database: str, var: Path | None = None) -> None:
    """Make database `database` anew as a copy of the city, and folder `var` of its files."""
    files = _built()
    databases.clone(DATABASE, database)
    if var is not None:
        shutil.copytree(files, var)
