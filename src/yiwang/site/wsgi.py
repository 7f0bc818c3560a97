"""The WSGI door."""

import gc
import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from yiwang.kernel.files import restored
from yiwang.site import backups, database, localdb

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yiwang.site.settings")
database.assert_fit(os.environ.get("DATABASE_URL") or localdb.url())
backups.refuse_while_due()
served = get_wsgi_application()
SAID = f"{restored.WHY}，平台暂停服务。请稍后再试。".encode()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The platform; while deletions are due after a restore beside the running process, one sentence."""
    if restored.deletions_due(localdb.VAR):
        head = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store"), ("Retry-After", "60")]
        start_response("503 Service Unavailable", head)
        return [SAID]
    return served(environ, start_response)


# What starting made stays for good: a full collection would walk it all, a sixth of a second in the middle of a page.
get_resolver().url_patterns  # noqa: B018 - read here, not at the first request
gc.freeze()
