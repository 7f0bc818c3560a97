"""`python -m yiwang.site <management command>`."""

import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yiwang.site.settings")
execute_from_command_line(["yiwang", *sys.argv[1:]])
