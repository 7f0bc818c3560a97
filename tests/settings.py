"""The platform's settings with the apps that only tests need."""

from yiwang.site.settings import *  # noqa: F403
from yiwang.site.settings import INSTALLED_APPS as PLATFORM_APPS

INSTALLED_APPS = [*PLATFORM_APPS, "yiwang.kernel.registers.tests.sample"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
