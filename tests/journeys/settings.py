"""The platform's settings with a cheap password hash: journeys sign in often, and the real hash is slow on purpose."""

from yiwang.site.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
