"""`python -m yiwang.site <management command>`."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yiwang.site.settings")
try:
    execute_from_command_line(["yiwang", *sys.argv[1:]])
except ImproperlyConfigured as refused:
    sys.exit(f"{refused}")
