"""`python -m yiwang.site <management command>`."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from yiwang.site import backups
from yiwang.site.localdb import DatabaseProblem

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yiwang.site.settings")
try:
    if sys.argv[1:2] == ["worker"]:
        # Its messages, pushes and files reach people and departments as a page does.
        backups.refuse_while_due()
    execute_from_command_line(["yiwang", *sys.argv[1:]])
except (ImproperlyConfigured, DatabaseProblem) as refused:
    sys.exit(f"{refused}")
