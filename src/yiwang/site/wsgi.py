"""The WSGI door."""

import os

from django.core.wsgi import get_wsgi_application

from yiwang.site import database, localdb

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yiwang.site.settings")
database.assert_fit(os.environ.get("DATABASE_URL") or localdb.url())
application = get_wsgi_application()
