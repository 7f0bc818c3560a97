"""Bring the database and the static files to what the code says; skip what has not changed since."""

import gc
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from io import StringIO
from pathlib import Path

import django
from django.core.management import call_command, get_commands
from django.core.management.base import CommandError

from yiwang.site import database, localdb, starting
from yiwang.site.console import Step, fail, say, steps

SOURCES = localdb.ROOT / "src"
STAMP = localdb.VAR / "stamps" / "prepared.json"
# Each is idempotent: it writes only what differs from what the code declares.
SEEDS = (
    ("seed_standards", "载入标准代码与节假日"),
    ("declare_roles", "登记资源与角色"),
    ("publish_flows", "发布流程定义"),
    ("publish_measures", "登记指标口径"),
    ("publish_reports", "登记报告模板"),
)


def database_url() -> str:
    """The database to use, started when it is the embedded one, and found fit."""
    url = os.environ.get("DATABASE_URL") or localdb.ensure()
    os.environ["DATABASE_URL"] = url
    database.assert_fit(url)
    return url


def sources_digest() -> str:
    """Changes when any code, template, static file or the lock does."""
    digest = hashlib.sha256(version("django").encode())
    lock = localdb.ROOT / "uv.lock"
    for path in [*sorted(SOURCES.rglob("*")), lock]:
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(localdb.ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _quietly(command: str) -> None:
    """The step's own line tells enough."""
    call_command(command, verbosity=0, stdout=StringIO())


@contextmanager
def rarely_collecting() -> Iterator[None]:
    """Collect garbage more rarely than a server should: a third of migrating, where Django makes every model anew for
    each operation, and a tenth of building a city."""
    usual = gc.get_threshold()
    gc.set_threshold(*starting.RARE)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def migrate() -> None:
    """Bring the schema to what the code says."""
    with rarely_collecting():
        call_command("migrate", verbosity=0, interactive=False)


def todo(demonstration: bool) -> list[Step]:
    found: list[Step] = [
        ("数据库迁移", migrate),
        ("收集静态文件", lambda: call_command("collectstatic", verbosity=0, interactive=False)),
    ]
    found += [(label, partial(_quietly, command)) for command, label in SEEDS]
    if demonstration:
        found.append(("示范城市数据", partial(_quietly, "demo")))
    return found


def prepare(url: str, *, demonstration: bool = True, stamp: Path = STAMP) -> bool:
    """True when something had to be done."""
    wanted = {
        "sources": sources_digest(), "database": database.identity(url), "demonstration": demonstration,
        "static": (localdb.VAR / "static").is_dir(),
    }  # fmt: skip
    if stamp.exists() and json.loads(stamp.read_text()) == {**wanted, "static": True} == wanted:
        return False
    stamp.unlink(missing_ok=True)
    setup()
    with rarely_collecting():
        steps(todo(demonstration))
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(json.dumps({**wanted, "static": True}))
    return True


def setup() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yiwang.site.settings")
    django.setup()


def verify() -> None:
    """Run every room's `verify_…` command; one that finds something exits with what it found."""
    failed = []
    for command in sorted(name for name in get_commands() if name.startswith("verify_")):
        try:
            call_command(command)
        except (SystemExit, CommandError) as found:
            failed.append(command)
            say(str(found) if isinstance(found, CommandError) else "", "red")
    if failed:
        raise fail(f"核对发现问题：{'、'.join(failed)}。")
    say("核对全部通过。", "bold green")
