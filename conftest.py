"""Fixtures of every room's tests."""

# ruff: noqa: S608 - statements over the names of our own tables

import gc
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings as platform
from django.core.management.commands import flush
from django.db import connection
from pytest_django import DjangoDbBlocker

from tests import databases, worlds

# What migrating writes and no test changes; written anew after every test it would take longer than the test.
KEPT = ("django_content_type", "auth_permission", "clocks_limit")


# The process's own database is made while the tests are found.
OWN: pytest.StashKey[Future[str]] = pytest.StashKey()

# What a test marked slow takes, in tests that are not.
SLOW = 100


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The order in which the processes of a whole run take files: long ones first, lest one process be idle at the end;
    then what starts platforms; journeys last, for a process that drives a browser is good for nothing else."""
    if not hasattr(config, "workerinput"):
        return
    length: Counter[Path] = Counter()
    last: Counter[Path] = Counter()
    for item in items:
        length[item.path] += SLOW if item.get_closest_marker("slow") else 1
        stage = 2 if item.get_closest_marker("journey") else 1 if item.get_closest_marker("serial") else 0
        last[item.path] = max(last[item.path], stage)
    # Journeys stay as they are written: one process goes through few of them, each with a platform already there.
    items.sort(key=lambda item: (last[item.path], 0 if last[item.path] == 2 else -length[item.path], str(item.path)))


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """What is imported stays to the end, and each test leaves little: looking for garbage as often as a server should
    is a tenth of a run and a quarter of finding the tests."""
    gc.set_threshold(50_000, 20, 100)
    config = session.config
    if hasattr(config, "workerinput") or not (config.getoption("numprocesses", 0) or config.option.collectonly):
        config.stash[OWN] = ThreadPoolExecutor(1).submit(databases.copy, _own(config), counted=False)


def _own(config: pytest.Config) -> str:
    """The name of the database of this process of the run."""
    worker = f"_{config.workerinput['workerid']}" if hasattr(config, "workerinput") else ""
    return f"test_{connection.settings_dict['NAME']}{worker}"


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """The process ends now: pytest goes through all that is left ten times over for warnings nobody reads."""
    gc.freeze()


def _emptying(style: object, tables: Iterable[str], **how: bool) -> list[str]:
    """Statements that empty the tables a test has written to: a TRUNCATE of all of them remakes hundreds of files."""
    names = [connection.ops.quote_name(table) for table in tables if table not in KEPT]
    asked = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in names)
    with connection.cursor() as cursor:
        cursor.execute(asked)
        return [f"DELETE FROM {name}" for (name,) in cursor.fetchall()]


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest, django_test_environment: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """A fresh database for each process of the run; it stays behind to be looked at."""
    with django_db_blocker.unblock():
        connection.close()
        request.config.stash[OWN].result()
        platform.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = _own(request.config)


@pytest.fixture(scope="session", autouse=True)
def _only_written_tables_are_emptied() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection.ops, "sql_flush", _emptying)
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_: None)
        yield


@pytest.fixture(autouse=True)
def _append_only_tables_can_be_emptied(request: pytest.FixtureRequest) -> Iterator[None]:
    """A transactional test ends with emptied tables, which append-only ones refuse; only the emptying goes past them."""
    marker = request.node.get_closest_marker("django_db")
    transactional = bool(marker and marker.kwargs.get("transaction")) or "transactional_db" in request.fixturenames
    if not transactional:
        yield
        return
    worlds.give_up()
    request.getfixturevalue("transactional_db")
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = origin")
    yield
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")  # unmanaged: Django leaves them


@pytest.fixture(autouse=True)
def _own_var(settings: Any, tmp_path: Path) -> None:
    """Files and the ledger's anchor of a test never reach the site's own directory."""
    settings.VAR = tmp_path
    settings.MEMORY = ""


@pytest.fixture
def database_url() -> str:
    """The test database as a DATABASE_URL, for processes a test starts; needs a transactional test."""
    settings = connection.settings_dict
    user = quote(settings["USER"]) + (":" + quote(settings["PASSWORD"]) if settings["PASSWORD"] else "")
    port = f"&port={settings['PORT']}" if settings["PORT"] else ""
    return f"postgresql://{user}@/{settings['NAME']}?host={quote(settings['HOST'], safe='')}{port}"


@pytest.fixture(autouse=True)
def _cheap_password_hashes(settings: Any) -> None:
    """The production hash is slow on purpose."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
