"""Databases of the tests: each starts as a copy of one that was migrated once, so a run needs no clean end before it."""

import ast
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from yiwang.site import localdb

SOURCES = localdb.ROOT / "src"
PREFIX = "yiwang_migrated_"
TURN = 4_127_003  # of an advisory lock: one process builds, the others wait and copy
MIGRATE = """
import django; django.setup()
from yiwang.site.preparation import migrate; migrate()
"""
# Statistics taken while a test's world is not committed say "no rows" of tables that are full, and the planner
# then joins them row by row: without statistics it judges by size.
UNCOUNTED = """
DO $$
DECLARE found regclass;
BEGIN
    FOR found IN SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text
        NOT IN ('pg_catalog', 'information_schema') LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = false)', found);
    END LOOP;
END $$
"""


def named(name: str) -> str:
    """The address of database `name` on the configured server."""
    base = os.environ.get("DATABASE_URL") or localdb.ensure()
    return urlunsplit(urlsplit(base)._replace(path=f"/{name}"))


def digest() -> str:
    """Changes with whatever migrating writes: the migrations, the models, what migrations import, and the lock."""
    migrations = [path for path in SOURCES.rglob("*.py") if path.parent.name == "migrations"]
    models = [path for path in SOURCES.rglob("*.py") if path.stem == "models" or "models" in path.parent.parts]
    imported = {found for path in migrations for found in _imported(path)}
    digest = hashlib.sha256()
    for path in sorted({*migrations, *models, *imported, localdb.ROOT / "uv.lock", Path(__file__)}):
        digest.update(f"{path.relative_to(localdb.ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _imported(path: Path) -> Iterator[Path]:
    """The platform's own modules that a file imports from."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        named = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        named += [each.name for each in node.names] if isinstance(node, ast.Import) else []
        for name in named:
            place = SOURCES / name.replace(".", "/")
            if name.startswith("yiwang."):
                yield from (each for each in (place.with_suffix(".py"), place / "__init__.py") if each.exists())


@contextmanager
def _in_turn() -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    base = os.environ.get("DATABASE_URL") or localdb.ensure()
    with psycopg.connect(base, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [TURN])
        yield connection


def _drop(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _migrated(connection: psycopg.Connection[tuple[object, ...]]) -> str:
    """The name of a database migrated by the present code, built when there is none; those of other code go."""
    wanted, building = PREFIX + digest(), PREFIX + "building"
    rows = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [PREFIX]).fetchall()
    present = {str(name) for (name,) in rows}
    if wanted in present:
        return wanted
    for name in present:
        _drop(connection, name)
    connection.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(building))
    )
    done = subprocess.run(
        [sys.executable, "-c", MIGRATE], cwd=localdb.ROOT,
        env={**os.environ, "DATABASE_URL": named(building), "DJANGO_SETTINGS_MODULE": "tests.settings",
             "PYTHONPATH": str(localdb.ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(building), sql.Identifier(wanted))
    connection.execute(rename)
    return wanted


def _clone(connection: psycopg.Connection[tuple[object, ...]], source: str, name: str) -> None:
    _drop(connection, name)
    names = [sql.Identifier(each) for each in (name, source)]
    connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
    # Nobody keeps what a machine that loses power takes with it: tests kill processes, and commits outlive those.
    connection.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(names[0]))


def clone(source: str, name: str) -> None:
    """Make database `name` anew with what `source` holds, which nobody may be using."""
    with _in_turn() as connection:
        _clone(connection, source, name)


def save(url: str, dump: Path) -> None:
    """Write what the database at `url` holds at this instant to a file."""
    _program("pg_dump", "--format=custom", "--compress=0", "--no-owner", "--no-privileges", f"--file={dump}", url)


def load(dump: Path, name: str) -> None:
    """Make database `name` anew from a file that `save` wrote, and count its rows for the planner."""
    with _in_turn() as connection:
        _drop(connection, name)
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name))
        )
    _program(
        "pg_restore", "--no-owner", "--no-privileges", "--single-transaction", f"--dbname={named(name)}", str(dump)
    )
    with psycopg.connect(named(name), autocommit=True) as made:
        made.execute("ANALYZE")


def _program(name: str, *arguments: str) -> None:
    done = subprocess.run(
        [str(localdb.LOCAL.binaries / name), *arguments], capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]


def copy(name: str, *, counted: bool = True) -> str:
    """Make database `name` anew, migrated and empty, whatever a killed run left in it; return its address.

    Without `counted` the server never gathers statistics of its tables.
    """
    with _in_turn() as connection:
        _clone(connection, _migrated(connection), name)
    address = named(name)
    if not counted:
        with psycopg.connect(address, autocommit=True) as made:
            made.execute(UNCOUNTED)
    return address


if __name__ == "__main__":
    with _in_turn() as held:
        _migrated(held)
