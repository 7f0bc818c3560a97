"""The WSGI door."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from yiwang.site import backups, database, localdb

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yiwang.site.settings")
database.assert_fit(os.environ.get("DATABASE_URL") or localdb.url())
backups.refuse_while_due()
application = get_wsgi_application()
# What starting made stays for good: a full collection would walk it all, a sixth of a second in the middle of a page.
get_resolver().url_patterns  # noqa: B018 - read here, not at the first request
gc.freeze()
