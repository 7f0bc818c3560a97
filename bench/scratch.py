"""A database of its own for a benchmark, dropped afterwards."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import django
import psycopg
from django.db import connections

from tests import databases

# A benchmark imports this module before any model.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yiwang.site.settings")
django.setup()


@contextmanager
def database(name: str) -> Iterator[str]:
    """Yield the URL of a migrated database, copied from the one the tests keep; Django's own connection leads there."""
    scratch = f"yiwang_bench_{name}"
    url = databases.copy(scratch)
    connections["default"].settings_dict["NAME"] = scratch
    try:
        yield url
    finally:
        connections.close_all()
        with psycopg.connect(databases.named("postgres"), autocommit=True) as admin:
            admin.execute(f"DROP DATABASE IF EXISTS {scratch} WITH (FORCE)")
