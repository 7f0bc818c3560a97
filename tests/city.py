"""The demonstration city of a run, with a small town of the kernel: built by the first who needs it, copied by all.

A newcomer's first `./run up` builds it, in a house of its own; tests/architecture/test_run.py judges how that went.
A run has several processes and phases; they share what `YIWANG_TEST_RUN` names. Nobody changes the city itself.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from tests import databases
from tests.house import House
from yiwang.site import localdb
from yiwang.site.localdb import Cluster

DATABASE = "yiwang_test_city"
FOLDER = localdb.VAR / "tests"
HOUSE = FOLDER / "house"
RUN = os.environ.get("YIWANG_TEST_RUN") or os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid4().hex
# What belongs to the house and not to its city.
SERVING = ("pg", "pg.lock", "pg.password", "wal", "log", "run", "stamps", "static", "up.lock")
# Sign-in is quick in tests: accounts get the hash of the settings of the journeys, of the same password.
TOWN = """
import django; django.setup()
from django.contrib.auth.hashers import make_password
from tests.journeys.town import build
from yiwang.kernel.people.models import Account
from yiwang.site.demo_city import PASSWORD
Account.objects.exclude(password="").update(password=make_password(PASSWORD))
build()
"""


@dataclass(frozen=True)
class FirstUp:
    """What the first `./run up` of a house said, and what its page answered."""

    port: int
    returncode: int
    stdout: str
    stderr: str
    health: int


def environment(database: str, var: Path) -> dict[str, str]:
    """Of a process that serves or fills a city's database."""
    return {
        **os.environ, "DATABASE_URL": databases.named(database), "YIWANG_VAR": str(var), "YIWANG_ENV": "demo",
        "DJANGO_SETTINGS_MODULE": "tests.journeys.settings", "PYTHONPATH": str(localdb.ROOT), "YIWANG_CITY": "示例市",
    }  # fmt: skip


def _first_up(house: House, dump: Path, var: Path) -> FirstUp:
    """Bring a new house up and down again. The city is taken as it was prepared, before anybody works in it."""
    begun, prepared = house.start("up", "--port", str(house.port), "--detach"), house.var / "stamps" / "prepared.json"
    while begun.poll() is None and not prepared.exists():
        time.sleep(0.05)
    if prepared.exists():
        databases.save(Cluster(house.var).url(), dump)
        shutil.copytree(house.var, var, ignore=shutil.ignore_patterns(*SERVING))
    stdout, stderr = begun.communicate()
    first = FirstUp(house.port, begun.returncode, stdout, stderr, house.health() if not begun.returncode else 0)
    house.command("down")
    return first


def _built() -> Path:
    """The var folder of the city, whose database is DATABASE."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    var, mark, dump = FOLDER / "city", FOLDER / "city.run", FOLDER / "city.dump"
    with (FOLDER / "city.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not mark.exists() or mark.read_text() != RUN:
            mark.unlink(missing_ok=True)
            house = House(HOUSE)
            house.clear()
            for old in (HOUSE, var):
                shutil.rmtree(old, ignore_errors=True)
            first = _first_up(house, dump, var)
            assert first.returncode == 0, first.stdout[-2000:] + first.stderr[-4000:]
            databases.load(dump, DATABASE)
            dump.unlink()
            done = subprocess.run(
                [sys.executable, "-c", TOWN], cwd=localdb.ROOT, env=environment(DATABASE, var),
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
            (FOLDER / "first-up.json").write_text(json.dumps(asdict(first)))
            mark.write_text(RUN)
    return var


def first_up() -> FirstUp:
    """How the house came up in which the city of this run was built; it lies in HOUSE, down."""
    _built()
    return FirstUp(**json.loads((FOLDER / "first-up.json").read_text()))


def copy(database: str, var: Path | None = None) -> None:
    """Make database `database` anew as a copy of the city, and folder `var` of its files."""
    _built()
    databases.clone(DATABASE, database)
    if var is not None:
        files(var)


def files(var: Path) -> None:
    """Make folder `var` as a copy of the files of the city."""
    shutil.copytree(_built(), var)
