"""A platform beside ours: what another database and another folder hold, and what its commands say."""

import io
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from django.conf import settings as platform
from django.core.management import call_command
from django.db import connection
from psycopg.conninfo import conninfo_to_dict

from yiwang.data.protection.services import persons
from yiwang.data.protection.tests.test_persons import WHO
from yiwang.kernel.keys.models import forget
from yiwang.kernel.lake import erasing
from yiwang.kernel.lake import queries as lake
from yiwang.site.localdb import ROOT


def run(url: str, *command: str, var: Path | None = None, refused: bool = False) -> str:
    """What a command of the platform says; `refused`: it must end itself, and says why."""
    environment = {
        **os.environ, "DATABASE_URL": url, "YIWANG_VAR": str(var or platform.VAR), "DJANGO_SETTINGS_MODULE": "yiwang.site.settings",
        "YIWANG_SECRET_KEY": platform.SECRET_KEY, "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    environment.pop("YIWANG_LAKE", None)
    if not url:
        environment.pop("DATABASE_URL")
    done = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert bool(done.returncode) == refused, done.stdout[-1000:] + done.stderr[-3000:]
    return done.stderr if refused else done.stdout


def there(url: str, act: Callable[[], object], var: Path | None = None) -> str:
    """What `act` gives, as text, in a process that has the platform of another database and folder."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        connection.connection = None  # the parent's; the child opens its own
        try:
            given = conninfo_to_dict(url)
            connection.settings_dict |= {"NAME": given["dbname"], "HOST": given["host"], "PORT": given.get("port", ""),
                                         "USER": given["user"], "PASSWORD": given.get("password", "")}  # fmt: skip
            platform.VAR, platform.LAKE = str(var or platform.VAR), None
            forget()
            os.write(theirs, str(act()).encode())
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the parent sees the exit
            traceback.print_exc()
        finally:
            os._exit(99)
    os.close(theirs)
    with os.fdopen(ours, encoding="utf-8") as said:
        answer = said.read()
    assert os.waitpid(pid, 0)[1] == 0
    return answer


def told(*words: str) -> str:
    """What `delete_again` prints; a process of its own imports for a second what it needs for a tenth."""
    said = io.StringIO()
    call_command("delete_again", *words, stdout=said)
    return said.getvalue()


def left(url: str, var: Path | None = None) -> int:
    """Rows of the lake that name the person."""
    naming = erasing.written(WHO["sfz"])
    return int(
        there(
            url, lambda: sum(len(lake.keys_naming(each.table, each.columns, naming)) for each in persons._tables()), var
        )
    )
