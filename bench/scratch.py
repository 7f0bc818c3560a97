"""A database of its own for a benchmark, dropped afterwards."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import django
import psycopg
from django.core.management import call_command
from django.db import connections

from yiwang.site import localdb

# A benchmark imports this module before any model.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yiwang.site.settings")
django.setup()


@contextmanager
def database(name: str) -> Iterator[str]:
    """Create, migrate and yield the URL; Django's own connection leads there too."""
    server = os.environ.get("DATABASE_URL") or localdb.ensure()
    parts, scratch = urlsplit(server), f"yiwang_bench_{name}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {scratch} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {scratch}")
    url = urlunsplit(parts._replace(path=f"/{scratch}"))
    if not parts.netloc and url.startswith("postgresql:/" + scratch):
        url = url.replace("postgresql:/", "postgresql:///", 1)
    connections["default"].settings_dict["NAME"] = scratch
    try:
        call_command("migrate", verbosity=0)
        yield url
    finally:
        connections.close_all()
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE IF EXISTS {scratch} WITH (FORCE)")
