"""The platform's settings with the apps that only tests need."""

from pathlib import Path
from tempfile import TemporaryDirectory

from yiwang.site.settings import *  # noqa: F403
from yiwang.site.settings import INSTALLED_APPS as PLATFORM_APPS

INSTALLED_APPS = [*PLATFORM_APPS, "yiwang.kernel.registers.tests.sample"]
OWN_DATABASE_IS_FOREIGN = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# What tests write to disk goes with them; the database stays where the platform's is.
_FOLDER = TemporaryDirectory(prefix="yiwang-test-")
VAR = Path(_FOLDER.name)
